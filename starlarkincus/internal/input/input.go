// Package input reads files named by a user. These may be larger than the memory, endless, or pipes without a writer:
// so each read has a limit, and ends with a context.
package input

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
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
	return wait(ctx, nothing, func() ([]byte, error) {
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

// Open opens a file for reading; a folder, of which only reading fails, is an error. Opening a named pipe waits for its writer:
// when the context ends, Open returns the context's cause, and closes the file if a writer comes later.
func Open(ctx context.Context, path string) (*os.File, error) {
	return wait(ctx, func(f *os.File) { f.Close() }, func() (*os.File, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			f.Close()
			return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
		}
		return f, nil
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
	return wait(ctx, nothing, func() ([]byte, error) { return all(r, limit) })
}

// all reads r to its end, or returns an error if there are more than limit bytes.
func all(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, &TooLarge{limit}
	}
	return data, err
}

// nothing drops what was read too late.
func nothing([]byte) {}

// wait returns the result of work, or the context's cause if the context ends first. Then drop gets a later result.
func wait[T any](ctx context.Context, drop func(T), work func() (T, error)) (v T, err error) {
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome)
	go func() {
		v, err := work()
		select {
		case done <- outcome{v, err}:
		case <-ctx.Done():
			drop(v)
		}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}
