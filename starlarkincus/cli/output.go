package cli

import (
	"context"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"incus-star/errors"
	"incus-star/starlarkincus/host"
)

// An output is the standard output of a command. It keeps the error of the first write that fails and refuses those
// that follow, so that whoever writes to it need not look.
type output struct {
	file   *os.File
	mu     sync.Mutex
	err    error
	failed chan struct{} // closed at the first error
}

func newOutput(file *os.File) *output { return &output{file: file, failed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.file.Write(p)
	switch path := (*fs.PathError)(nil); {
	case err == nil:
		return n, nil
	case errors.Is(err, syscall.EPIPE):
		o.err = host.ErrOutputClosed
	case errors.As(err, &path):
		o.err = &host.UsageError{Path: "standard output", Message: path.Err.Error()}
	default:
		o.err = &host.UsageError{Path: "standard output", Message: err.Error()}
	}
	close(o.failed)
	return n, o.err
}

// Fd is the file's, by which the width of a terminal is found.
func (o *output) Fd() uintptr { return o.file.Fd() }

// failure returns why not all was written; nil where it was.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// end returns the exit status of a command that has written: its own, unless the output wasn't written whole. Then that
// is reported, unless it is that nobody reads it any more.
func (o *output) end(f *flags, status int, stderr io.Writer) int {
	err := o.failure()
	if err == nil {
		return status
	}
	return f.report(err, stderr)
}

// watch returns a context that ends when a write fails: nobody sees what is done after that. Stop ends the watch.
func (o *output) watch(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-o.failed:
			cancel(o.failure())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); <-done }
}
