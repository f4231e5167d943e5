//go:build unix && !solaris && !aix && !illumos

package atomicfile

import (
	"io/fs"
	"os"
	"syscall"

	"incus-star/errors"

	"golang.org/x/sys/unix"
)

// keepOwner sets the owner and the group of f to those of another file, as far as the user is allowed to.
func keepOwner(f *os.File, of fs.FileInfo) {
	if stat, ok := of.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid))
	}
}

// lock locks a file unless another process has the lock. Closing the file releases it.
func lock(f *os.File) lockState {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
			return held
		case unix.EWOULDBLOCK:
			return taken
		case unix.EINTR:
		default:
			return unknown
		}
	}
}

// openNoFollow opens a file without following a link or waiting for a pipe, because another user may have created it.
func openNoFollow(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = os.OpenFile(name, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	}
	return f, err
}
