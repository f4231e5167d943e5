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

// A pipe is the standard input of a command whose parts come from a script.
type pipe struct {
	hungry chan struct{} // gets a token when the reader has nothing left
	parts  chan string
	ended  chan struct{} // closed when no other part comes
	closed chan struct{} // closed when nobody reads any more
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

// Close says that nobody reads any more.
func (p *pipe) Close() error {
	p.close()
	return nil
}

// errClosedInput is the failure to write to a command that doesn't read any more.
var errClosedInput = errors.Plain("its standard input is closed")

// write gives the reader a part, and waits until it takes it.
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

// A supplier gives the parts of a command's standard input one by one, from a function or a sequence of the script.
type supplier struct {
	pipe *pipe
	next func() (starlark.Value, error) // None for the end
	done func()
}

// supply returns the supplier of a function, or of another sequence.
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
