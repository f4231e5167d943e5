package rest

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// An upload is a request's body that is read while it is sent. A nil upload is that of a request without one.
type upload struct {
	source io.Reader
	size   int64 // 0 if unknown

	cancel  context.CancelFunc // of the request
	limit   time.Duration      // of the answer; 0 for none
	sent    int64
	whole   atomic.Bool // all of it was read, so the server may have received it
	stalled atomic.Bool
	late    atomic.Bool
	answer  *time.Timer // of the limit of the answer, from when all was read
	reading sync.Mutex  // held while the source is read
	bodies  []*uploadBody
}

// A notTaken is the error of a server that doesn't receive a body.
type notTaken struct{ limit time.Duration }

func (e *notTaken) Error() string { return fmt.Sprintf("nothing was taken for %v", e.limit) }
func (e *notTaken) Timeout() bool { return true }

// start sets the function that abandons the request, and the longest time for the answer; 0 for no limit.
func (u *upload) start(cancel context.CancelFunc, limit time.Duration) {
	if u != nil {
		u.cancel, u.limit = cancel, limit
	}
}

// partial reports whether the server can't have received the body to its end.
func (u *upload) partial() bool { return u != nil && !u.whole.Load() }

// explain returns the error of a request, which is another one if the request was abandoned.
func (u *upload) explain(err error) error {
	switch {
	case u == nil || err == nil:
		return err
	case u.stalled.Load():
		return &notTaken{idleBody}
	case u.late.Load():
		return context.DeadlineExceeded
	}
	return err
}

// wait returns when nobody uses the source any more. The transport may answer before it has stopped reading.
func (u *upload) wait() {
	if u == nil {
		return
	}
	for _, b := range u.bodies {
		<-b.closed
	}
	u.reading.Lock() // a body may be closed while it is read
	defer u.reading.Unlock()
	if u.answer != nil {
		u.answer.Stop()
	}
}

// body returns the body for one endpoint. If no part of it was sent, another endpoint may follow.
func (u *upload) body() io.ReadCloser {
	b := &uploadBody{upload: u, closed: make(chan struct{})}
	u.bodies = append(u.bodies, b)
	return b
}

// An uploadBody is an upload on its way through the transport. It abandons the request if the transport doesn't read for
// idleBody.
type uploadBody struct {
	*upload
	idle   *time.Timer
	once   sync.Once
	closed chan struct{}
}

func (b *uploadBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.idle != nil {
		b.idle.Stop()
	}
	n, err := b.source.Read(p)
	b.sent += int64(n)
	switch {
	case err == io.EOF, b.size > 0 && b.sent >= b.size:
		b.whole.Store(true)
		if b.limit > 0 && b.answer == nil {
			b.answer = time.AfterFunc(b.limit, func() { b.late.Store(true); b.cancel() })
		}
	case err == nil && b.idle == nil:
		b.idle = time.AfterFunc(idleBody, b.giveUp)
	case err == nil:
		b.idle.Reset(idleBody)
	}
	return n, err
}

// Close ends the use of the source, which only the caller may close.
func (b *uploadBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// giveUp abandons the request, unless the transport is done with the body.
func (b *uploadBody) giveUp() {
	select {
	case <-b.closed:
	default:
		b.stalled.Store(true)
		b.cancel()
	}
}
