// Package owner checks whether other users can read or change files with secret or trusted content.
package owner

import (
	"fmt"
	"os"
)

// others are the mode bits that let all users write. A sticky folder protects each user's files all the same.
const others = 0o002

// Key returns a warning about a private key that users other than uid and root can read or write; empty for none.
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

// Trusted returns a warning about a folder or a file that belongs to a user other than uid and root, or that all users
// can write; empty for none.
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

// foreign returns a warning about a file that belongs to a user other than uid and root; empty for none.
func foreign(name string, info os.FileInfo, uid int) string {
	if owner, ok := ownerOf(info); ok && owner != 0 && owner != uid {
		return fmt.Sprintf("%s belongs to another user (uid %d)", name, owner)
	}
	return ""
}
