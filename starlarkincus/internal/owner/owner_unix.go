//go:build unix

package owner

import (
	"os"
	"syscall"
)

const ownersCount = true

func ownerOf(info os.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
