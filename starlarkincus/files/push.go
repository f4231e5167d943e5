package files

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
)

// A Transfer is the result of a push or a pull.
type Transfer struct {
	Paths []string // what was written or changed, as paths at the destination, sorted
	Bytes int64    // size of the files among them
	// Vanished are the paths, at the source, of the files in a tree that disappeared between the listing of their folder
	// and their reading, sorted.
	Vanished []string
}

// A record collects the fields of a Transfer, which [Pool.Do] may begin several times.
type record struct {
	mu       sync.Mutex
	written  map[string]int64 // sizes by path
	vanished map[string]bool
}

func (r *record) add(path string, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.written == nil {
		r.written = make(map[string]int64)
	}
	r.written[path] = size
}

// miss records a file that has disappeared.
func (r *record) miss(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.vanished == nil {
		r.vanished = make(map[string]bool)
	}
	r.vanished[path] = true
}

// done returns the Transfer. After a failure, the error has the number of finished files.
func (r *record) done(err error) (Transfer, error) {
	out := Transfer{Paths: slices.Sorted(maps.Keys(r.written)), Vanished: slices.Sorted(maps.Keys(r.vanished))}
	for _, size := range r.written {
		out.Bytes += size
	}
	var e *errors.Error
	if n := len(out.Paths); n > 0 && errors.As(err, &e) {
		e.Message += fmt.Sprintf(" (%d written before)", n)
	}
	return out, err
}

// A push writes a local tree to a remote folder.
type push struct {
	*Call
	*record
	given   Attributes
	local   *os.Root // of a tree
	path    string   // of local
	large   chan struct{}
	folders []*pushedFolder
}

// A pushedFolder is a folder whose time is set at the end.
type pushedFolder struct {
	path    string
	info    fs.FileInfo
	old     *Info // nil for a new one
	touched atomic.Bool
}

// Push copies a local file, or a folder with its content, to a remote path, and returns the changes. It keeps the mode,
// the modification time, and symbolic links as links. The given attributes apply to files, and the owner to folders
// too. It merges folders and removes nothing.
func (c *Call) Push(local, remote string, given Attributes) (Transfer, error) {
	info, err := os.Stat(local)
	if err != nil {
		return Transfer{}, &LocalError{Path: local, Err: err}
	}
	target, old, err := c.resolve(remote)
	if err != nil {
		return Transfer{}, err
	}
	p := &push{Call: c, record: c.transfer(), given: given, path: local, large: make(chan struct{}, largeFiles)}
	if !info.IsDir() {
		defer c.begin(info.Size())()
		return p.done(p.file(c.ctx, os.OpenFile, local, local, target, old))
	}
	defer c.begin(-1)()
	if p.local, err = os.OpenRoot(local); err != nil {
		return Transfer{}, &LocalError{Path: local, Err: err}
	}
	defer p.local.Close()
	g := newGroup(c.ctx, workers)
	err = p.tree(g, ".", target, info, old)
	g.fail(err)
	if err := g.wait(); err != nil {
		return p.done(err)
	}
	return p.done(p.times())
}

// tree writes a folder.
func (p *push) tree(g *group, dir, remote string, info fs.FileInfo, old *Info) error {
	f := &pushedFolder{path: remote, info: info, old: old}
	entries, err := p.readLocal(dir)
	if dir != "." && errors.Is(err, fs.ErrNotExist) {
		p.miss(filepath.Join(p.path, dir))
		return nil
	}
	if err != nil {
		return &LocalError{Path: filepath.Join(p.path, dir), Err: reason(err)}
	}
	found, err := p.enter(f)
	if err != nil {
		return err
	}
	p.folders = append(p.folders, f)
	existing := make(map[string]*Info, len(found))
	for i := range found {
		existing[found[i].Name()] = &found[i]
	}
	final := make(map[string]bool, len(entries))
	for _, entry := range entries {
		final[temporaryPrefix(entry.Name())] = true
	}
	p.sweep(g, found, func(prefix string) bool { return final[prefix] })
	for _, entry := range entries {
		if err := g.ctx.Err(); err != nil {
			return nil // g has the error
		}
		if isTemporary(entry.Name()) {
			continue
		}
		name := filepath.Join(dir, entry.Name())
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			p.miss(filepath.Join(p.path, name))
			continue
		}
		if err != nil {
			return &LocalError{Path: filepath.Join(p.path, name), Err: reason(err)}
		}
		if err := p.entry(g, f, name, info, existing[entry.Name()]); err != nil {
			return err
		}
	}
	return nil
}

