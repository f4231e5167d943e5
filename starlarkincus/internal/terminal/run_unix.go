//go:build unix && !solaris && !aix && !illumos

package terminal

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const (
	grace     = time.Second            // between SIGTERM and SIGKILL
	frontTime = 200 * time.Millisecond // between two looks at whether this process has the terminal again
)

// A job is a program that runs on the terminal.
type job struct {
	terminal, group, own int // the terminal, the program's group, and that of this process
	groups               []int
	before, mode         *term.State // the terminal's mode before, and that of the program when it was stopped
	exited               chan unix.WaitStatus
	ends                 atomic.Bool
}

func run(ctx context.Context, cmd *exec.Cmd) error {
	j := &job{terminal: int(os.Stdin.Fd()), own: unix.Getpgrp(), exited: make(chan unix.WaitStatus, 1)}
	j.before, _ = term.GetState(j.terminal)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if j.foreground() == j.own {
		cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, j.terminal
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	j.group = cmd.Process.Pid
	j.groups = []int{j.group}
	_ = cmd.Process.Release() // wait waits for it
	go j.wait(ctx)
	select {
	case status := <-j.exited:
		j.takeBack()
		switch {
		case status.Signaled():
			return &EndError{128 + int(status.Signal()), status.Signal()}
		case status.ExitStatus() != 0:
			return &EndError{Status: status.ExitStatus()}
		}
		return nil
	case <-ctx.Done():
		j.end()
		j.takeBack()
		return context.Cause(ctx)
	}
}

// wait waits for the program's end. It outlives the job only if the program can't be killed.
func (j *job) wait(ctx context.Context) {
	for {
		var status unix.WaitStatus
		switch _, err := unix.Wait4(j.group, &status, unix.WUNTRACED, nil); {
		case err == unix.EINTR:
		case err == nil && status.Stopped() && !j.ends.Load():
			j.stop(ctx)
		case err == nil && status.Stopped():
			_ = unix.Kill(-j.group, unix.SIGCONT)
		default:
			j.exited <- status
			return
		}
	}
}

// stop stops this process, because the program has stopped. The program goes on when this process has the terminal again, with the mode
// that it had set: in the background it would stop again, and stop this process also while that is to end.
func (j *job) stop(ctx context.Context) {
	if j.foreground() != j.own {
		mode, err := term.GetState(j.terminal)
		if j.takeBack() && j.before != nil && err == nil {
			j.mode = mode
			_ = term.Restore(j.terminal, j.before)
		}
		StopProcess()
	}
	for !InFront(j.terminal) {
		select {
		case <-ctx.Done():
			return // end lets the program go on
		case <-time.After(frontTime):
		}
	}
	if j.foreground() == j.own {
		if j.mode != nil {
			_ = term.Restore(j.terminal, j.mode)
		}
		j.setForeground(j.group)
	}
	_ = unix.Kill(-j.group, unix.SIGCONT)
}

// end ends the processes of the program. While one of a group exists, the group's number isn't reused.
func (j *job) end() {
	j.ends.Store(true)
	for _, group := range startedBy(j.group) {
		if group != j.own && !slices.Contains(j.groups, group) {
			j.groups = append(j.groups, group)
		}
	}
	for _, group := range j.groups {
		_ = unix.Kill(-group, unix.SIGTERM)
		_ = unix.Kill(-group, unix.SIGCONT) // a suspended process handles SIGTERM only then
	}
	if !j.ended(grace) {
		for _, group := range j.groups {
			_ = unix.Kill(-group, unix.SIGKILL)
		}
		j.ended(grace) // not one that is blocked in a system call
	}
}

// ended reports whether all groups end within a time.
func (j *job) ended(within time.Duration) bool {
	for limit := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		if !slices.ContainsFunc(j.groups, running) {
			return true
		}
		if time.Now().After(limit) {
			return false
		}
	}
}

// takeBack reports whether the program has the terminal, which belongs to this process's group then.
func (j *job) takeBack() bool {
	now := j.foreground()
	if now == j.own || now <= 0 || !slices.Contains(j.groups, now) && running(now) && !startedHere(now) {
		return false // another program has it, such as the shell of a job in the background
	}
	j.setForeground(j.own)
	return true
}

// foreground returns the process group that has the terminal; -1 if it isn't this process's.
func (j *job) foreground() int {
	group, err := unix.IoctlGetInt(j.terminal, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

// setForeground gives the terminal to a group. This process would be stopped where it hasn't the terminal itself.
func (j *job) setForeground(group int) {
	if !signal.Ignored(unix.SIGTTOU) {
		signal.Ignore(unix.SIGTTOU)
		defer signal.Reset(unix.SIGTTOU)
	}
	_ = unix.IoctlSetPointerInt(j.terminal, unix.TIOCSPGRP, group)
}

// StopProcess stops the process and its group, as Ctrl-Z does, and returns when it goes on. It returns at once in the group of
// the session's leader, which nobody would let go on. The signal is SIGSTOP, because the runtime, once asked for SIGTSTP, never
// gives that its default action back.
func StopProcess() {
	if leader, err := unix.Getsid(0); err != nil || leader == unix.Getpgrp() {
		return
	}
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, unix.SIGCONT)
	defer signal.Stop(goesOn)
	if unix.Kill(0, unix.SIGSTOP) == nil {
		<-goesOn
	}
}
