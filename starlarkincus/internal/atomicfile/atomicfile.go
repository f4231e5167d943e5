// Package atomicfile replaces the content of files in one step: whoever reads one sees the old content or the new.
//
// The new content is written to a temporary file beside the old one, whose name follows from the file's, and which its
// writer holds locked. So a temporary file without a lock is one that a killed writer left, and the next [Write] to the
// same file removes it, wherever that runs.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Mode says which mode a file gets.
type Mode struct {
	// Perm is the mode of a file that isn't there yet, less the umask.
	Perm fs.FileMode
	// Exact gives the file that mode whether it is there or not, whatever the umask.
	Exact bool
}

const (
	slots    = 64               // how many may write to one file at a time
	patience = 10 * time.Second // how long a slot is waited for
	// staleAge is where a temporary file counts as left, on a file system without locks.
	staleAge = time.Hour
)

// Write replaces a file's content. It follows symbolic links, and keeps the owner of a file that is there and, unless
// mode is exact, its mode. What is there must be a regular file, or nothing; a link to nothing is an error.
func Write[T string | []byte](path string, content T, mode Mode) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		if _, isLink := os.Lstat(path); isLink == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		target = path
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is no regular file")}
	case err == nil && !mode.Exact:
		mode = Mode{info.Mode().Perm(), true}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := create(target, mode.Perm)
	if err != nil {
		return inFolder(path, target, err)
	}
	_, err = f.Write([]byte(content))
	if err == nil && info != nil {
		keepOwner(f, info)
	}
	if err == nil {
		err = f.Sync() // else a crash may leave the new name with nothing in it
	}
	if err == nil && mode.Exact {
		err = f.Chmod(mode.Perm) // late, because one that can't be opened can't be told from one that is held
	}
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return errors.Join(err, f.Close()) // the lock is held until the name is gone
}

// inFolder is the error of a temporary file that can't be made: a file that may be written to can stand in a folder that
// may not.
func inFolder(path, target string, err error) error {
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &fs.PathError{Op: "write", Path: path, Err: fmt.Errorf("no new file can be made in the folder %s: %w", filepath.Dir(target), pathErr.Err)}
}

// create makes the temporary file of a writer, with its lock, and removes those of writers that are gone.
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
			case err == nil && hold(f):
				own = f
			case err == nil: // somebody else took it for one that was left
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

// temporary returns the name of a slot's file: hidden, and short enough whatever the target's length.
func temporary(target string, slot int) string {
	dir, base := filepath.Split(target)
	return filepath.Join(dir, fmt.Sprintf(".%.200s.incus-star-%d.tmp", base, slot))
}

// hold locks a new temporary file, and reports whether it is still the one of its name: it may have been removed before
// it was locked.
func hold(f *os.File) bool { return lock(f) != taken && named(f, f.Name()) }

// removeStale removes a temporary file whose writer is gone.
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

// named reports whether a file is still the one of a name.
func named(f *os.File, name string) bool {
	own, err := f.Stat()
	there, failed := os.Lstat(name)
	return err == nil && failed == nil && os.SameFile(own, there)
}

// The ends of an attempt to lock a file.
type lockState int

const (
	held lockState = iota
	taken
	unknown // the file system has no locks
)
