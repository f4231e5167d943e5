//go:build !unix

package process

import (
	"os"
	"syscall"
)

// ownSession does nothing on these systems.
func ownSession() *syscall.SysProcAttr { return nil }

// terminate ends a process, but not its children.
func terminate(p *os.Process) { _ = p.Kill() }

func kill(p *os.Process) { _ = p.Kill() }

// running returns true, because only the goroutine that waits for the process can tell.
func running(*os.Process) bool { return true }

// statusOf returns the exit status of a process.
func statusOf(state *os.ProcessState) int { return state.ExitCode() }
