// Package feed gives readers, such as the standard input of a command or the body of a request, what scripts yield: a
// stream, a sequence, or what a function returns.
package feed

import (
	"context"
	"fmt"
	"io"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A Supplier passes the parts of a script's value to a Pipe, on the script's thread.
type Supplier struct {
	Pipe *Pipe

	method, name string // of the function and its argument

	stream builtin.Stream
	next   func(thread *starlark.Thread) (starlark.Value, error) // None for the end
	done   func()
	whole  bool // the reader was told the end
	closed bool
}

// Check returns an error for a value that is no source of input.
func Check(method, name string, v starlark.Value) error {
	switch v.(type) {
	case builtin.Stream, starlark.Callable, starlark.Iterable:
		return nil
	}
	return fmt.Errorf("%s: %w", method, &value.TypeError{Path: name, Got: builtin.Described(v), Want: "a string, bytes, a sequence of them, a stream or a function"})
}

// New returns the supplier for a stream, an iterable or a function. Method and name are those of the function and its
// argument in errors.
func New(method, name string, v starlark.Value) (*Supplier, error) {
	s := &Supplier{Pipe: NewPipe(), method: method, name: name, done: func() {}}
	switch v := v.(type) {
	case builtin.Stream:
		if err := v.Begin(); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", method, name, err)
		}
		s.stream = v
	case starlark.Callable:
		s.next = func(thread *starlark.Thread) (starlark.Value, error) { return starlark.Call(thread, v, nil, nil) }
	case starlark.Iterable:
		parts := v.Iterate()
		s.done = parts.Done
		s.next = func(thread *starlark.Thread) (starlark.Value, error) {
			var part starlark.Value
			if parts.Next(&part) {
				return part, nil
			}
			return starlark.None, builtin.Of(thread).Failure()
		}
	default:
		return nil, Check(method, name, v)
	}
	return s, nil
}

// Feed passes the next part to the reader, which waits for it. It returns false after the last one, and if the reader has
// ended or done is closed.
func (s *Supplier) Feed(ctx context.Context, done <-chan struct{}) (more bool, err error) {
	part, err := s.part(ctx, done)
	switch {
	case err == io.EOF:
		s.whole = true
		s.Pipe.End()
		return false, nil
	case err != nil && ctx.Err() == nil && s.over(done):
		return false, nil
	case err != nil:
		return false, err // without an end of the input, which would then look whole
	}
	return s.Pipe.Write(ctx, part) == nil, nil
}

// over reports whether nothing is read any more.
func (s *Supplier) over(done <-chan struct{}) bool {
	select {
	case <-done:
	case <-s.Pipe.closed:
	default:
		return false
	}
	return true
}

// part returns the next part that isn't empty.
func (s *Supplier) part(ctx context.Context, done <-chan struct{}) (string, error) {
	if s.stream != nil {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() { // a reader that has ended waits for no part
			select {
			case <-done:
			case <-s.Pipe.closed:
			case <-ctx.Done():
			}
			cancel()
		}()
		part, err := s.stream.Read(ctx)
		return string(part), err
	}
	for {
		v, err := s.next(builtin.In(ctx).Running().Thread())
		if err != nil {
			return "", err
		}
		if v == starlark.None {
			return "", io.EOF
		}
		text, err := value.Raw(s.name, v)
		if err != nil {
			return "", fmt.Errorf("%s: %w", s.method, err)
		}
		if len(text) > 0 {
			return string(text), nil
		}
	}
}

// Serve feeds the reader until done is closed or the script's value ends.
func (s *Supplier) Serve(ctx context.Context, done <-chan struct{}) error {
	for hungry := s.Pipe.hungry; hungry != nil; {
		wanted := false
		builtin.In(ctx).Block(func() {
			select {
			case <-hungry:
				wanted = true
			case <-done:
				hungry = nil
			case <-ctx.Done():
			}
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !wanted {
			continue
		}
		if more, err := s.Feed(ctx, done); err != nil {
			return err
		} else if !more {
			hungry = nil
		}
	}
	return nil
}

// Close ends the use of the value. Failure is the error of the reader or of Feed, or nil. A reader that
// succeeded without the whole of a stream has failed, unless reader, its name for the error, is empty.
func (s *Supplier) Close(ctx context.Context, reader string, failure error) error {
	if s == nil || s.closed {
		return failure
	}
	s.closed = true
	s.done()
	if s.stream == nil {
		if err := builtin.In(ctx).Failure(); failure == nil {
			failure = err
		}
		return failure
	}
	if failure == nil && !s.whole && reader != "" && ctx.Err() == nil {
		e := errors.New(errors.Base, "%s ended before it had read all of the stream", reader)
		e.Outcome = errors.Unknown
		failure = e
	}
	return s.stream.Close(ctx, failure)
}
