// Package rest speaks Incus's REST API: requests, background operations, their progress, and TLS.
//
// A [Client] is made by [New], which sends nothing; the first request connects. [Client.Do] sends a JSON request and
// returns the answer's metadata. Where the server goes on in the background, the reply has an [Operation], and
// [Operation.Wait] waits for its end with one more request.
//
// Every failure is an *errors.Error of package incus-star/errors with its class, except that a cancelled context gives
// an error for which errors.Is(err, context.Canceled) holds. Secrets that Incus hands out (an operation's websocket
// secrets, tokens, passwords) stand neither in an error nor in a [Trace].
package rest

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"incus-star/errors"
)

// A Client sends requests to one Incus server over one set of pooled connections. Its methods may be called from
// several goroutines at once.
type Client struct {
	config    Config
	endpoints []endpoint
	kept      atomic.Pointer[endpoint] // the endpoint that answered first; nil until then

	sender    sender
	transport func() *http.Transport // made once, at the first request
	made      atomic.Pointer[http.Transport]

	events eventStream
	shared sharedWatch

	ctx     context.Context // ends at Close; what runs in the background runs under it
	cancel  context.CancelFunc
	mu      sync.Mutex // guards closed, and running.Add against Close
	closed  bool
	running sync.WaitGroup
}

// New makes a client without any I/O. What is wrong with the configuration is an error of class errors.Config.
func New(config Config) (*Client, error) {
	endpoints, err := config.endpoints()
	if err != nil {
		return nil, err
	}
	c := &Client{config: config, endpoints: endpoints}
	if len(endpoints) == 1 {
		c.kept.Store(&endpoints[0])
	}
	c.transport = sync.OnceValue(func() *http.Transport {
		t := newTransport(config)
		c.made.Store(t)
		return t
	})
	c.sender = c.senders()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.events.init(c)
	c.shared.init(c)
	return c, nil
}

// Close ends the idle connections, the event stream and the waits in the background, and returns when all goroutines
// of the client have ended. A request that a caller still has under way goes on under the caller's context; later ones
// fail. Close may be called more than once.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	if t := c.made.Load(); t != nil {
		t.CloseIdleConnections()
	}
}

// spawn runs f in the background, under a context that ends at Close. It says false, and runs nothing, after Close.
func (c *Client) spawn(f func(ctx context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.running.Go(func() { f(c.ctx) })
	return true
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func errClosed() *errors.Error { return errors.New(errors.Connection, "the client is closed") }