// readLocal returns the entries of a local folder.
func (p *push) readLocal(dir string) ([]fs.DirEntry, error) {
	f, err := p.local.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// enter creates a folder, or sets the attributes of an existing one and returns its files.
func (p *push) enter(f *pushedFolder) ([]Info, error) {
	mode := f.info.Mode() & bits
	a := Attributes{Mode: &mode, UID: p.given.UID, GID: p.given.GID}
	if f.old == nil {
		f.touched.Store(true)
		err := p.mkdir(f.path, a)
		if err == nil {
			p.add(f.path, 0)
		}
		if !errors.Is(err, errors.AlreadyExists) {
			return nil, err
		}
		info, err := p.lstat(f.path) // made by another since
		if err != nil {
			return nil, err
		}
		f.old = &info
	}
	if f.old.isLink() {
		info, err := p.Stat(f.path, true)
		if err != nil {
			return nil, err
		}
		f.old = &info
	}
	if !f.old.isDir() {
		return nil, notA(f.path, *f.old, "folder")
	}
	changed, err := p.adjust(*f.old, attributes{Attributes: a})
	if err != nil {
		return nil, err
	}
	if changed {
		p.add(f.path, 0)
	}
	return p.readDir(f.path)
}

// entry writes one entry of a folder; in the background, unless it is a folder.
func (p *push) entry(g *group, in *pushedFolder, name string, info fs.FileInfo, old *Info) error {
	remote := below(in.path, filepath.Base(name))
	local := filepath.Join(p.path, name)
	switch info.Mode().Type() {
	case fs.ModeDir:
		if old == nil {
			in.touched.Store(true)
		}
		return p.tree(g, name, remote, info, old)
	case fs.ModeSymlink:
		g.start(func(context.Context) error {
			to, err := p.local.Readlink(name)
			if errors.Is(err, fs.ErrNotExist) {
				p.miss(local)
				return nil
			}
			if err != nil {
				return &LocalError{Path: local, Err: reason(err)}
			}
			changed, err := p.putLink(to, remote, old)
			if changed {
				in.touched.Store(true)
				p.add(remote, 0)
			}
			return err
		})
	case 0:
		g.start(func(ctx context.Context) error {
			in.touched.Store(true)
			err := p.file(ctx, p.local.OpenFile, name, local, remote, old)
			if at := new(LocalError); errors.As(err, &at) && errors.Is(at.Err, fs.ErrNotExist) {
				p.miss(local)
				return nil
			}
			return err
		})
	default:
		return &LocalError{Path: local, Err: fmt.Errorf("is a %s, which can't be copied", input.Kind(info.Mode()))}
	}
	return nil
}

// file writes a file. Open opens the local one by its name.
func (p *push) file(ctx context.Context, open input.OpenFunc, name, local, remote string, old *Info) error {
	f, info, err := input.OpenRegular(open, name)
	if err != nil {
		return &LocalError{Path: local, Err: reason(err)}
	}
	defer f.Close()
	a := attributes{p.given, sftpTime(info.ModTime())}
	if a.Mode == nil {
		mode := info.Mode() & bits
		a.Mode = &mode
	}
	if info.Size() > packetSize {
		select {
		case p.large <- struct{}{}:
			defer func() { <-p.large }()
		case <-ctx.Done():
			return stopped(ctx)
		}
	}
	changed, err := p.put(ctx, remote, old, source{f, local, info.Size(), a})
	if changed {
		p.add(remote, info.Size())
	}
	return err
}

// times sets the times of the folders with changed content, innermost first.
func (p *push) times() error {
	g := newGroup(p.ctx, workers)
	for _, f := range slices.Backward(p.folders) {
		modTime := sftpTime(f.info.ModTime())
		if f.touched.Load() || f.old.ModTime.Unix() != modTime.Unix() {
			g.start(func(context.Context) error { return p.setTime(f.path, modTime) })
		}
	}
	return g.wait()
}

// Into returns the path of the copy of a source: a destination with a slash at its end is the folder of the copy. The
// source then needs a name.
func Into(source, destination string) (string, error) {
	if !strings.HasSuffix(destination, "/") {
		return destination, nil
	}
	if name := filepath.Base(source); name == "." || name == ".." {
		return "", fmt.Errorf("%q has no name for the copy in %s: a destination without a slash at its end is the copy", source, destination)
	}
	return below(destination, filepath.Base(source)), nil
}
