package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// errNoFolder is the error of a path below a file.
const errNoFolder = syscall.ENOTDIR

// fileMode parses the argument mode; exact is false for None.
func (c *invocation) fileMode(arg starlark.Value) (mode fs.FileMode, exact bool, err error) {
	if arg == starlark.None {
		return 0, false, nil
	}
	n, err := starlark.AsInt32(arg)
	if err != nil || n < 0 || n > 0o777 {
		return 0, false, c.Errorf("mode is %s, want an int from 0 to 0o777", builtin.Described(arg))
	}
	return fs.FileMode(n), true, nil
}

func makeFolder(c *invocation) (starlark.Value, error) {
	var path string
	var parents bool
	var modeArg starlark.Value = starlark.None
	if err := c.Unpack(&path, &parents, &modeArg); err != nil {
		return nil, err
	}
	mode, exact, err := c.fileMode(modeArg)
	if err != nil {
		return nil, err
	}
	if err := c.changes(path, "made"); err != nil {
		return nil, err
	}
	_, err = onFiles(c, path, func() (any, error) { return nil, mkdir(path, parents, mode, exact) })
	return starlark.None, err
}

func mkdir(path string, parents bool, mode fs.FileMode, exact bool) error {
	if !exact {
		mode = 0o755
	}
	if parents {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(strings.TrimRight(path, "/")), 0o755); err != nil {
			return err
		}
	}
	err := os.Mkdir(path, mode)
	if parents && errors.Is(err, fs.ErrExist) {
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			return nil // another made it
		}
	}
	if err == nil && exact {
		err = os.Chmod(path, mode)
	}
	return err
}

func renamePath(c *invocation) (starlark.Value, error) {
	var from, to string
	if err := c.Unpack(&from, &to); err != nil {
		return nil, err
	}
	if err := c.changes(from, "renamed"); err != nil {
		return nil, err
	}
	_, err := onFiles(c, from, func() (any, error) { return nil, rename(from, to) })
	return starlark.None, err
}

// rename moves a file, folder or link.
func rename(from, to string) error {
	own, err := named("rename", from)
	if err != nil {
		return err
	}
	if strings.HasSuffix(to, "/") {
		to += filepath.Base(own)
	} else if _, err := named("replace", to); err != nil {
		return err
	}
	err = os.Rename(own, to)
	var both *os.LinkError
	if !errors.As(err, &both) {
		return err
	}
	at := from
	if _, missing := os.Lstat(own); missing == nil && errors.Is(err, fs.ErrNotExist) {
		at = filepath.Dir(to) + "/"
	}
	return &fs.PathError{Op: "rename", Path: at, Err: both.Err}
}

// named returns a path without slashes at its end. It returns an error if the path doesn't end in a name.
func named(op, path string) (string, error) {
	if path == "" {
		return "", &fs.PathError{Op: op, Path: path, Err: errors.Plain("the path is empty")}
	}
	own := strings.TrimRight(path, "/") // a link with a slash after it would be what it points at
	if last := filepath.Base(own); own == "" || last == "." || last == ".." {
		return "", &fs.PathError{Op: op, Path: path, Err: errors.Plain("isn't " + op + "d: neither is the root folder, nor a path that ends in . or ..")}
	}
	return own, nil
}

func remove(c *invocation) (starlark.Value, error) {
	var path string
	var recursive bool
	if err := c.Unpack(&path, &recursive); err != nil {
		return nil, err
	}
	if err := c.changes(path, "removed"); err != nil {
		return nil, err
	}
	var err error
	c.host().block(func() { err = removePath(c.ctx, path, recursive, false) })
	switch {
	case err != nil && c.uncatchable(err):
		return nil, err
	case err != nil:
		return nil, c.fileError(pathOf(err, path), err)
	}
	return starlark.None, nil
}

// pathOf returns the path in an error, or the given one if it has none.
func pathOf(err error, path string) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Path
	}
	return path
}

