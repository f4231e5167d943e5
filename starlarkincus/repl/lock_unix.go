//go:build unix && !solaris && !aix && !illumos

package repl

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the file's lock if nobody else has it; closing the file gives it back. A file system without locks has
// none to take.
func lock(f *os.File) bool {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return err != unix.EWOULDBLOCK && err != unix.EINTR
}
