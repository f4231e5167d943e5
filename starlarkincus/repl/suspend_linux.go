package repl

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// stopProcess stops the process and its group, as Ctrl-Z does, and returns when it goes on. It returns at once where nobody
// could let it go on.
func (k *keys) stopProcess() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Kill(0, unix.SIGTSTP)
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGTSTP) // this thread doesn't get further, as the one before may let it
}
