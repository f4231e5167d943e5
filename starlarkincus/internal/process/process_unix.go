//go:build unix

package process

import (
	"os"
	"syscall"
)

// ownSession makes a command the leader of a session and process group without a terminal. So Ctrl-C reaches this
// process only, and a command that asks for a password fails instead of being suspended.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// terminate asks the processes of a group to end. While one of them exists, the group's number isn't reused.
func terminate(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGTERM)
	_ = syscall.Kill(-p.Pid, syscall.SIGCONT) // a suspended process handles SIGTERM only then
}

// kill ends the processes of a group.
func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }

// running reports whether a group has processes.
func running(p *os.Process) bool { return syscall.Kill(-p.Pid, 0) != syscall.ESRCH }

// statusOf returns the exit status of a process.
func statusOf(state *os.ProcessState) int {
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return 128 + int(wait.Signal())
	}
	return state.ExitCode()
}
