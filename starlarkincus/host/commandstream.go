package host

import (
	"bytes"
	"context"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/process"
	"incus-star/starlarkincus/value"
)

// A piece is a part of a command's output.
type piece struct {
	stream string
	data   []byte
}

// An attendant drives a running command that needs the script: it passes the script's input to it, and the output on.
type attendant struct {
	*localCommand
	c      *invocation
	ctx    context.Context // of the command
	cancel context.CancelCauseFunc
	pieces chan piece
	hungry <-chan struct{} // nil after the input's end
	done   chan struct{}   // closed at the end of the command
	status int             // set when done is closed, like err
	err    error
}

// attend starts the command in a goroutine, which ends when ctx, the command, or its time does.
func (l *localCommand) attend(c *invocation, ctx context.Context) *attendant {
	a := &attendant{localCommand: l, c: c, pieces: make(chan piece), done: make(chan struct{})}
	timed, stop := context.WithTimeoutCause(ctx, l.timeout, errCommandTimeout)
	a.ctx, a.cancel = context.WithCancelCause(timed)
	if l.supply != nil {
		a.hungry = l.supply.Pipe.Hungry()
	}
	if l.stream != nil {
		l.Stdout, l.Stderr = a.take("stdout"), a.take("stderr")
	}
	if l.piped {
		l.Stdout = a.take("stdout")
	}
	go func() {
		defer close(a.done)
		defer stop()
		a.status, a.err = process.Run(a.ctx, &l.Command)
	}()
	return a
}

// take returns the function that passes a stream of output on as pieces.
func (a *attendant) take(stream string) func([]byte) error {
	return func(data []byte) error {
		select {
		case a.pieces <- piece{stream, bytes.Clone(data)}:
			return nil
		case <-a.ctx.Done():
			return context.Cause(a.ctx)
		}
	}
}

// next returns the next piece of output, and false at the end of the command. Meanwhile it supplies the input; ctx is the
// context of the thread's binding. It returns the error of the input's source, with the command still running, or of a ctx that ended.
func (a *attendant) next(ctx context.Context) (p piece, ok bool, err error) {
	for {
		wanted, ended := false, false
		builtin.In(ctx).Block(func() {
			select {
			case p = <-a.pieces:
			case <-a.hungry:
				wanted = true
			case <-a.done:
				ended = true
			case <-ctx.Done():
			}
		})
		switch {
		case ended:
			return piece{}, false, nil
		case ctx.Err() != nil:
			return piece{}, false, causeOf(ctx)
		case !wanted:
			return p, true, nil
		}
		more, err := a.supply.Feed(ctx, a.done)
		if err != nil {
			return piece{}, false, err
		}
		if !more {
			a.hungry = nil
		}
	}
}

// end ends the command and waits for its end.
func (a *attendant) end(ctx context.Context) {
	a.cancel(nil)
	builtin.In(ctx).Block(func() { <-a.done })
}

// attended runs a command, supplies its input, and calls l.stream with each line of its output. If one of these fails, the
// command is ended.
func (l *localCommand) attended(c *invocation) (status int, err error) {
	a, thread := l.attend(c, c.ctx), builtin.Of(c.Thread).Context
	defer a.end(thread)
	if l.stream != nil {
		l.lines = value.NewLines(l.encoding, false)
	}
	for {
		p, more, failed := a.next(thread)
		switch {
		case failed != nil && c.ctx.Err() != nil:
			a.end(thread)
			return 0, failed
		case failed != nil:
			return 0, &scriptFailure{failed}
		case !more && (a.err != nil || l.stream == nil):
			return a.status, a.err
		case !more:
			failed = l.lines.End()
		default:
			failed = l.lines.Add(p.stream, p.data)
		}
		if failed != nil {
			failed = &unreadable{failed}
		}
		for failed == nil && c.ctx.Err() == nil {
			line, ok := l.lines.Next("")
			if !ok {
				break
			}
			_, failed = c.callFunction(c.Thread, l.stream, line.Arguments(l.stream), nil)
		}
		switch {
		case failed != nil:
			return 0, &scriptFailure{failed}
		case !more:
			return a.status, nil
		}
	}
}

// A scriptFailure is the error of what the script gave to run: of the function that takes the lines, of the source of the
// input, or of the lines themselves.
type scriptFailure struct{ err error }

func (e *scriptFailure) Error() string { return e.err.Error() }
func (e *scriptFailure) Unwrap() error { return e.err }

// unreadable is the error of output that isn't in the encoding.
type unreadable struct{ err error }

func (e *unreadable) Error() string { return e.err.Error() }
