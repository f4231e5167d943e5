package remote

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"syscall"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
)

// The changes of several files, as an [edition] names them.
const (
	adds    = "add"
	renames = "rename"
	removes = "remove"
)

// An edition is a change of several files that has begun. It is kept in a file from before the first of them is
// changed until after the last, so that the next change completes it, or undoes it, if its process was killed. The new
// config.yml decides which. The zero value is a change of config.yml alone.
type edition struct {
	Edit string `json:"change"`
	Old  string `json:"old,omitempty"` // the remote that is renamed or removed
	New  string `json:"new,omitempty"` // the new name, or the new remote
}

func (c *Config) editionPath() string { return c.path(".incus-star-change.json") }

// interrupted returns the change that was begun and not ended; the zero value for none.
func (c *Config) interrupted() (e edition) {
	if content, err := read(context.Background(), c.editionPath()); err != nil || json.Unmarshal(content, &e) != nil {
		return edition{}
	}
	return e
}

// repeats reports whether the change was begun already.
func (c *Config) repeats(e edition) bool { return e != (edition{}) && c.interrupted() == e }

// begin records the beginning of a change.
func (c *Config) begin(e edition) error {
	if e == (edition{}) {
		return nil
	}
	content, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(c.editionPath(), content, atomicfile.Mode{Perm: 0o600}); err != nil {
		return cannotWrite(c.editionPath(), err)
	}
	return nil
}

// settle ends the change that was begun, if there is one: it removes the files that the remotes in config.yml don't need
// any more, or the new ones that they don't need yet. It reports whether config.yml has the change, and returns the errors of
// files that stay, which don't hinder other changes. The configuration must be locked. The incus command may have renamed,
// removed or replaced the old remote since the beginning of a renaming, so that the new name of a file is its only one.
func (c *Config) settle(ctx context.Context) (made bool, left []error, err error) {
	if !exists(c.editionPath()) {
		return false, nil, nil
	}
	e := c.interrupted()
	now, err := Load(ctx, c.env)
	if err != nil {
		return false, nil, err
	}
	has := func(name string) bool {
		own, ok := now.remotes[name]
		return ok && !own.global
	}
	hasOld, hasNew := has(e.Old), has(e.New)
	for _, f := range perRemote {
		old, added := c.path(f.folder, e.Old+f.suffix), c.path(f.folder, e.New+f.suffix)
		var unneeded string
		switch {
		case e.Edit == adds && !hasNew && f.folder == pins:
			unneeded = added
		case e.Edit == renames && !hasNew && (isCopy(old, added) || !f.own && notAfter(added, c.editionPath())):
			unneeded = added
		case e.Edit == renames && hasNew && !hasOld, e.Edit == removes && !hasOld && !f.own:
			unneeded = old
		default:
			continue
		}
		if err := remove(unneeded); err != nil {
			left = append(left, err)
		}
	}
	made = e.Edit == adds && hasNew || e.Edit == renames && hasNew && !hasOld || e.Edit == removes && !hasOld
	return made, left, remove(c.editionPath())
}

// remove removes a file, which may be missing.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !missing(err) {
		return cannotWrite(path, err)
	}
	return nil
}

// missing reports whether an error tells that there is no such file, and perhaps can't be.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// notAfter reports whether a file was there, under whatever name, when the other one was written.
func notAfter(path, other string) bool {
	first, err := os.Lstat(path)
	second, failed := os.Lstat(other)
	return err == nil && failed == nil && !first.ModTime().After(second.ModTime())
}

// isCopy reports whether one file is the copy of another that [atomicfile.Copy] made, and neither was changed since.
func isCopy(original, other string) bool {
	first, err := os.Lstat(original)
	second, failed := os.Lstat(other)
	if err != nil || failed != nil || first.Mode() != second.Mode() {
		return false
	}
	if first.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(original)
		same, failed := os.Readlink(other)
		return err == nil && failed == nil && target == same
	}
	return first.Size() == second.Size() && first.ModTime().Equal(second.ModTime())
}
