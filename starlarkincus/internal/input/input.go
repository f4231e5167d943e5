// Package input reads files that somebody names, which may be larger than the memory, or have no end, or be pipes that
// nobody writes to.
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
	// Data is the limit of what a script reads.
	Data = 256 << 20
	// device is the limit of a device that isn't the end of something that a person or a program writes.
	device = 1 << 20
)

// A TooLarge error is about a file beyond its limit, which is in bytes.
type TooLarge struct{ Limit int64 }

func (e *TooLarge) Error() string {
	return fmt.Sprintf("is larger than the limit of %d MiB", e.Limit>>20)
}

// File reads a file up to a limit. When the context ends it gives up with the context's cause, and leaves a read that
// can't be ended, such as opening a pipe that nobody writes to, to the process's end.
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
		data, err := all(f, limit)
		if _, large := err.(*TooLarge); large {
			err = &fs.PathError{Op: "read", Path: path, Err: err}
		}
		return data, err
	})
}

// All reads to the end, up to a limit, as File does.
func All(ctx context.Context, r io.Reader, limit int64) ([]byte, error) {
	return wait(ctx, func() ([]byte, error) { return all(r, limit) })
}

func all(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, &TooLarge{limit}
	}
	return data, err
}

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
