package host

import (
	"bytes"
	"context"

	"incus-star/starlarkincus/internal/process"
	"incus-star/starlarkincus/value"
)

// A piece is a part of a command's output.
type piece struct {
	stream string
	data   []byte
}

// streamed runs a command and calls l.stream with each line of its output. If that fails, the command is ended.
func (l *localCommand) streamed(c *invocation, ctx context.Context) (status int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pieces := make(chan piece)
	take := func(stream string) func([]byte) error {
		return func(data []byte) error {
			select {
			case pieces <- piece{stream, bytes.Clone(data)}:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	l.Stdout, l.Stderr = take("stdout"), take("stderr")
	l.lines = value.NewLines(l.encoding, false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		status, err = process.Run(ctx, &l.Command)
	}()
	for {
		var p piece
		ended := false
		c.host().block(func() {
			select {
			case p = <-pieces:
			case <-done:
				ended = true
			}
		})
		var failed error
		switch {
		case ended && err != nil:
			return 0, err
		case ended:
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
			cancel()
			c.host().block(func() { <-done })
			return status, &streamError{failed}
		case ended:
			return status, nil
		}
	}
}

// A streamError is the error of the function that takes a command's lines, or of the lines themselves.
type streamError struct{ err error }

func (e *streamError) Error() string { return e.err.Error() }
func (e *streamError) Unwrap() error { return e.err }

// unreadable is the error of output that isn't in the encoding.
type unreadable struct{ err error }

func (e *unreadable) Error() string { return e.err.Error() }
