// Package process runs local commands, each in a session and a process group of its own, without a terminal.
//
// A command that is stopped gets SIGTERM, and SIGKILL after a grace period, with all processes of its group. [Run]
// returns when the command itself has ended: what it left running in the background isn't waited for, even if it
// holds the output open.
package process

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"incus-star/errors"
)

// A Command is a command to run.
type Command struct {
	// Args are the command and its arguments. A name without a slash is looked up in the PATH of Env.
	Args []string
	// Env is the whole environment, of name=value pairs.
	Env []string
	// Dir is the working directory; empty for that of this process.
	Dir string
	// Stdin is the standard input; nil for none, which reads as empty.
	Stdin *string
	// Stdout and Stderr take the output, each from a goroutine of its own. An error stops the command. They must return
	// when the context ends.
	Stdout, Stderr func(data []byte) error
	// Grace is the time between SIGTERM and SIGKILL.
	Grace time.Duration
	// Hurry, when closed, ends the grace period.
	Hurry <-chan struct{}
}

// A NotRunError is the error of a command that can't be run.
type NotRunError struct {
	// Status is that of a shell: 127 if the command wasn't found, 126 if it can't be executed, 0 if the system lacks
	// something to start any command.
	Status int
	Err    error
}

func (e *NotRunError) Error() string { return e.Err.Error() }
func (e *NotRunError) Unwrap() error { return e.Err }

// A DirError is the error of a working directory that can't be entered.
type DirError struct{ Err error }

func (e *DirError) Error() string { return e.Err.Error() }
func (e *DirError) Unwrap() error { return e.Err }

const (
	// linger is the time to wait for more output of a command that has ended while a process in the background holds the
	// output open.
	linger = time.Second
	// maxPipe is the most that a pipe may still hold after its writer's end.
	maxPipe = 1 << 20
	// lastOutput is the time to read what a stopped command wrote.
	lastOutput = 100 * time.Millisecond
	// unkillable is the time that a killed command has to disappear: one in the middle of a call of the system, or of
	// another user, may not.
	unkillable = 2 * time.Second
)

// Run runs a command until it ends, and returns its exit status: 128 and the signal's number for one that a signal
// ended. If the context ends first, or Stdout or Stderr returns an error, it stops the command, and returns the
// context's cause or that error. A command that can't be run gives a [*NotRunError] or a [*DirError].
func Run(ctx context.Context, c *Command) (status int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	p, err := start(c)
	if err != nil {
		return 0, notRun(err)
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case err = <-p.failed:
	}
	read := make(chan struct{})
	go func() { p.pipes.Wait(); close(read) }()
	if err != nil {
		p.stop()
		select {
		case <-read:
		case <-time.After(lastOutput):
		}
	} else {
		select {
		case <-read:
		case <-ctx.Done(): // nobody wants the rest
			err = context.Cause(ctx)
		}
	}
	p.close()
	<-read
	if err == nil {
		select {
		case err = <-p.failed:
		default:
		}
	}
	if err != nil {
		return 0, err
	}
	return statusOf(p.state), nil
}

// A process is a command that was started.
type process struct {
	*Command
	os             *os.Process
	state          *os.ProcessState // set when exited is closed
	exited         chan struct{}
	stdin          io.WriteCloser // nil for none
	stdout, stderr io.ReadCloser
	pipes          sync.WaitGroup // the goroutines that use them
	failed         chan error     // what Stdout and Stderr returned
}

// start starts a command, and goroutines that feed it, read its output, and wait for its end.
func start(c *Command) (*process, error) {
	if c.Dir != "" {
		// The dot below it is found only in a folder that may be entered.
		if _, err := os.Stat(c.Dir + string(filepath.Separator) + "."); err != nil {
			return nil, &DirError{err}
		}
	}
	path, err := find(c.Args[0], c.Env)
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: c.Args, Env: c.Env, Dir: c.Dir, SysProcAttr: ownSession()}
	p := &process{Command: c, exited: make(chan struct{}), failed: make(chan error, 2)}
	if c.Stdin != nil {
		p.stdin, err = cmd.StdinPipe()
	}
	if err == nil {
		p.stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		p.stderr, err = cmd.StderrPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	p.os = cmd.Process
	if c.Stdin != nil {
		p.pipes.Go(func() {
			_, _ = io.WriteString(p.stdin, *c.Stdin) // a command may end without reading all
			p.stdin.Close()
		})
	}
	p.pipes.Go(func() { p.read(p.stdout, c.Stdout) })
	p.pipes.Go(func() { p.read(p.stderr, c.Stderr) })
	go func() {
		p.state, _ = p.os.Wait()
		// Wakes the readers, which then wait for a while only, and a writer whose pipe a process in the background holds.
		for _, pipe := range []io.Closer{p.stdout, p.stderr} {
			_ = pipe.(deadliner).SetReadDeadline(time.Now())
		}
		if p.stdin != nil {
			p.stdin.Close()
		}
		close(p.exited)
	}()
	return p, nil
}

type deadliner interface{ SetReadDeadline(time.Time) error }

// read passes on output until its end. When the command has ended, it takes what the pipe still holds, and waits for
// more only for a while.
func (p *process) read(pipe io.Reader, take func([]byte) error) {
	buffer := make([]byte, 64<<10)
	ended := false
	rest, patience := maxPipe, linger
	for rest > 0 {
		if ended {
			_ = pipe.(deadliner).SetReadDeadline(time.Now().Add(patience))
		}
		began := time.Now()
		n, err := pipe.Read(buffer)
		if ended {
			rest -= n
			patience -= time.Since(began)
		}
		if n > 0 {
			if failed := take(buffer[:n]); failed != nil {
				p.failed <- failed
				return
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !ended:
			<-p.exited // set right after the deadline
			ended = true
		case err != nil:
			return
		}
	}
}

// stop ends the command and all processes of its group.
func (p *process) stop() {
	terminate(p.os)
	grace := time.NewTimer(p.Grace)
	defer grace.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
wait:
	for running(p.os) {
		select {
		case <-poll.C:
		case <-grace.C:
			break wait
		case <-p.Hurry:
			break wait
		}
	}
	kill(p.os)
	select {
	case <-p.exited:
	case <-time.After(unkillable): // the goroutine that waits for it stays
	}
}

// close closes this side's ends of the pipes, which ends reading and writing.
func (p *process) close() {
	for _, pipe := range []io.Closer{p.stdin, p.stdout, p.stderr} {
		if pipe != nil {
			pipe.Close()
		}
	}
}

// find returns the file of a command by its name.
func find(name string, env []string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		return name, nil
	}
	path := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
		}
	}
	err := error(exec.ErrNotFound)
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue // what lies in the working directory isn't run by accident
		}
		file := filepath.Join(dir, name)
		_, failed := exec.LookPath(file)
		if failed == nil {
			return file, nil
		}
		if errors.Is(failed, fs.ErrPermission) {
			err = fs.ErrPermission
		}
	}
	return "", err
}

// notRun returns the error of a command that wasn't started.
func notRun(err error) error {
	var dir *DirError
	if errors.As(err, &dir) {
		return err
	}
	status := 0
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		status = 127
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.E2BIG), errors.Is(err, syscall.ELOOP):
		status = 126
	}
	reason := err
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		reason = errors.Plain("command not found")
	case errors.As(err, &pathErr):
		reason = pathErr.Err
	}
	return &NotRunError{status, reason}
}
