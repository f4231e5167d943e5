//go:build unix && !linux && !solaris && !aix && !illumos

package repl

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// stopProcess stops the process and its group, as Ctrl-Z does, and returns when it goes on.
func (k *keys) stopProcess() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, unix.SIGCONT)
	defer signal.Stop(goesOn)
	_ = unix.Kill(0, unix.SIGTSTP)
	select {
	case <-goesOn:
	case <-time.After(time.Second): // the signal is ignored
	}
}
