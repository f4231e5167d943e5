// Package rest is a client of Incus's REST API: requests, background operations, their progress, and TLS.
//
// [New] returns a [Client] without connecting; the first request connects. [Client.Do] sends a JSON request and returns
// the metadata of the answer. If the server continues in the background, the reply has an [Operation], and
// [Operation.Wait] waits for its end with one more request.
//
// Every failure is an *errors.Error of package incus-star/errors with a class, except for a cancelled context, whose
// error satisfies errors.Is(err, context.Canceled). Errors and traces never contain secrets of Incus, such as an
// operation's websocket secrets, tokens and passwords.
package rest

import (
	"context"
	"crypto/x509"
	"net/http"
	"sync"
	"sync/atomic"

	"incus-star/errors"
)

// A Client sends requests to one Incus server over a pool of connections. Its methods are safe for concurrent use.
type Client struct {
	config    Config
	endpoints []endpoint
	chosen    atomic.Pointer[endpoint] // the endpoint that answered first; nil before

	sender    sender
	transport func() *http.Transport // created once, at the first request
	built     atomic.Pointer[http.Transport]

	events eventStream
	shared sharedWatch

	ctx     context.Context // context of all background work; ends at Close
	cancel  context.CancelFunc
	mu      sync.Mutex // guards closed, and running.Add against Close
	closed  bool
	running sync.WaitGroup

	outputs chan struct{}   // full while the operation of an Output is looked for
	claimed map[string]bool // operations of Outputs
}

// New returns a client without any I/O. It returns an error of class errors.Config if the configuration is invalid.
func New(config Config) (*Client, error) {
	endpoints, err := config.endpoints()
	if err != nil {
		return nil, err
	}
	c := &Client{config: config, endpoints: endpoints, outputs: make(chan struct{}, 1)}
	if len(endpoints) == 1 {
		c.chosen.Store(&endpoints[0])
	}
	c.transport = sync.OnceValue(func() *http.Transport {
		t := newTransport(config)
		c.built.Store(t)
		return t
	})
	c.sender = c.senders()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.events.init(c)
	c.shared.init(c)
	return c, nil
}

// Endpoints returns the server's addresses as URLs; none for a unix socket.
func (c *Client) Endpoints() []string { return c.config.Endpoints }

// Remote returns the name of the server's remote, or its address if it has none.
func (c *Client) Remote() string { return c.config.Name() }

// Identify adds the server to an error that has none. A local one without a name counts as the default remote.
func (c *Client) Identify(e *errors.Error) {
	if e.Remote == "" {
		e.Remote, e.Default = c.config.Name(), c.config.isDefault()
	}
}

// ServerCertificate returns the pinned certificate of the server; nil for none.
func (c *Client) ServerCertificate() *x509.Certificate { return c.config.ServerCertificate }

// Close ends the idle connections, the event stream and the background waits, and returns when all goroutines of the
// client have ended. Running requests of callers continue under their contexts; later requests fail. Close may be
// called more than once.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	if t := c.built.Load(); t != nil {
		t.CloseIdleConnections()
	}
}

// spawn runs f in the background, under a context that ends at Close. After Close it returns false without running f.
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
