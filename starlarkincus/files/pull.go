package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"incus-star/errors"
)

// A pull writes a remote tree to a local folder, and never outside of it: paths are those of names in listings, which
// can't have a separator, and links are made but not followed.
type pull struct {
	*Call
	record
	local   *os.Root
	path    string // of local
	large   chan struct{}
	folders []pulledFolder
}

// A pulledFolder is a folder whose mode and time are set at the end, because it may not be writable.
type pulledFolder struct {
	name string
	info Info
	old  fs.FileInfo // nil for a new one
}

// Pull copies a remote file, or a folder with all that is in it, to a local path, and reports what is different now. It
// keeps permissions, the time of the last change, and symbolic links as links, but not the owner, nor the special bits,
// which would be given to the local user. Folders are merged; nothing is removed.
func (c *Call) Pull(remote, local string) (Transfer, error) {
	info, err := c.Stat(remote, true)
	if err != nil {
		return Transfer{}, err
	}
	p := &pull{Call: c, large: make(chan struct{}, largeFiles)}
	local = filepath.Clean(local)
	if info.isDir() {
		return p.folder(info, local)
	}
	if p.path = filepath.Dir(local); !info.isRegular() {
		return Transfer{}, special(info)
	}
	if p.local, err = os.OpenRoot(p.path); err != nil {
		return Transfer{}, &LocalError{Path: p.path, Err: reason(err)}
	}
	defer p.local.Close()
	name := filepath.Base(local)
	old, err := p.lookAt(name)
	if err == nil {
		err = p.file(c.ctx, name, info, old)
	}
	return p.done(err)
}

// special returns the error for a file that can't be copied.
func special(info Info) error {
	return &errors.Error{Class: errors.BadRequest, Message: fmt.Sprintf("%s is a %s, which can't be copied", info.Path, kind(info.Mode)),
		Object: &errors.Object{Kind: "file", Name: info.Path}}
}

// folder writes a tree.
func (p *pull) folder(info Info, local string) (Transfer, error) {
	p.path = local
	err := os.Mkdir(local, 0o700)
	if created := err == nil; created {
		p.add(local, 0)
	} else if !errors.Is(err, fs.ErrExist) {
		return Transfer{}, &LocalError{Path: local, Err: reason(err)}
	}
	var old fs.FileInfo
	if err != nil {
		if old, err = os.Stat(local); err != nil {
			return Transfer{}, &LocalError{Path: local, Err: reason(err)}
		}
	}
	if p.local, err = os.OpenRoot(local); err != nil {
		return Transfer{}, &LocalError{Path: local, Err: reason(err)}
	}
	defer p.local.Close()
	g := newGroup(p.ctx, workers)
	g.fail(p.tree(g, ".", info, old))
	if err := g.wait(); err != nil {
		return p.done(err)
	}
	return p.done(p.finish())
}

// at returns the local path of a name below the folder.
func (p *pull) at(name string) string { return filepath.Join(p.path, name) }

// failed returns the error for a name below the folder.
func (p *pull) failed(name string, err error) error {
	return &LocalError{Path: p.at(name), Err: reason(err)}
}

// lookAt describes what is there under a name; nil for nothing.
func (p *pull) lookAt(name string) (fs.FileInfo, error) {
	info, err := p.local.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, p.failed(name, err)
	}
	return info, nil
}

