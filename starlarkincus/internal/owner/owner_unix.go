//go:build unix

package owner

import (
	"os"
	"syscall"
)

// ownersCount reports whether file modes tell the permissions of other users.
const ownersCount = true

// ownerOf returns the id of the file's owner.
func ownerOf(info os.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
