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
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/input"
)

// A pull writes a remote tree to a local folder, and never outside of it: the names in listings can't contain a
// separator, and links are created but not followed.
type pull struct {
	*Call
	*record
	large   chan struct{}
	writes  chan struct{}
	top     *localFolder
	folders []pulledFolder
}

// A pulledFolder is a folder whose mode and time are set at the end, because the mode may forbid writing.
type pulledFolder struct {
	name string // below the top
	info Info
	old  fs.FileInfo // nil for a new one
}

// Pull copies a remote file, or a folder with its content, to a local path, and returns the changes. It keeps
// permissions, modification times, and symbolic links as links, but not the owner, nor the special bits, which would
// apply to the local user. It merges folders and removes nothing.
func (c *Call) Pull(remote, local string) (Transfer, error) {
	info, err := c.Stat(remote, true)
	if err != nil {
		return Transfer{}, err
	}
	p := &pull{Call: c, record: c.transfer(), large: make(chan struct{}, largeFiles), writes: make(chan struct{}, localWrites)}
	local = filepath.Clean(local)
	if info.isDir() {
		defer c.begin(-1)()
		return p.tree(info, local)
	}
	if !info.isRegular() {
		return Transfer{}, special(info)
	}
	defer c.begin(info.Size)()
	if p.top, err = p.above(local); err != nil {
		return Transfer{}, err
	}
	defer p.top.release()
	name := filepath.Base(local)
	old, err := p.top.lookAt(name)
	if err == nil {
		err = p.top.replaceable(name, old)
	}
	if err == nil && p.Within == "" && atomicfile.IsOpen(local) {
		err = p.top.failed(name, atomicfile.ErrNotReplaced)
	}
	if err == nil {
		err = p.file(c.ctx, p.top, name, info, old)
	}
	return p.done(err)
}

// special returns the error for a file that can't be copied.
func special(info Info) error {
	return &errors.Error{Class: errors.BadRequest, Message: fmt.Sprintf("%s is a %s, which can't be copied", info.Path, input.Kind(info.Mode)),
		Object: &errors.Object{Kind: "file", Name: info.Path}}
}

// above opens the local folder of a path, and creates it if that is asked for.
func (p *pull) above(local string) (*localFolder, error) {
	dir := filepath.Dir(local)
	if p.Within == "" {
		if p.Parents {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, &LocalError{Path: dir, Err: reason(err)}
			}
		}
		return openFolder(dir)
	}
	within, err := openFolder(p.Within)
	if err != nil {
		return nil, err
	}
	defer within.release()
	if !filepath.IsLocal(local) {
		return nil, &LocalError{Path: local, Err: errNotWithin}
	}
	if p.Parents {
		if err := within.MkdirAll(dir, 0o755); err != nil {
			return nil, within.failed(dir, err)
		}
	}
	return within.below(dir)
}

var errNotWithin = errors.Plain("isn't a relative path to below the folder of within=")

// target opens the local folder for a tree, and creates it if it is missing. Old describes one that was there. The
// caller's own path may be a link.
func (p *pull) target(local string) (top *localFolder, old fs.FileInfo, err error) {
	above, err := p.above(local)
	if err != nil {
		return nil, nil, err
	}
	defer above.release()
	if p.Within == "" {
		if err = os.Mkdir(local, 0o700); errors.Is(err, fs.ErrExist) {
			old, err = os.Stat(local)
		}
		if err != nil {
			return nil, nil, &LocalError{Path: local, Err: reason(err)}
		}
		if top, err = openFolder(local); err != nil {
			return nil, nil, err
		}
	} else {
		name := filepath.Base(local)
		if err = above.Mkdir(name, 0o700); errors.Is(err, fs.ErrExist) {
			old, err = above.Lstat(name)
		}
		switch {
		case err != nil:
			return nil, nil, above.failed(name, err)
		case old != nil && !old.IsDir():
			return nil, nil, above.notFolder(name, old)
		}
		if top, err = above.below(name); err != nil {
			return nil, nil, err
		}
	}
	if old == nil {
		p.add(top.path, 0)
	}
	return top, old, nil
}

// tree writes a folder with its content.
func (p *pull) tree(info Info, local string) (Transfer, error) {
	found, err := p.readDir(info.Path)
	if err != nil {
		return Transfer{}, err
	}
	var old fs.FileInfo
	if p.top, old, err = p.target(local); err != nil {
		return Transfer{}, err
	}
	defer p.top.release()
	g := newGroup(p.ctx, workers)
	p.top.users.Add(1)
	g.fail(p.folder(g, p.top, ".", info, old, found))
	if err := g.wait(); err != nil {
		return p.done(err)
	}
	return p.done(p.finish())
}