// removePath removes a file or an empty folder; with recursive, also the content of a folder. Force also changes the
// permissions of folders that forbid it.
func removePath(ctx context.Context, path string, recursive, force bool) error {
	own, err := named("remove", path)
	if err != nil {
		return err
	}
	info, err := os.Lstat(own)
	if err != nil {
		return err
	}
	if root, err := os.Stat("/"); err == nil && os.SameFile(root, info) {
		return &fs.PathError{Op: "remove", Path: path, Err: errors.Plain("isn't removed: it is the root folder")}
	}
	if recursive && info.IsDir() {
		if force && info.Mode().Perm()&0o700 != 0o700 {
			_ = os.Chmod(own, 0o700)
		}
		folder, err := os.OpenRoot(own)
		if err != nil {
			return err
		}
		err = empty(ctx, folder, info, own, force)
		folder.Close()
		if err != nil {
			return err
		}
	}
	return os.Remove(own)
}

// empty removes the content of a folder, which must be the one described by info, because another process may have
// replaced it by a link. It ignores files that disappear meanwhile.
func empty(ctx context.Context, folder *os.Root, info fs.FileInfo, path string, force bool) error {
	opened, err := folder.Stat(".")
	if err == nil && !os.SameFile(opened, info) {
		err = errors.Plain("another folder was put in its place")
	}
	if err != nil {
		return at(path, err)
	}
	f, err := folder.Open(".")
	if err != nil {
		return at(path, err)
	}
	entries, err := f.ReadDir(-1)
	f.Close()
	if err != nil {
		return at(path, err)
	}
	for _, entry := range entries {
		if ctx.Err() != nil {
			return causeOf(ctx)
		}
		name := entry.Name()
		if err := emptyBelow(ctx, folder, entry, filepath.Join(path, name), force); err != nil {
			return err
		}
		if err := folder.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return at(filepath.Join(path, name), err)
		}
	}
	return nil
}

// emptyBelow empties a folder within a folder.
func emptyBelow(ctx context.Context, folder *os.Root, entry fs.DirEntry, path string, force bool) error {
	if !entry.IsDir() {
		return nil
	}
	name := entry.Name()
	info, err := folder.Lstat(name)
	if err == nil && info.IsDir() {
		if force && info.Mode().Perm()&0o700 != 0o700 {
			_ = folder.Chmod(name, 0o700)
		}
		var below *os.Root
		if below, err = folder.OpenRoot(name); err == nil {
			defer below.Close()
			return empty(ctx, below, info, path, force)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return at(path, err)
	}
	return nil
}

// at returns the error with the script's path in place of one relative to a folder.
func at(path string, err error) error {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &fs.PathError{Op: "remove", Path: path, Err: err}
}

// A temporaries is the deferred call that removes the folders of temp_dir. It is deferred first, and so called last,
// because other deferred calls may use the folders.
type temporaries struct{ paths []string }

var _ starlark.Callable = (*temporaries)(nil)

func (t *temporaries) Name() string          { return "removing temporary folders" }
func (t *temporaries) String() string        { return t.Name() }
func (t *temporaries) Type() string          { return "builtin_function_or_method" }
func (t *temporaries) Freeze()               {}
func (t *temporaries) Truth() starlark.Bool  { return true }
func (t *temporaries) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: %s", t.Name()) }

// CallInternal removes the folders. It continues after an error.
func (t *temporaries) CallInternal(thread *starlark.Thread, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	b := builtin.Of(thread)
	var failed error
	b.Block(func() {
		for _, path := range t.paths {
			if err := removePath(b.Context, path, true, true); err != nil && !errors.Is(err, fs.ErrNotExist) && failed == nil {
				failed = builtin.FileError("fs.temp_dir", pathOf(err, path), err)
			}
		}
	})
	if b.Context.Err() != nil {
		return nil, causeOf(b.Context)
	}
	return starlark.None, failed
}

func makeTemporary(c *invocation) (starlark.Value, error) {
	if err := c.Unpack(); err != nil {
		return nil, err
	}
	if err := c.changes(os.TempDir(), "used"); err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp("", "incus-star-*")
	if err != nil {
		return nil, c.fileError(pathOf(err, os.TempDir()), err)
	}
	calls := &c.run.left.deferred
	var t *temporaries
	if len(*calls) > 0 {
		t, _ = (*calls)[0].fn.(*temporaries)
	}
	if t == nil {
		t = new(temporaries)
		*calls = append([]deferredCall{{fn: t, at: c.callers()}}, *calls...)
	}
	t.paths = append(t.paths, path)
	return starlark.String(path), nil
}
