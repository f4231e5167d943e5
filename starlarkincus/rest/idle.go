package rest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// idleBody is the longest pause within the body of an answer. The time until the answer begins, and the total time, are
// limited only by the caller, because a request such as the deletion of a pool may take long.
var idleBody = 60 * time.Second

// A stalled is the error of a body that paused for too long.
type stalled struct{ limit time.Duration }

func (e *stalled) Error() string { return fmt.Sprintf("nothing came for %v", e.limit) }
func (e *stalled) Timeout() bool { return true }

// steady makes reads of the answer's body fail after a pause of idleBody, except in a wait for an operation, where the
// server sends the status 200 first and then waits.
func (k *outgoing) steady(response *http.Response) *http.Response {
	if !strings.HasPrefix(k.url.Path, "/1.0/operations/") || !strings.HasSuffix(k.url.Path, "/wait") {
		response.Body = newSteadyBody(response.Body)
	}
	return response
}

// A steadyBody is a body with a time limit for each read. It has one timer for all of them, because setting one for each
// would take longer than the reads.
type steadyBody struct {
	io.ReadCloser
	mayPause func() bool // reports whether a longer pause is right; nil for never
	limit    time.Duration
	made     time.Time
	began    atomic.Int64 // the time from made to the beginning of the read, and 1; 0 between reads
	stalled  atomic.Bool

	mu     sync.Mutex
	timer  *time.Timer
	closed bool
}

func newSteadyBody(body io.ReadCloser) *steadyBody {
	b := &steadyBody{ReadCloser: body, limit: idleBody, made: time.Now()}
	b.wait(b.limit)
	return b
}

func (b *steadyBody) Read(p []byte) (int, error) {
	b.began.Store(int64(time.Since(b.made)) + 1)
	n, err := b.ReadCloser.Read(p)
	b.began.Store(0)
	if err != nil && b.stalled.Load() {
		return n, &stalled{b.limit}
	}
	return n, err
}

// Close closes the body, and ends its timer.
func (b *steadyBody) Close() error {
	b.mu.Lock()
	b.closed = true
	b.timer.Stop()
	b.mu.Unlock()
	return b.ReadCloser.Close()
}

// wait lets look run after d, unless the body is closed before.
func (b *steadyBody) wait(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.timer = time.AfterFunc(d, b.look)
	}
}

// look ends a read that takes too long.
func (b *steadyBody) look() {
	began := b.began.Load()
	if began == 0 {
		b.wait(b.limit)
		return
	}
	paused := time.Since(b.made) - time.Duration(began-1)
	switch {
	case paused < b.limit:
		b.wait(b.limit - paused)
	case b.mayPause != nil && b.mayPause():
		b.wait(b.limit)
	default:
		b.stalled.Store(true)
		b.ReadCloser.Close() // ends the read
	}
}
