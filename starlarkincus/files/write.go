package files

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path"

	"github.com/pkg/sftp"

	"incus-star/errors"
)

// A temporary is a new file that replaces another one when it is complete.
type temporary struct {
	call         *Call
	name, target string
	file         *sftp.File // nil for a symbolic link
	renamed      bool
}

// create makes a temporary file for the target.
func (c *Call) create(target string) (*temporary, error) {
	t := &temporary{call: c, target: target, name: below(parent(target), temporaryName(path.Base(target)))}
	return t, inFolder(target, t.make(func(client *sftp.Client) (err error) {
		t.file, err = client.OpenFile(t.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		return err
	}))
}

// make runs the request that makes the file. A file whose request has no answer may be there.
func (t *temporary) make(do func(*sftp.Client) error) error {
	err := t.call.change(t.target, do)
	if errors.As(err, new(*BrokenError)) {
		t.discard()
	}
	return err
}

// inFolder returns the error of creating a file. If the class is NotFound, it is the folder that doesn't exist.
func inFolder(path string, err error) error {
	var e *errors.Error
	if errors.As(err, &e) && e.Class == errors.NotFound {
		e.Message = path + ": the folder " + parent(path) + " doesn't exist"
		e.Object = &errors.Object{Kind: "file", Name: parent(path)}
	}
	return err
}

// rename gives the temporary file its final name.
func (t *temporary) rename() error {
	err := t.call.change(t.target, func(client *sftp.Client) error { return client.PosixRename(t.name, t.target) })
	if err == nil {
		t.renamed = true
		t.call.made.Add(1)
	}
	return err
}

// discard removes the file if it wasn't renamed.
func (t *temporary) discard() {
	if t.renamed {
		return
	}
	if t.file != nil {
		_ = t.file.Close()
	}
	err := t.call.tidy(t.name, func(client *sftp.Client) error { return client.Remove(t.name) })
	if err != nil && !errors.Is(err, errors.NotFound) {
		t.call.mu.Lock()
		defer t.call.mu.Unlock()
		t.call.left = append(t.call.left, t.name)
	}
}

// put writes a file in place of old, or a new one if old is nil, and reports whether that changed anything.
func (c *Call) put(ctx context.Context, target string, old *Info, from source) (changed bool, err error) {
	a := from.attributes
	if old != nil {
		if !old.isRegular() && !old.isLink() {
			return false, notA(target, *old, "file")
		}
		if old.isRegular() {
			if old.Size == from.size {
				same, err := c.same(ctx, target, from)
				if err != nil {
					return false, err
				}
				if same {
					return c.adjust(*old, a)
				}
			}
			a = a.ofFile(*old)
		}
	}
	t, err := c.create(target)
	if err != nil {
		return false, err
	}
	defer t.discard()
	first := a // without the special bits, which writing clears
	if a.Mode != nil {
		perm := a.Mode.Perm()
		first.Mode = &perm
	}
	if err := c.set(target, t.file, first); err != nil {
		return false, err
	}
	if err := c.upload(ctx, t.file, from); err != nil {
		return false, err
	}
	if a.Mode != nil && *a.Mode != *first.Mode {
		if err := c.set(target, t.file, attributes{Attributes: Attributes{Mode: a.Mode}}); err != nil {
			return false, err
		}
	}
	if err := c.ask(target, func(*sftp.Client) error { return t.file.Close() }); err != nil {
		return false, err
	}
	t.file = nil
	if !a.modTime.IsZero() {
		if err := c.setTime(t.name, a.modTime); err != nil {
			return false, err
		}
	}
	return true, t.rename()
}

// Write replaces the content of a file, or creates it, and sets its attributes. It follows symbolic links. It reports
// whether it changed anything.
func (c *Call) Write(path string, content []byte, a Attributes) (changed bool, err error) {
	target, old, err := c.resolve(path)
	if err != nil {
		return false, err
	}
	if old == nil && a.Mode == nil {
		mode := fs.FileMode(0o644)
		a.Mode = &mode
	}
	return c.put(c.ctx, target, old, source{ReaderAt: bytes.NewReader(content), size: int64(len(content)), attributes: attributes{Attributes: a}})
}

// Append adds to the end of a file, or creates it. The bytes of concurrent writers may mix, and a failure may leave a
// part of them.
func (c *Call) Append(path string, content []byte, a Attributes) error {
	target, old, err := c.resolve(path)
	if err != nil {
		return err
	}
	if old == nil {
		_, err := c.Write(target, content, a)
		return err
	}
	if !old.isRegular() {
		return notA(path, *old, "file")
	}
	var f *sftp.File
	if err := c.change(path, func(client *sftp.Client) error {
		f, err = client.OpenFile(target, os.O_WRONLY)
		return err
	}); err != nil {
		return err
	}
	defer f.Close()
	for at := 0; at < len(content); at += packetSize {
		part := content[at:min(len(content), at+packetSize)]
		if err := c.change(path, func(*sftp.Client) error {
			_, err := f.WriteAt(part, old.Size+int64(at))
			return err
		}); err != nil {
			return err
		}
		c.made.Add(1)
	}
	_, err = c.adjust(*old, attributes{Attributes: a})
	return err
}

// Mkdir creates a folder, by default with the permissions 0o755. With parents, it also creates the missing folders
// above it, with the same owner, and accepts an existing folder, whose attributes it sets. It reports whether it
// changed anything.
func (c *Call) Mkdir(folder string, parents bool, a Attributes) (changed bool, err error) {
	err = c.mkdir(folder, a)
	if parents && errors.Is(err, errors.NotFound) {
		if err := c.MakeParents(folder, a); err != nil {
			return false, err
		}
		err = c.mkdir(folder, a)
	}
	switch {
	case err == nil:
		return true, nil
	case !parents, !errors.Is(err, errors.AlreadyExists):
		return false, err
	}
	info, err := c.Stat(folder, true)
	if err != nil {
		return false, err
	}
	if !info.isDir() {
		return false, notA(folder, info, "folder")
	}
	return c.adjust(info, attributes{Attributes: a})
}

// mkdir creates a folder.
func (c *Call) mkdir(folder string, a Attributes) error {
	err := c.change(folder, func(client *sftp.Client) error { return client.Mkdir(folder) })
	if err != nil {
		return inFolder(folder, err)
	}
	c.made.Add(1)
	return c.set(folder, byPath{c.session.client, folder}, attributes{Attributes: a})
}

// MakeParents creates the missing folders above a path, with the owner in the attributes.
func (c *Call) MakeParents(path string, a Attributes) error {
	folder := parent(path)
	if folder == "/" {
		return nil
	}
	if _, err := c.Stat(folder, true); !errors.Is(err, errors.NotFound) {
		return err
	}
	if err := c.MakeParents(folder, a); err != nil {
		return err
	}
	err := c.mkdir(folder, Attributes{UID: a.UID, GID: a.GID})
	if errors.Is(err, errors.AlreadyExists) { // made by another since, or a .. after a new folder
		return nil
	}
	return err
}

// Symlink creates a symbolic link, or replaces one with another target. It reports whether it changed anything.
func (c *Call) Symlink(to, link string) (changed bool, err error) {
	old, err := c.lstat(link)
	switch {
	case errors.Is(err, errors.NotFound):
		return c.putLink(to, link, nil)
	case err != nil:
		return false, err
	case !old.isLink():
		return false, errors.NewFile(link, 0, "file exists")
	}
	return c.putLink(to, link, &old)
}

// putLink writes a symbolic link in place of old, or a new one if old is nil.
func (c *Call) putLink(to, link string, old *Info) (changed bool, err error) {
	if old == nil {
		err = c.change(link, func(client *sftp.Client) error { return client.Symlink(to, link) })
		if err == nil {
			c.made.Add(1)
			return true, nil
		}
		if !errors.Is(err, errors.AlreadyExists) {
			return false, inFolder(link, err)
		}
		now, err := c.lstat(link) // made by another since
		if err != nil {
			return false, err
		}
		old = &now
	}
	if old.isLink() {
		now, err := c.readLink(link)
		if err != nil || now == to {
			return false, err
		}
	} else if !old.isRegular() {
		return false, notA(link, *old, "symbolic link")
	}
	t := &temporary{call: c, target: link, name: below(parent(link), temporaryName(path.Base(link)))}
	if err := t.make(func(client *sftp.Client) error { return client.Symlink(to, t.name) }); err != nil {
		return false, err
	}
	defer t.discard()
	return true, t.rename()
}

// Rename gives a file, folder or symbolic link another path, and replaces a file or link there. With parents, it creates the missing folders above the new path. It refuses an [Unnamed] path.
func (c *Call) Rename(from, to string, parents bool) error {
	if err := named(from, "renamed"); err != nil {
		return err
	}
	if err := named(to, "replaced"); err != nil {
		return err
	}
	if _, err := c.lstat(from); err != nil {
		return err
	}
	if parents {
		if err := c.MakeParents(to, Attributes{}); err != nil {
			return err
		}
	}
	err := c.change(to, func(client *sftp.Client) error { return client.PosixRename(from, to) })
	if err != nil {
		return inFolder(to, err)
	}
	c.made.Add(1)
	return nil
}

// named returns an error if the path is Unnamed.
func named(path, participle string) error {
	if !Unnamed(path) {
		return nil
	}
	e := errors.New(errors.BadRequest, "%s isn't %s: neither is the root folder, nor a path that ends in . or ..", path, participle)
	e.Outcome = errors.NotSent
	return e
}

// Delete removes a file, an empty folder, or a symbolic link, but never the target of a link. With recursive, it also
// removes a folder's content. It refuses an [Unnamed] path.
func (c *Call) Delete(path string, recursive bool) error {
	if err := named(path, "deleted"); err != nil {
		return err
	}
	info, err := c.lstat(path)
	if err != nil {
		return err
	}
	return c.remove(info, recursive)
}

func (c *Call) remove(info Info, recursive bool) error {
	if info.isDir() && recursive {
		found, err := c.readDir(info.Path)
		if err != nil {
			return err
		}
		g := newGroup(c.ctx, workers)
		for _, inner := range found {
			if inner.isDir() {
				g.fail(c.remove(inner, true))
			} else {
				g.start(func(context.Context) error { return c.remove(inner, false) })
			}
		}
		if err := g.wait(); err != nil {
			return err
		}
	}
	err := c.change(info.Path, func(client *sftp.Client) error {
		if info.isDir() {
			return client.RemoveDirectory(info.Path)
		}
		return client.Remove(info.Path)
	})
	if err == nil {
		c.made.Add(1)
	}
	return err
}
