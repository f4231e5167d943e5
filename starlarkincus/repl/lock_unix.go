//go:build unix && !solaris && !aix && !illumos

package repl

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock tries to lock the file, and reports whether it succeeded or the file system has no locks. Closing the file
// unlocks it.
func lock(f *os.File) bool {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return err != unix.EWOULDBLOCK && err != unix.EINTR
}
