package feed

import (
	"context"
	"hash"
	"io"
	"sync"

	"incus-star/errors"
)

// A Pipe is a reader whose parts come from a script.
type Pipe struct {
	// Copy, if set, is the hash of all that is read.
	Copy hash.Hash

	hungry chan struct{} // receives from the reader when it has no data
	parts  chan string
	ended  chan struct{} // closed after the last part
	closed chan struct{} // closed by the reader
	left   string
	reason error // of the end; set before ended is closed

	end   func(reason error)
	close func()
}

var _ io.ReadCloser = (*Pipe)(nil)

// NewPipe returns a pipe without data.
func NewPipe() *Pipe {
	p := &Pipe{hungry: make(chan struct{}), parts: make(chan string), ended: make(chan struct{}), closed: make(chan struct{})}
	var once sync.Once
	p.end = func(reason error) {
		once.Do(func() {
			p.reason = reason
			close(p.ended)
		})
	}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

// Hungry receives when the reader waits for a part.
func (p *Pipe) Hungry() <-chan struct{} { return p.hungry }

// Read waits for data. It returns io.EOF after End.
func (p *Pipe) Read(data []byte) (int, error) {
	for hungry := p.hungry; p.left == ""; {
		select {
		case hungry <- struct{}{}:
			hungry = nil
		case p.left = <-p.parts:
			hungry = p.hungry
		case <-p.ended:
			return 0, p.reason
		case <-p.closed:
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(data, p.left)
	p.left = p.left[n:]
	if p.Copy != nil {
		p.Copy.Write(data[:n])
	}
	return n, nil
}

// Close ends the reading.
func (p *Pipe) Close() error {
	p.close()
	return nil
}

// End ends the writing: the reader gets io.EOF.
func (p *Pipe) End() { p.end(io.EOF) }

// Fail ends the writing: the reader gets the error.
func (p *Pipe) Fail(err error) { p.end(err) }

// errClosed is the error of a write after the end of either side.
var errClosed = errors.Plain("its standard input is closed")

// Write passes a part to the reader, and waits until it is taken.
func (p *Pipe) Write(ctx context.Context, part string) error {
	select {
	case <-p.ended:
		return errClosed
	case <-p.closed:
		return errClosed
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
	return errClosed
}
