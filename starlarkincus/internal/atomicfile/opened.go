package atomicfile

import (
	"io/fs"
	"os"

	"incus-star/errors"
)

// ErrNotReplaced is the error of a path that isn't that of a regular file or a new one.
var ErrNotReplaced = errors.Plain("is no regular file")

// Opened returns a descriptor of the open file of this process that path leads to, as /dev/stdout does; nil if it leads
// elsewhere. Such a file isn't replaced, because others write to it. What is written to the descriptor follows what has
// been written.
func Opened(path string) (*os.File, error) {
	if number, _ := opened(path); number >= 0 {
		return duplicate(number, path)
	}
	return nil, nil
}

// IsOpen reports whether path leads to an open file of any process, as /dev/stdout does.
func IsOpen(path string) bool {
	_, found := opened(path)
	return found
}

// replaceable returns an error if the file at path isn't replaced.
func replaceable(path string) error {
	if info, err := os.Stat(path); err == nil && (!info.Mode().IsRegular() || IsOpen(path)) {
		return &fs.PathError{Op: "write", Path: path, Err: ErrNotReplaced}
	}
	return nil
}
