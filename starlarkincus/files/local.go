package files

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
)

// A localFolder is an open folder, closed at the end of its last use.
type localFolder struct {
	*os.Root
	path  string
	users atomic.Int64
}

// openFolder opens a local folder for one use. Without the slash, it would wait for the writer of a named pipe.
func openFolder(path string) (*localFolder, error) {
	root, err := os.OpenRoot(strings.TrimRight(path, "/") + "/")
	if err != nil {
		return nil, &LocalError{Path: path, Err: reason(err)}
	}
	f := &localFolder{Root: root, path: path}
	f.users.Store(1)
	return f, nil
}

// below opens a folder within the folder.
func (f *localFolder) below(name string) (*localFolder, error) {
	info, err := f.Stat(name)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR // opening a named pipe would wait for its writer
	}
	if err != nil {
		return nil, f.failed(name, err)
	}
	root, err := f.OpenRoot(name)
	if err != nil {
		return nil, f.failed(name, err)
	}
	inner := &localFolder{Root: root, path: f.at(name)}
	inner.users.Store(1)
	return inner, nil
}

// release ends a use.
func (f *localFolder) release() {
	if f.users.Add(-1) == 0 {
		f.Close()
	}
}

// at returns the path of a name in the folder.
func (f *localFolder) at(name string) string { return filepath.Join(f.path, name) }

// failed returns the error for a name in the folder.
func (f *localFolder) failed(name string, err error) error {
	return &LocalError{Path: f.at(name), Err: reason(err)}
}

// lookAt returns the description of the file of that name; nil if there is none.
func (f *localFolder) lookAt(name string) (fs.FileInfo, error) {
	info, err := f.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, f.failed(name, err)
	}
	return info, nil
}

// replaceable returns an error if the local file old can't be replaced by a file.
func (f *localFolder) replaceable(name string, old fs.FileInfo) error {
	switch {
	case old == nil || old.Mode().IsRegular() || old.Mode().Type() == fs.ModeSymlink:
		return nil
	case old.IsDir():
		return f.failed(name, errIsFolder)
	}
	return f.failed(name, fmt.Errorf("is a %s, which isn't replaced", input.Kind(old.Mode())))
}

// notFolder returns the error of the local file old at the path of a folder to write.
func (f *localFolder) notFolder(name string, old fs.FileInfo) error {
	return f.failed(name, fmt.Errorf("is a %s here, and a folder there", input.Kind(old.Mode())))
}

// errIsFolder is the error of a folder at the path of a file to write.
var errIsFolder = errors.Plain("is a folder; a path with a slash at its end puts a file in it")

// A localFile is a temporary file that replaces another one when it is complete.
type localFile struct {
	*os.File // nil before it is created
	in       *localFolder
	name     string
	renamed  bool
}

// create creates the file, with the permissions reduced by the umask.
func (f *localFile) create(perm fs.FileMode) (err error) {
	if f.File, err = f.in.OpenFile(temporaryName(f.name), os.O_RDWR|os.O_CREATE|os.O_EXCL, perm); err != nil {
		return f.in.failed(f.name, err)
	}
	return nil
}

// WriteAt writes to the file. Its errors contain the final name.
func (f *localFile) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	if err != nil {
		err = f.in.failed(f.name, err)
	}
	return n, err
}

// complete sets the file's attributes and gives it its final name.
func (f *localFile) complete(size int64, perm fs.FileMode, modTime time.Time) error {
	temporary := filepath.Base(f.Name())
	info, err := f.Stat()
	if err == nil && info.Size() != size {
		err = f.Truncate(size)
	}
	if err == nil && info.Mode() != perm {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.in.Chtimes(temporary, time.Time{}, modTime)
	}
	if err != nil {
		return err
	}
	err = f.in.Rename(temporary, f.name)
	f.renamed = err == nil
	return err
}

// discard closes the file, and removes it if it isn't complete.
func (f *localFile) discard() {
	if f.File == nil {
		return
	}
	f.Close()
	if !f.renamed {
		_ = f.in.Remove(filepath.Base(f.Name()))
	}
}

// same reports whether the local file old has the content of a new one.
func (f *localFolder) same(name string, content io.ReaderAt, size int64, old fs.FileInfo) (bool, error) {
	if old == nil || !old.Mode().IsRegular() || old.Size() != size {
		return false, nil
	}
	now, err := f.Open(name)
	if err != nil {
		return false, nil // it is replaced
	}
	defer now.Close()
	var a, b [packetSize]byte
	for at := int64(0); at < size; at += packetSize {
		n, err := content.ReadAt(a[:], at)
		if err != nil && err != io.EOF {
			return false, f.failed(name, err)
		}
		m, _ := now.ReadAt(b[:], at)
		if !bytes.Equal(a[:n], b[:m]) {
			return false, nil
		}
	}
	return true, nil
}

// A LocalError is a failure of a local file.
type LocalError struct {
	Path    string
	Err     error
	Outcome errors.Outcome // of a change there; empty for a call that changes nothing there
}

func (e *LocalError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

// reason returns an error of a file without the path.
func reason(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}
