package files

import (
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/pkg/sftp"

	"incus-star/errors"
)

// Attributes are the attributes of a file to write. Nil fields are kept for an existing file, and chosen by the server
// for a new one.
type Attributes struct {
	Mode     *fs.FileMode
	UID, GID *int
}

// attributes are Attributes with a modification time, which is set unless it is zero.
type attributes struct {
	Attributes
	modTime time.Time
}

// differ reports whether the file has another mode or owner than a.
func (a attributes) differ(info Info) bool {
	return a.Mode != nil && *a.Mode != info.Mode&bits || a.UID != nil && *a.UID != info.UID || a.GID != nil && *a.GID != info.GID
}

// ofFile returns a with its nil fields set to those of an existing file.
func (a attributes) ofFile(info Info) attributes {
	if a.Mode == nil {
		mode := info.Mode & bits
		a.Mode = &mode
	}
	if a.UID == nil {
		a.UID = &info.UID
	}
	if a.GID == nil {
		a.GID = &info.GID
	}
	return a
}

// A target is a file whose attributes can be set, given by its path or open.
type target interface {
	Chmod(mode fs.FileMode) error
	Chown(uid, gid int) error
	Stat() (os.FileInfo, error)
}

// A byPath is a file by its path.
type byPath struct {
	client *sftp.Client
	path   string
}

func (p byPath) Chmod(mode fs.FileMode) error { return p.client.Chmod(p.path, mode) }
func (p byPath) Chown(uid, gid int) error     { return p.client.Chown(p.path, uid, gid) }
func (p byPath) Stat() (os.FileInfo, error)   { return p.client.Stat(p.path) }

// set sets the owner, and then the mode, because changing the owner clears the special bits.
func (c *Call) set(path string, on target, a attributes) error {
	if a.UID != nil || a.GID != nil {
		uid, gid := a.UID, a.GID
		if uid == nil || gid == nil {
			var info Info
			err := c.ask(path, func(*sftp.Client) error {
				found, err := on.Stat()
				if err == nil {
					info = infoOf(path, found)
				}
				return err
			})
			if err != nil {
				return err
			}
			whole := a.ofFile(info)
			uid, gid = whole.UID, whole.GID
		}
		if err := c.change(path, func(*sftp.Client) error { return on.Chown(*uid, *gid) }); err != nil {
			return err
		}
	}
	if a.Mode == nil {
		return nil
	}
	if err := c.change(path, func(*sftp.Client) error { return on.Chmod(*a.Mode) }); err != nil || *a.Mode == a.Mode.Perm() {
		return err
	}
	return c.ask(path, func(*sftp.Client) error {
		found, err := on.Stat()
		if err == nil && found.Mode()&bits != *a.Mode {
			return errNoSpecialBits
		}
		return err
	})
}

// errNoSpecialBits is the error for servers before Incus 7.0, which ignore the special bits of a mode.
var errNoSpecialBits = errors.Plain("the server can't set the set-user-ID, set-group-ID and sticky bits")

// sftpTime returns the nearest time that SFTP can send, whose seconds since 1970 are 32 unsigned bits.
func sftpTime(t time.Time) time.Time {
	return time.Unix(min(max(t.Unix(), 0), math.MaxUint32), 0)
}

// setTime sets the modification time.
func (c *Call) setTime(path string, t time.Time) error {
	return c.change(path, func(client *sftp.Client) error { return client.Chtimes(path, t, t) })
}

// adjust sets those attributes of an existing file that differ, and reports whether it changed the mode or the owner.
func (c *Call) adjust(info Info, a attributes) (changed bool, err error) {
	if a.differ(info) {
		if err := c.set(info.Path, byPath{c.session.client, info.Path}, a.ofFile(info)); err != nil {
			return false, err
		}
		c.made.Add(1)
		changed = true
	}
	if !a.modTime.IsZero() && a.modTime.Unix() != info.ModTime.Unix() {
		return changed, c.setTime(info.Path, a.modTime)
	}
	return changed, nil
}
