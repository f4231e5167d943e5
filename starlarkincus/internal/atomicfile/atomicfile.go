// Package atomicfile replaces the content of files atomically: a reader sees either the old content or the new.
//
// The new content is written to a temporary file in the same folder, which its writer keeps locked. Its name derives
// from the file's name. So the next [Write] to the same file, by any process, finds the temporary files of killed
// writers, which are not locked, and removes them. [Create] does the same for content that comes in parts.
package atomicfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"incus-star/errors"
)

// A Mode is the mode of a written file.
type Mode struct {
	// Perm is the mode of a new file, before the umask. An existing file keeps its mode.
	Perm fs.FileMode
	// Exact sets the mode to Perm regardless of the umask, of an existing file too.
	Exact bool
}

const (
	slots    = 64               // limit of concurrent writers of one file
	patience = 10 * time.Second // time to wait for a slot
	// staleAge is the age from which a temporary file counts as abandoned, on a file system without locks.
	staleAge = time.Hour
)

// Write replaces the content of a file, or creates it. It follows symbolic links, and keeps the owner of an existing
// file and, unless mode is exact, its mode. It returns an error if the path is no regular file, a dangling link, or
// one to an open file, as /dev/stdout is.
func Write[T string | []byte](path string, content T, mode Mode) error {
	f, err := Create(path, mode)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write([]byte(content)); err != nil {
		return err
	}
	return f.Commit()
}

// A File is the new content of a file, which is written to a temporary file until [File.Commit].
type File struct {
	*os.File
	target string
	mode   Mode
	old    fs.FileInfo // the replaced file; nil for none
	done   bool
}

// Create begins to replace a file like [Write]. The file must be ended by Commit or Discard.
func Create(path string, mode Mode) (*File, error) {
	if err := replaceable(path); err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		switch there, failed := os.Lstat(path); {
		case !errors.Is(err, fs.ErrNotExist), failed == nil && there.Mode().Type() == fs.ModeSymlink:
			return nil, err
		}
		target = path // no file, or one that another writer has made since
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "write", Path: path, Err: ErrNotReplaced}
	case err == nil && !mode.Exact:
		mode = Mode{info.Mode().Perm(), true}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	f, err := create(target, mode.Perm)
	if err != nil {
		return nil, inFolder(path, target, err)
	}
	return &File{File: f, target: target, mode: mode, old: info}, nil
}

// Commit puts the content in place of the old file. If it returns an error, the old file is unchanged.
func (f *File) Commit() error {
	if f.old != nil {
		keepOwner(f.File, f.old)
	}
	err := f.Sync() // else the file may be empty after a crash
	if err == nil && f.mode.Exact {
		err = f.Chmod(f.mode.Perm) // last, because removeStale can't tell an unreadable file from a locked one
	}
	if err == nil {
		err = os.Rename(f.Name(), f.target)
	}
	if err != nil {
		return errors.Join(err, f.Discard())
	}
	f.done = true
	_ = f.Close() // the content is on the disk
	return nil
}

// Copy makes a copy of a file, or of a symbolic link, under a name that isn't taken, with its mode, its time and, if that is
// allowed, its owner. The copy is whole from the beginning.
func Copy(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	if !info.Mode().IsRegular() {
		return &fs.PathError{Op: "copy", Path: from, Err: errors.Plain("is no regular file")}
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	f, err := Create(to, Mode{info.Mode().Perm(), true})
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := io.Copy(f, source); err != nil {
		return err
	}
	keepOwner(f.File, info)
	if err := os.Chtimes(f.Name(), time.Time{}, info.ModTime()); err != nil {
		return err
	}
	return f.Commit()
}

// Discard removes the content, and leaves the old file. After Commit it does nothing.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	_ = os.Remove(f.Name())
	return f.Close() // last, to keep the lock until the temporary name is gone
}

// inFolder returns the error of a temporary file that can't be created. It names the folder, because the file itself
// may be writable.
func inFolder(path, target string, err error) error {
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &fs.PathError{Op: "write", Path: path, Err: fmt.Errorf("no new file can be made in the folder %s: %w", filepath.Dir(target), pathErr.Err)}
}

// create creates and locks the temporary file of a writer, and removes those of killed writers.
func create(target string, perm fs.FileMode) (*os.File, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var own *os.File
		for slot := range slots {
			name := temporary(target, slot)
			removeStale(name)
			if own != nil {
				continue
			}
			f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm|0o200)
			switch {
			case err == nil && claim(f):
				own = f
			case err == nil: // another writer took it for an abandoned one
				f.Close()
			case !errors.Is(err, fs.ErrExist):
				return nil, err
			}
		}
		if own != nil {
			return own, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s: %d others are writing to it", target, slots)
		}
	}
}

// temporary returns the name of a slot's file. It is hidden, and cut to a valid length.
func temporary(target string, slot int) string {
	dir, base := filepath.Split(target)
	return filepath.Join(dir, fmt.Sprintf(".%s.incus-star-%d.tmp", base[:min(len(base), 200)], slot))
}

// claim locks a new temporary file, and reports whether that succeeded: another writer may have removed the file before
// it was locked.
func claim(f *os.File) bool { return lock(f) != taken && named(f, f.Name()) }

// removeStale removes a temporary file of a killed writer.
func removeStale(name string) {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := openNoFollow(name)
	if err != nil {
		return
	}
	defer f.Close()
	locked := lock(f)
	if (locked == held || locked == unknown && time.Since(info.ModTime()) > staleAge) && named(f, name) {
		_ = os.Remove(name)
	}
}

// Sweep removes the temporary files of killed writers of any file in a folder.
func Sweep(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, ".") && strings.Contains(name, ".incus-star-") && strings.HasSuffix(name, ".tmp") {
			removeStale(filepath.Join(dir, name))
		}
	}
}

// named reports whether name still refers to the file f.
func named(f *os.File, name string) bool {
	own, err := f.Stat()
	there, failed := os.Lstat(name)
	return err == nil && failed == nil && os.SameFile(own, there)
}

// A lockState is the result of an attempt to lock a file.
type lockState int

const (
	held lockState = iota
	taken
	unknown // the file system has no locks
)
