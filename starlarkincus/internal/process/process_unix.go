//go:build unix

package process

import (
	"os"
	"syscall"
)

// ownSession makes a command the leader of a session, and so of a process group, without the terminal: Ctrl-C reaches
// this process only, and a command that asks for a password fails instead of being suspended.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// terminate asks the processes of a group to end. While one of them is there, the group's number belongs to no other.
func terminate(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGTERM)
	_ = syscall.Kill(-p.Pid, syscall.SIGCONT) // a suspended one would not notice
}

// kill ends the processes of a group.
func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// running reports whether processes of a group are there.
func running(p *os.Process) bool { return syscall.Kill(-p.Pid, 0) != syscall.ESRCH }

// statusOf returns the exit status of a process.
func statusOf(state *os.ProcessState) int {
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return 128 + int(wait.Signal())
	}
	return state.ExitCode()
}
