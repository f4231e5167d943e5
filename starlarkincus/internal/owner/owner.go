// Package owner tells of files whose content is trusted that somebody else could have written or read it.
package owner

import (
	"fmt"
	"os"
)

// others are the bits of a mode that let all users write; a sticky folder keeps each user's files apart.
const others = 0o002

// Key returns a warning about a private key that others than the user can read or write; empty for none.
func Key(path string, uid int) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	if mode := info.Mode().Perm(); ownersCount && mode&0o066 != 0 {
		return fmt.Sprintf("the key %s can be read or written by other users (mode %#o): chmod 600 makes it private", path, mode)
	}
	return foreign("the key "+path, info, uid)
}

// Trusted returns a warning about a folder or a file that somebody else than the user and root owns, or that all can
// write; empty for none.
func Trusted(path string, uid int) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	if mode := info.Mode(); ownersCount && mode.Perm()&others != 0 && mode&(os.ModeSticky|os.ModeDevice) == 0 {
		return fmt.Sprintf("%s can be written by all users (mode %#o): chmod o-w ends that", path, mode.Perm())
	}
	return foreign(path, info, uid)
}

func foreign(name string, info os.FileInfo, uid int) string {
	if owner, ok := ownerOf(info); ok && owner != 0 && owner != uid {
		return fmt.Sprintf("%s belongs to another user (uid %d)", name, owner)
	}
	return ""
}
