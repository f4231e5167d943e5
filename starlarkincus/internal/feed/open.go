package feed

import (
	"context"
	"os"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/input"
)

var errNoWriter = errors.Plain("the time for opening the file is over")

// Open opens the file for the standard input of a command, and lets other threads run meanwhile: opening a named pipe waits
// for its writer, for at most limit. Method is the name of the function in errors.
func Open(ctx context.Context, method, path string, limit time.Duration) (f *os.File, err error) {
	bounded, cancel := context.WithTimeoutCause(ctx, limit, errNoWriter)
	defer cancel()
	builtin.In(ctx).Block(func() { f, err = input.Open(bounded, path) })
	if err == errNoWriter {
		e := errors.New(errors.OperationTimeout, "%s: stdin_file: %s: opening it took more than %v: a named pipe waits for its writer", method, path, limit)
		e.Outcome, e.Path = errors.NotSent, path
		err = e
	}
	return f, err
}
