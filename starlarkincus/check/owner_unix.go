//go:build unix

package check

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner that another has, as far as the user may.
func keepOwner(f *os.File, of fs.FileInfo) {
	if stat, ok := of.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid))
	}
}
