package rest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
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
		response.Body = &steadyBody{ReadCloser: response.Body}
	}
	return response
}

// A steadyBody is a body with a time limit for each read.
type steadyBody struct {
	io.ReadCloser
	mayPause func() bool // reports whether a longer pause is right; nil for never
	stalled  atomic.Bool
}

func (b *steadyBody) Read(p []byte) (int, error) {
	limit := idleBody
	var over atomic.Bool
	var pause func()
	pause = func() {
		switch {
		case over.Load():
		case b.mayPause != nil && b.mayPause():
			time.AfterFunc(limit, pause)
		default:
			b.stalled.Store(true)
			b.ReadCloser.Close() // ends the read
		}
	}
	timer := time.AfterFunc(limit, pause)
	n, err := b.ReadCloser.Read(p)
	over.Store(true)
	timer.Stop()
	if err != nil && b.stalled.Load() {
		return n, &stalled{limit}
	}
	return n, err
}
