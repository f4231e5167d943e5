package rest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// idleBody is how long a server may pause within an answer's body. How long it may take in all, and before the answer
// begins, is for the caller to say: deleting a pool takes what it takes.
var idleBody = 60 * time.Second

// A stalled error is a body that stopped coming.
type stalled struct{ limit time.Duration }

func (e *stalled) Error() string { return fmt.Sprintf("nothing came for %v", e.limit) }
func (e *stalled) Timeout() bool { return true }

// steady makes reading the answer's body an error once it stops coming. That of a wait for an operation is exempt: there
// the server says 200, and then waits.
func (k *outgoing) steady(response *http.Response) *http.Response {
	if !strings.HasPrefix(k.url.Path, "/1.0/operations/") || !strings.HasSuffix(k.url.Path, "/wait") {
		response.Body = &steadyBody{ReadCloser: response.Body}
	}
	return response
}

// A steadyBody is a body whose reads are limited in time.
type steadyBody struct {
	io.ReadCloser
	stalled atomic.Bool
}

func (b *steadyBody) Read(p []byte) (int, error) {
	limit := idleBody
	timer := time.AfterFunc(limit, func() {
		b.stalled.Store(true)
		b.ReadCloser.Close() // ends the read
	})
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	if err != nil && b.stalled.Load() {
		return n, &stalled{limit}
	}
	return n, err
}
