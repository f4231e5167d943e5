package rest

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// The standard streams of a command, by the names of their websockets.
const (
	Stdin  = "0"
	Stdout = "1"
	Stderr = "2"
)

const (
	// maxUnread bounds the output that waits to be read, in bytes. Beyond it the command waits for the reader.
	maxUnread = 1 << 20
	// maxPiece is the size of the largest piece of output, in bytes.
	maxPiece = 32 << 10
)

// A Piece is a part of a command's output.
type Piece struct {
	Stream string // Stdout or Stderr
	Data   []byte
}

// An execOutput is a queue of the output of a command. Before the first call of next its size is limited by an error, then
// by waiting.
type execOutput struct {
	limit  int    // of the size before next is called, in bytes
	advice string // the end of the error of more

	mu      sync.Mutex
	changed chan struct{} // closed at each change, and replaced
	pieces  []Piece       // in order of arrival
	size    int           // of pieces, in bytes
	came    int64         // total size of the output so far, in bytes
	taken   bool          // whether next was called
	last    bool          // whether only the rest is missing, which is added without waiting
	dropped bool          // whether new output is dropped
	ended   bool
}

func newExecOutput(limit int, advice string) *execOutput {
	return &execOutput{limit: limit, advice: advice, changed: make(chan struct{})}
}

// change wakes all waiting calls. The lock is held.
func (o *execOutput) change() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// put adds output, after waiting while too much is unread.
func (o *execOutput) put(ctx context.Context, stream string, data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.taken && !o.last && !o.dropped && o.size > 0 && o.size+len(data) > maxUnread {
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		o.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	switch {
	case o.dropped && (o.taken || o.size+len(data) > o.limit):
		return nil
	case !o.taken && o.size+len(data) > o.limit:
		return fmt.Errorf("its output is larger than %d MiB%s", o.limit>>20, o.advice)
	}
	o.size += len(data)
	o.came += int64(len(data))
	if n := len(o.pieces); n > 0 && o.pieces[n-1].Stream == stream && len(o.pieces[n-1].Data)+len(data) <= maxPiece {
		o.pieces[n-1].Data = append(o.pieces[n-1].Data, data...)
	} else {
		o.pieces = append(o.pieces, Piece{stream, append([]byte(nil), data...)})
	}
	o.change()
	return nil
}

// passes counts output that goes elsewhere, and reports whether it is dropped.
func (o *execOutput) passes(n int) (dropped bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.came += int64(n)
	return o.dropped
}

// next returns the next piece, io.EOF after the last one.
func (o *execOutput) next(ctx context.Context) (Piece, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.taken {
		o.taken = true
		o.change()
	}
	for len(o.pieces) == 0 {
		if o.ended {
			return Piece{}, io.EOF
		}
		changed := o.changed
		o.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		o.mu.Lock()
		if ctx.Err() != nil {
			return Piece{}, ctx.Err()
		}
	}
	p := o.pieces[0]
	o.pieces[0] = Piece{}
	o.pieces = o.pieces[1:]
	o.size -= len(p.Data)
	o.change()
	return p, nil
}

// collect undoes the effect of next on the limit.
func (o *execOutput) collect() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken = false
	o.change()
}

// total returns the size of all output so far.
func (o *execOutput) total() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.came
}

// take removes and returns all pieces.
func (o *execOutput) take() (stdout, stderr []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := map[string]int{}
	for _, p := range o.pieces {
		size[p.Stream] += len(p.Data)
	}
	stdout, stderr = make([]byte, 0, size[Stdout]), make([]byte, 0, size[Stderr])
	for i, p := range o.pieces {
		if p.Stream == Stdout {
			stdout = append(stdout, p.Data...)
		} else {
			stderr = append(stderr, p.Data...)
		}
		o.pieces[i] = Piece{}
	}
	o.pieces, o.size = nil, 0
	o.change()
	return stdout, stderr
}

// finish accepts the rest without waiting. It is called at the end of the process: a second later, the server discards
// the rest.
func (o *execOutput) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = true
	o.change()
}

// drop discards new output beyond the limit, and all of it after a call of next. It is called when the command is being
// ended.
func (o *execOutput) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped = true
	o.change()
}

// end marks the end of the output.
func (o *execOutput) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.change()
}
