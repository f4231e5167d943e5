//go:build unix && !solaris && !aix && !illumos

package remote

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock tries to lock a folder, and reports whether it succeeded or the file system has no locks. Closing it unlocks it.
func tryLock(folder *os.File) bool {
	err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return err != unix.EWOULDBLOCK && err != unix.EINTR
}
