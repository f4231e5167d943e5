package starlarkincus

import (
	"context"
	"fmt"
	"io"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A pipe is a standard input whose parts come from a script.
type pipe struct {
	hungry chan struct{} // receives from the reader when it has no data
	parts  chan string
	ended  chan struct{} // closed after the last part
	closed chan struct{} // closed by the reader
	left   string

	end, close func()
}

var _ io.ReadCloser = (*pipe)(nil)

func newPipe() *pipe {
	p := &pipe{hungry: make(chan struct{}), parts: make(chan string), ended: make(chan struct{}), closed: make(chan struct{})}
	p.end = sync.OnceFunc(func() { close(p.ended) })
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipe) Read(data []byte) (int, error) {
	for hungry := p.hungry; p.left == ""; {
		select {
		case hungry <- struct{}{}:
			hungry = nil
		case p.left = <-p.parts:
			hungry = p.hungry
		case <-p.ended:
			return 0, io.EOF
		case <-p.closed:
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(data, p.left)
	p.left = p.left[n:]
	return n, nil
}

// Close ends the reading.
func (p *pipe) Close() error {
	p.close()
	return nil
}

// errClosedInput is the error of a write after the end of either side.
var errClosedInput = errors.Plain("its standard input is closed")

// write passes a part to the reader, and waits until it is taken.
func (p *pipe) write(ctx context.Context, part string) error {
	select {
	case <-p.ended:
		return errClosedInput
	case <-p.closed:
		return errClosedInput
	default:
	}
	select {
	case p.parts <- part:
		return nil
	case <-p.ended:
	case <-p.closed:
	case <-ctx.Done():
		return ctx.Err()
	}
	return errClosedInput
}

// A supplier returns the parts of a standard input, from a function or an iterable of the script.
type supplier struct {
	pipe *pipe
	next func() (starlark.Value, error) // None for the end
	done func()
}

// supply returns the pipe and the supplier for a function or an iterable.
func (c *invocation) supply(v starlark.Value) (io.Reader, *supplier, error) {
	s := &supplier{pipe: newPipe(), done: func() {}}
	switch v := v.(type) {
	case starlark.Callable:
		s.next = func() (starlark.Value, error) { return starlark.Call(c.thread, v, nil, nil) }
	case starlark.Iterable:
		parts := v.Iterate()
		s.done = parts.Done
		s.next = func() (starlark.Value, error) {
			var part starlark.Value
			if !parts.Next(&part) {
				return starlark.None, nil
			}
			return part, nil
		}
	}
	return s.pipe, s, nil
}

// part returns the next part that isn't empty, and false at the end.
func (s *supplier) part(method string) (string, bool, error) {
	for {
		v, err := s.next()
		if err != nil {
			return "", false, err
		}
		if v == starlark.None {
			return "", false, nil
		}
		text, err := value.Raw("stdin", v)
		if err != nil {
			return "", false, fmt.Errorf("%s: %w", method, err)
		}
		if len(text) > 0 {
			return string(text), true, nil
		}
	}
}
