package builtin

import (
	"context"
	"fmt"
	"io"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// A Stream is a value whose content is made while it is read, such as a backup on its way. It is read once.
type Stream interface {
	starlark.Iterable
	// Begin claims the stream for a reader. It fails for a second one.
	Begin() error
	// Read waits for the next part. It returns io.EOF after the last one, if the content is known to be whole.
	Read(ctx context.Context) ([]byte, error)
	// Close ends the work behind the stream, and releases what it holds. Failure is the error of the stream or of its
	// reader, or nil. Close returns failure, or an error that tells more.
	Close(ctx context.Context, failure error) error
}

// A StreamMaker is a method that may return a stream.
type StreamMaker interface {
	// MakesStream reports whether it does.
	MakesStream() bool
}

// A OneReader implements the claim of a stream.
type OneReader struct{ claimed bool }

// Begin fails if it was called before.
func (o *OneReader) Begin() error {
	if o.claimed {
		return errors.Plain("this stream was read already: a stream is read once")
	}
	o.claimed = true
	return nil
}

// StreamOver returns the error of a stream that was ended while nothing read it.
func StreamOver() error {
	e := errors.New(errors.State, "this stream is over: it ended with the script, the session or the stopped task that it belongs to")
	e.Outcome = errors.NotSent
	return e
}

// Iterate returns an iterator over the parts of a stream, as bytes, for the thread that runs it. B is the binding of any
// thread of the script.
func Iterate(s Stream, b *Binding) starlark.Iterator {
	i := &streamIterator{stream: s, binding: b}
	if err := s.Begin(); err != nil {
		i.fail(err)
	}
	return i
}

type streamIterator struct {
	stream  Stream
	binding *Binding
	failure error
	unowned bool // another reader has the stream
	ended   bool
}

// fail ends the iteration with an error.
func (i *streamIterator) fail(err error) {
	i.ended, i.unowned, i.failure = true, true, err
}

func (i *streamIterator) Next(p *starlark.Value) bool {
	b := i.binding.Running()
	if !i.ended {
		part, err := i.stream.Read(b.Context)
		if err == nil {
			*p = starlark.Bytes(part)
			return true
		}
		i.ended = true
		if err != io.EOF {
			i.failure = err
		}
	}
	i.close(b)
	return false
}

// close closes the stream once, and raises the error.
func (i *streamIterator) close(b *Binding) {
	err := i.failure
	if !i.unowned {
		i.unowned = true
		err = i.stream.Close(b.Context, i.failure)
	}
	i.failure = nil
	if err != nil {
		b.Fail(err)
	}
}

// Done closes the stream if the loop didn't reach its end.
func (i *streamIterator) Done() { i.close(i.binding.Running()) }

// Unhashable returns the error of a value that can't be a key.
func Unhashable(v starlark.Value) error { return fmt.Errorf("unhashable type: %s", v.Type()) }
