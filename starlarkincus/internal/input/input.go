// Package input reads files named by a user. These may be larger than the memory, endless, or pipes without a writer:
// so each read has a limit, and ends with a context.
package input

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	// Script is the limit of a script's source, in bytes.
	Script = 16 << 20
	// Key is the limit of a certificate, a key or a configuration.
	Key = 1 << 20
	// Data is the limit of a file that a script reads.
	Data = 256 << 20
	// device is the limit of a device file, such as /dev/zero, which may be endless.
	device = 1 << 20
)

// A TooLarge is the error of a file that exceeds its limit, in bytes.
type TooLarge struct{ Limit int64 }

// Error returns a predicate for the file's name, with the limit in MiB.
func (e *TooLarge) Error() string {
	return fmt.Sprintf("is larger than the limit of %d MiB", e.Limit>>20)
}

// File returns the content of a file, or an error if it exceeds the limit. When the context ends, it returns the
// context's cause; a read that can't be cancelled, such as opening a pipe without a writer, goes on in the background
// until the process exits.
func File(ctx context.Context, path string, limit int64) ([]byte, error) {
	return wait(ctx, func() ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode()&fs.ModeDevice != 0 {
			limit = min(limit, device)
		}
		return content(f, limit)
	})
}

// content returns the content of a file.
func content(f *os.File, limit int64) ([]byte, error) {
	data, err := all(f, limit)
	if _, large := err.(*TooLarge); large {
		err = &fs.PathError{Op: "read", Path: f.Name(), Err: err}
	}
	return data, err
}

// All is like [File], but reads r to its end.
func All(ctx context.Context, r io.Reader, limit int64) ([]byte, error) {
	return wait(ctx, func() ([]byte, error) { return all(r, limit) })
}

// all reads r to its end, or returns an error if there are more than limit bytes.
func all(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, &TooLarge{limit}
	}
	return data, err
}

// wait returns the result of read, or the context's cause if the context ends first.
func wait(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	type outcome struct {
		data []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		data, err := read()
		done <- outcome{data, err}
	}()
	select {
	case o := <-done:
		return o.data, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
