package input

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Regular is like [File], but any other file than a regular one is an error, for which it doesn't wait.
func Regular(ctx context.Context, path string, limit int64) ([]byte, error) {
	return wait(ctx, nothing, func() ([]byte, error) {
		f, _, err := OpenRegular(os.OpenFile, path)
		if err != nil {
			// A socket can't even be opened.
			if info, failed := os.Stat(path); failed == nil && !info.Mode().IsRegular() {
				err = notRegular(info)
			}
			return nil, err
		}
		defer f.Close()
		return content(f, limit)
	})
}

// An OpenFunc opens a file, as [os.OpenFile] does.
type OpenFunc func(name string, flag int, perm fs.FileMode) (*os.File, error)

// OpenRegular opens a local file for reading, and describes it. Any but a regular file is an error: a device may be
// endless, and a pipe may have no writer, for which OpenRegular doesn't wait.
func OpenRegular(open OpenFunc, name string) (*os.File, fs.FileInfo, error) {
	f, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(info)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func notRegular(info fs.FileInfo) error {
	return fmt.Errorf("is a %s, not a regular file", Kind(info.Mode()))
}

// Kind returns a description of the type of a file.
func Kind(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "folder"
	case fs.ModeSymlink:
		return "symbolic link"
	case fs.ModeNamedPipe:
		return "named pipe"
	case fs.ModeSocket:
		return "socket"
	}
	return "device"
}