// folder writes the files found in a folder to one that exists locally, and releases that.
func (p *pull) folder(g *group, in *localFolder, name string, info Info, old fs.FileInfo, found []Info) error {
	defer in.release()
	p.folders = append(p.folders, pulledFolder{name, info, old})
	for _, entry := range found {
		if g.ctx.Err() != nil {
			return nil // g has the error
		}
		if isTemporary(entry.Name()) {
			continue
		}
		var there fs.FileInfo
		if old != nil {
			var err error
			if there, err = in.lookAt(entry.Name()); err != nil {
				return err
			}
		}
		if err := p.entry(g, in, name, entry, there); err != nil {
			return err
		}
	}
	return nil
}

// entry writes one entry of a folder; in the background, unless it is a folder.
func (p *pull) entry(g *group, in *localFolder, folder string, info Info, old fs.FileInfo) error {
	name := info.Name()
	work := p.file
	switch {
	case info.isDir():
		if old != nil && !old.IsDir() {
			return in.notFolder(name, old)
		}
		found, err := p.readDir(info.Path)
		if errors.Is(err, errors.NotFound) {
			p.miss(info.Path)
			return nil
		}
		if err != nil {
			return err
		}
		if old == nil {
			err := in.Mkdir(name, 0o700)
			switch {
			case err == nil:
				p.add(in.at(name), 0)
			case !errors.Is(err, fs.ErrExist):
				return in.failed(name, err)
			default: // made by another since
				if old, err = in.lookAt(name); err != nil {
					return err
				}
			}
		}
		if old != nil && !old.IsDir() {
			return in.notFolder(name, old)
		}
		inner, err := in.below(name)
		if err != nil {
			return err
		}
		return p.folder(g, inner, filepath.Join(folder, name), info, old, found)
	case info.isLink():
		work = p.link
	case !info.isRegular():
		return special(info)
	}
	if err := in.replaceable(name, old); err != nil {
		return err
	}
	in.users.Add(1)
	if !g.start(func(ctx context.Context) error {
		defer in.release()
		err := work(ctx, in, name, info, old)
		if errors.Is(err, errors.NotFound) {
			p.miss(info.Path)
			return nil
		}
		return err
	}) {
		in.release()
	}
	return nil
}

// link writes a symbolic link.
func (p *pull) link(_ context.Context, in *localFolder, name string, info Info, old fs.FileInfo) error {
	to, err := p.readLink(info.Path)
	if err != nil {
		return err
	}
	if old != nil && old.Mode().Type() == fs.ModeSymlink {
		if now, err := in.Readlink(name); err == nil && now == to {
			return nil
		}
	}
	temporary := temporaryName(name)
	if err := in.Symlink(to, temporary); err != nil {
		return in.failed(name, err)
	}
	if err := in.Rename(temporary, name); err != nil {
		_ = in.Remove(temporary)
		return in.failed(name, err)
	}
	p.add(in.at(name), 0)
	return nil
}

// file writes a file, unless it exists with the same content.
func (p *pull) file(ctx context.Context, in *localFolder, name string, info Info, old fs.FileInfo) error {
	from, err := p.openRegular(info.Path)
	if err != nil {
		return err
	}
	defer from.Close()
	perm := info.Mode.Perm()
	var content io.ReaderAt
	var size int64
	to := &localFile{in: in, name: name}
	defer to.discard()
	if info.Size > 0 && info.Size <= packetSize { // compared before anything is written
		small := &memory{data: make([]byte, info.Size)}
		if size, err = p.download(ctx, from, info.Size, small); err != nil {
			return err
		}
		content = bytes.NewReader(small.data[:size])
	} else {
		if info.Size > 0 {
			select {
			case p.large <- struct{}{}:
				defer func() { <-p.large }()
			case <-ctx.Done():
				return stopped(ctx)
			}
		}
		if err := to.create(perm); err != nil {
			return err
		}
		if size, err = p.download(ctx, from, info.Size, to); err != nil {
			return err
		}
		content = to.File
	}
	p.writes <- struct{}{}
	defer func() { <-p.writes }()
	same, err := in.same(name, content, size, old)
	switch {
	case err != nil:
		return err
	case same && old.Mode().Perm() == perm && old.ModTime().Unix() == info.ModTime.Unix():
		return nil
	case to.File == nil:
		if err := to.create(perm); err != nil {
			return err
		}
		if _, err := io.Copy(to.File, io.NewSectionReader(content, 0, size)); err != nil {
			return in.failed(name, err)
		}
	}
	if err := to.complete(size, perm, info.ModTime); err != nil {
		return in.failed(name, err)
	}
	if !same || old.Mode().Perm() != perm {
		p.add(in.at(name), size)
	}
	return nil
}

// finish sets the modes and times of the folders, innermost first.
func (p *pull) finish() error {
	for _, f := range slices.Backward(p.folders) {
		perm := f.info.Mode.Perm()
		if f.old == nil || f.old.Mode().Perm() != perm {
			if err := p.top.Chmod(f.name, perm); err != nil {
				return p.top.failed(f.name, err)
			}
			if f.old != nil {
				p.add(p.top.at(f.name), 0)
			}
		}
		if err := p.top.Chtimes(f.name, time.Time{}, f.info.ModTime); err != nil {
			return p.top.failed(f.name, err)
		}
	}
	return nil
}
