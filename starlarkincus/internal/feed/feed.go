// Package feed gives readers, such as the standard input of a command or the body of a request, what scripts yield: a
// stream, a list, or what a function returns.
package feed

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A Supplier passes the parts of a script's value to a Pipe, on the script's thread.
type Supplier struct {
	Pipe *Pipe
	// Content makes a value without any bytes an error.
	Content bool

	method, name string // of the function and its argument

	stream builtin.Stream
	next   func(thread *starlark.Thread) (starlark.Value, error) // None for the end
	given  bool                                                  // there were bytes
	whole  bool                                                  // the reader was told the end
	closed bool
	judged bool // the outcome of its failure is this package's
}

// wanted describes the values that [New] takes, for errors.
const wanted = "string, bytes, a list or tuple of them, a stream, or a function"

// Check returns the error of [New] for a value that is no source of input. Values that can be iterated over are refused
// except lists and tuples: the elements of an object are the names of its fields, those of a dict its keys, and the lines
// of a command have no newlines.
func Check(method, name string, v starlark.Value) error {
	switch v := v.(type) {
	case builtin.Stream:
	case *starlark.List, starlark.Tuple:
		i := 0
		for part := range starlark.Elements(v.(starlark.Iterable)) {
			if _, err := value.Raw(value.Index(name, i), part); err != nil {
				return fmt.Errorf("%s: %w", method, err)
			}
			i++
		}
	case starlark.Callable:
		if m, ok := v.(builtin.StreamMaker); ok && m.MakesStream() {
			return fmt.Errorf("%s: %s: got a method, want its stream: call it: %s()", method, name, shortName(v))
		}
	default:
		return fmt.Errorf("%s: %w", method, Mismatch(name, v, wanted))
	}
	return nil
}

// New returns the supplier for a stream, a list, a tuple, or a function. Method and name are those of the function and its
// argument in errors.
func New(method, name string, v starlark.Value) (*Supplier, error) {
	if err := Check(method, name, v); err != nil {
		return nil, err
	}
	s := &Supplier{Pipe: NewPipe(), method: method, name: name}
	switch v := v.(type) {
	case builtin.Stream:
		if err := v.Begin(); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", method, name, err)
		}
		s.stream = v
	case *starlark.List, starlark.Tuple:
		parts := slices.Collect(starlark.Elements(v.(starlark.Iterable))) // the script may change the list
		s.next = func(*starlark.Thread) (starlark.Value, error) {
			if len(parts) == 0 {
				return starlark.None, nil
			}
			part := parts[0]
			parts = parts[1:]
			return part, nil
		}
	case starlark.Callable:
		s.next = func(thread *starlark.Thread) (starlark.Value, error) { return s.call(thread, v) }
	}
	return s, nil
}

// Mismatch returns the error of a value that New doesn't take.
func Mismatch(name string, v starlark.Value, want string) error {
	got := builtin.Described(v)
	if v.Type() == "lines" {
		got += " of a Command, which have no newlines"
	}
	return &value.TypeError{Path: name, Got: got, Want: want}
}

// Takes reports whether New takes a value.
func Takes(v starlark.Value) bool {
	switch v.(type) {
	case builtin.Stream, *starlark.List, starlark.Tuple, starlark.Callable:
		return true
	}
	return false
}

// call returns the next part from a function.
func (s *Supplier) call(thread *starlark.Thread, fn starlark.Callable) (starlark.Value, error) {
	v, err := starlark.Call(thread, fn, nil, nil)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case starlark.NoneType, starlark.String, starlark.Bytes:
		return v, nil
	case builtin.Stream:
		if v.Begin() == nil {
			_ = v.Close(builtin.Of(thread).Context, nil)
		}
		return nil, fmt.Errorf("%s: %s: %s returned a stream, want a part: give the stream itself, %s()", s.method, s.name, fn.Name(), shortName(fn))
	}
	return nil, fmt.Errorf("%s: %s: %s returned %s, want string or bytes, or None at the end", s.method, s.name, fn.Name(), builtin.Described(v))
}

// shortName returns the last part of a function's name.
func shortName(fn starlark.Callable) string {
	return fn.Name()[strings.LastIndex(fn.Name(), ".")+1:]
}

// Feed passes the next part to the reader, which waits for it. It returns false after the last one, and if the reader has
// ended or done is closed.
func (s *Supplier) Feed(ctx context.Context, done <-chan struct{}) (more bool, err error) {
	part, err := s.part(ctx, done)
	switch {
	case err == io.EOF && s.Content && !s.given && ctx.Err() == nil:
		e := errors.New(errors.Base, "%s: %s: it has no content", s.method, s.name)
		s.judged, e.Outcome = true, errors.Unknown
		return false, e
	case err == io.EOF:
		s.whole = true
		s.Pipe.End()
		return false, nil
	case err != nil && ctx.Err() == nil && s.over(done):
		return false, nil
	case err != nil:
		return false, s.failed(ctx, err) // without an end of the input, which would then look whole
	}
	s.given = true
	return s.Pipe.Write(ctx, part) == nil, nil
}

// failed returns the error of the value. One of a stream is about this use of it: what was begun with its content has an
// unknown outcome, unless Judge is called.
func (s *Supplier) failed(ctx context.Context, err error) error {
	var e *errors.Error
	if ctx.Err() != nil || !errors.As(err, &e) {
		return err
	}
	if s.stream != nil {
		e.Message = s.method + ": " + s.name + ": " + e.Message
	}
	if s.stream != nil || e.Outcome == "" {
		s.judged = true
		e.Outcome = errors.Unknown
	}
	return err
}

// Judge sets the outcome of an error that Feed returned, unless it is that of another call by the script's function.
func (s *Supplier) Judge(failed error, outcome errors.Outcome) {
	if e := (*errors.Error)(nil); s.judged && errors.As(failed, &e) {
		e.Outcome = outcome
	}
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