// tree writes what is in a folder that exists here.
func (p *pull) tree(g *group, dir string, info Info, old fs.FileInfo) error {
	p.folders = append(p.folders, pulledFolder{dir, info, old})
	found, err := p.readDir(info.Path)
	if err != nil {
		return err
	}
	for _, entry := range found {
		if g.ctx.Err() != nil {
			return nil // g has the error
		}
		if err := p.entry(g, filepath.Join(dir, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

// entry writes something in a folder, in the background if it isn't a folder.
func (p *pull) entry(g *group, name string, info Info) error {
	old, err := p.lookAt(name)
	if err != nil {
		return err
	}
	switch {
	case info.isDir() && old == nil:
		if err := p.local.Mkdir(name, 0o700); err != nil {
			return p.failed(name, err)
		}
		p.add(p.at(name), 0)
		return p.tree(g, name, info, nil)
	case info.isDir() && !old.IsDir():
		return p.failed(name, fmt.Errorf("is a %s, and a folder in the instance", kind(old.Mode())))
	case info.isDir():
		return p.tree(g, name, info, old)
	case info.isLink():
		g.start(func(context.Context) error { return p.link(name, info, old) })
	case info.isRegular():
		g.start(func(ctx context.Context) error { return p.file(ctx, name, info, old) })
	default:
		return special(info)
	}
	return nil
}

// replaceable returns an error if something here can't be replaced.
func (p *pull) replaceable(name string, old fs.FileInfo) error {
	if old == nil || old.Mode().IsRegular() || old.Mode().Type() == fs.ModeSymlink {
		return nil
	}
	return p.failed(name, fmt.Errorf("is a %s, which isn't replaced", kind(old.Mode())))
}

// link writes a symbolic link.
func (p *pull) link(name string, info Info, old fs.FileInfo) error {
	to, err := p.readLink(info.Path)
	if err != nil {
		return err
	}
	if err := p.replaceable(name, old); err != nil {
		return err
	}
	if old != nil && old.Mode().Type() == fs.ModeSymlink {
		if now, err := p.local.Readlink(name); err == nil && now == to {
			return nil
		}
	}
	temporary := filepath.Join(filepath.Dir(name), temporaryName(filepath.Base(name)))
	if err := p.local.Symlink(to, temporary); err != nil {
		return p.failed(name, err)
	}
	if err := p.local.Rename(temporary, name); err != nil {
		_ = p.local.Remove(temporary)
		return p.failed(name, err)
	}
	p.add(p.at(name), 0)
	return nil
}

// file writes a file, unless the same is there.
func (p *pull) file(ctx context.Context, name string, info Info, old fs.FileInfo) error {
	if err := p.replaceable(name, old); err != nil {
		return err
	}
	if info.Size > packetSize {
		select {
		case p.large <- struct{}{}:
			defer func() { <-p.large }()
		case <-ctx.Done():
			return stopped(ctx)
		}
	}
	from, err := p.openRegular(info.Path)
	if err != nil {
		return err
	}
	defer from.Close()
	temporary := filepath.Join(filepath.Dir(name), temporaryName(filepath.Base(name)))
	to, err := p.local.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return p.failed(name, err)
	}
	keep := false
	defer func() {
		if to.Close(); !keep {
			_ = p.local.Remove(temporary)
		}
	}()
	size, err := p.download(ctx, from, info.Size, &localWriter{to, p.at(name)})
	if err != nil {
		return err
	}
	perm := info.Mode.Perm()
	if err := errors.Join(to.Truncate(size), to.Chmod(perm)); err != nil {
		return p.failed(name, err)
	}
	same, err := p.sameHere(name, to, size, old)
	if err != nil {
		return err
	}
	if same && old.Mode().Perm() == perm && old.ModTime().Unix() == info.ModTime.Unix() {
		return nil
	}
	if err := p.local.Chtimes(temporary, time.Time{}, info.ModTime); err != nil {
		return p.failed(name, err)
	}
	if err := p.local.Rename(temporary, name); err != nil {
		return p.failed(name, err)
	}
	if keep = true; !same || old.Mode().Perm() != perm {
		p.add(p.at(name), size)
	}
	return nil
}

// sameHere reports whether a local file has the content of a new one.
func (p *pull) sameHere(name string, now *os.File, size int64, old fs.FileInfo) (bool, error) {
	if old == nil || !old.Mode().IsRegular() || old.Size() != size {
		return false, nil
	}
	f, err := p.local.Open(name)
	if err != nil {
		return false, nil // it is replaced
	}
	defer f.Close()
	var a, b [packetSize]byte
	for at := int64(0); at < size; at += packetSize {
		n, err := now.ReadAt(a[:], at)
		if err != nil && err != io.EOF {
			return false, p.failed(name, err)
		}
		m, _ := f.ReadAt(b[:], at)
		if !bytes.Equal(a[:n], b[:m]) {
			return false, nil
		}
	}
	return true, nil
}

// A localWriter writes to a local file, whose errors it names.
type localWriter struct {
	*os.File
	path string
}

func (w *localWriter) WriteAt(p []byte, at int64) (int, error) {
	n, err := w.File.WriteAt(p, at)
	if err != nil {
		err = &LocalError{Path: w.path, Err: reason(err)}
	}
	return n, err
}

// finish sets the modes and times of the folders, those below first.
func (p *pull) finish() error {
	for _, f := range slices.Backward(p.folders) {
		perm := f.info.Mode.Perm()
		if f.old == nil || f.old.Mode().Perm() != perm {
			if err := p.local.Chmod(f.name, perm); err != nil {
				return p.failed(f.name, err)
			}
			if f.old != nil {
				p.add(p.at(f.name), 0)
			}
		}
		if err := p.local.Chtimes(f.name, time.Time{}, f.info.ModTime); err != nil {
			return p.failed(f.name, err)
		}
	}
	return nil
}

// ReadFile returns the content of a file of at most limit bytes.
func (c *Call) ReadFile(path string, limit int64) ([]byte, error) {
	f, info, err := c.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	large := errors.New(errors.Limit, "%s is larger than the limit of %d MiB: pull copies it to a local file", path, limit>>20)
	if info.Size > limit {
		return nil, large
	}
	content := &memory{limit: limit, large: large}
	content.data = make([]byte, info.Size)
	n, err := c.download(c.ctx, f, info.Size, content)
	if err != nil {
		return nil, err
	}
	return content.data[:n], nil
}

// memory is a content in memory. Only one that grows is written in order.
type memory struct {
	data  []byte
	limit int64
	large error
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if end := at + int64(len(p)); end > int64(len(m.data)) {
		if end > m.limit {
			return 0, m.large
		}
		m.data = append(m.data, make([]byte, end-int64(len(m.data)))...)
	}
	return copy(m.data[at:], p), nil
}
