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

// An output is the standard output of a command. It records the error of the first failed write and refuses the
// following ones, so that its users may ignore errors.
type output struct {
	file   *os.File
	to     io.Writer // the file, or what writes to it
	mu     sync.Mutex
	err    error
	failed chan struct{} // closed at the first error
}

func newOutput(file *os.File) *output {
	return &output{file: file, to: file, failed: make(chan struct{})}
}

// Write writes to the file, unless a write has failed before.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(p)
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

// Fd returns the file's descriptor, for the width of a terminal.
func (o *output) Fd() uintptr { return o.file.Fd() }

// failure returns the error of the first failed write; nil for none.
func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// end returns the exit status of a command: the given one, or, after a failed write, that of the failure, which it
// reports. A closed pipe is not reported.
func (o *output) end(f *flags, status int, stderr io.Writer) int {
	err := o.failure()
	if err == nil {
		return status
	}
	return f.report(err, stderr)
}

// watch returns a context that ends when a write fails, because later results would be lost. Stop ends the watch.
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
