package rest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// A sender sends requests. The senders of a client form a chain that ends with the network. The others may reject a
// request, record it, or answer it themselves. All requests of a client, including websockets and streams, pass through
// the chain.
type sender interface {
	// send calls then once, with the response or an error, and returns the error of then, without secrets, for the
	// caller.
	send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error
}

// senders returns the chain of the client's senders: the backend of a server that isn't one of Incus, the trace, which
// includes rejected requests, the guard of a read-only client, the login, the breaker, and the network.
func (c *Client) senders() sender {
	var s sender = guarded{c, network{c}}
	if c.config.Login != nil {
		s = authorizing{c, s}
	}
	if c.config.ReadOnly && c.config.Backend == nil {
		s = readOnly{s}
	}
	if c.config.Trace != nil {
		name := c.config.Name()
		if c.config.isDefault() {
			name = ""
		}
		s = tracing{s, name, c.config.Trace}
	}
	if c.config.Backend != nil {
		s = answering{c, c.config.Backend, s}
	}
	return s
}

// The network sends a request to the endpoint that answered last, or to each endpoint in order until one can be reached. It
// sends a request that may have reached an endpoint to another one only if the request just reads.
type network struct{ client *Client }

func (n network) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	c := n.client
	if c.isClosed() {
		return then(nil, errClosed())
	}
	if len(c.endpoints) > 1 {
		return n.sendToAny(ctx, k, then)
	}
	e := &c.endpoints[0]
	response, err := n.roundTrip(ctx, k, e)
	if err != nil {
		err = &endpointError{e, err}
	}
	return k.clean(then(response, err))
}

// roundTrip sends a request to an endpoint, and once more on another connection if the server had closed the first one before. The
// transport does so only for connections that have had a request, but servers close those without one as well, after 3 seconds.
func (n network) roundTrip(ctx context.Context, k *outgoing, e *endpoint) (*http.Response, error) {
	t := n.client.transport()
	response, err := t.RoundTrip(k.http(ctx, e))
	if closedBefore(err) && k.stream == nil && ctx.Err() == nil {
		k.handed.Store(false)
		response, err = t.RoundTrip(k.http(ctx, e))
	}
	return response, err
}

// sendToAny sends a request to one of several endpoints. The answer that the server is unavailable is used only if no other
// endpoint gives an answer. A read goes on to the next endpoint after any such answer; a change only after one by which
// Incus itself says that it takes no request yet, or none any more.
func (n network) sendToAny(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	var failed endpointErrors
	var away *http.Response
	order := n.client.order()
	for i, e := range order {
		more := i+1 < len(order)
		response, err := n.reach(ctx, k, e, more)
		switch {
		case err == nil && more && isAway(response.StatusCode) && (k.repeatable() || k.notTaken(response)):
			k.handed.Store(false)
			if away == nil {
				away = response
			} else {
				response.Body.Close()
			}
			continue
		case err == nil:
			if away != nil {
				away.Body.Close()
			}
			n.client.chosen.Store(e)
			return k.clean(then(response, nil))
		}
		failed = append(failed, &endpointError{e, err})
		if ctx.Err() != nil || !unreached(err) && !k.repeatable() {
			break
		}
	}
	last := failed[len(failed)-1]
	switch {
	case away != nil && ctx.Err() == nil && (k.repeatable() || unreached(last)):
		return k.clean(then(away, nil))
	case away != nil:
		away.Body.Close()
	}
	if len(failed) == 1 || ctx.Err() != nil || !k.repeatable() && !unreached(last) {
		return k.clean(then(nil, last))
	}
	return k.clean(then(nil, failed))
}

// isAway reports whether a status says that a server is unavailable: that of Incus, or those of a proxy before it.
func isAway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// notTakenTexts are the messages of a server of Incus that takes no requests, before it looks at them. Other messages with
// their status are about a failure in the middle of the work.
var notTakenTexts = []string{"Daemon is starting up", "Incus is shutting down", "Shutting down"}

// notTaken reports whether an answer proves that a change wasn't begun, so that it may be sent elsewhere. It leaves the body
// to be read.
func (k *outgoing) notTaken(response *http.Response) bool {
	if !k.changes() || k.stream != nil || response.StatusCode != http.StatusServiceUnavailable {
		return false
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), response.Body), response.Body}
	e, invalid := readEnvelope(body)
	return err == nil && invalid == nil && e.kind == "error" && slices.Contains(notTakenTexts, e.message)
}

// maxRefusal is the size of the largest answer to examine.
const maxRefusal = 4 << 10

// reachTimeout is the limit of the connection to an endpoint, with the handshake of TLS, if others remain.
var reachTimeout = 3 * time.Second

// reach sends a request to an endpoint. Limited sets a limit to the time until there is a connection.
func (n network) reach(ctx context.Context, k *outgoing, e *endpoint, limited bool) (*http.Response, error) {
	if !limited {
		return n.roundTrip(ctx, k, e)
	}
	ctx, cancel := context.WithCancel(ctx) // ends with the caller's, after the answer
	var overdue, connected atomic.Bool
	timer := time.AfterFunc(reachTimeout, func() {
		overdue.Store(true)
		cancel()
	})
	defer timer.Stop()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		timer.Stop()
		connected.Store(true)
	}})
	response, err := n.roundTrip(ctx, k, e)
	if err != nil && overdue.Load() && !connected.Load() {
		err = &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	return response, err
}

// order returns the endpoints in the order in which to try them: that which answered last is the first.
func (c *Client) order() []*endpoint {
	chosen := c.chosen.Load()
	order := make([]*endpoint, 0, len(c.endpoints))
	if chosen != nil {
		order = append(order, chosen)
	}
	for i := range c.endpoints {
		if e := &c.endpoints[i]; e != chosen {
			order = append(order, e)
		}
	}
	return order
}

// leave makes another endpoint the first one. It reports whether there is another.
func (c *Client) leave() bool {
	chosen := c.chosen.Load()
	for i := range c.endpoints {
		if &c.endpoints[i] == chosen && len(c.endpoints) > 1 {
			return c.chosen.CompareAndSwap(chosen, &c.endpoints[(i+1)%len(c.endpoints)])
		}
	}
	return false
}

// A readOnly rejects all requests but GETs. It also rejects GETs outside of /1.0, because those below
// /internal change state and dump the database, and websockets, because they transmit any input. The users of raw
// connections check their own requests.
type readOnly struct{ next sender }

func (s readOnly) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	refuse := func(format string) error {
		return k.clean(then(nil, k.fail(errors.Permission, nil, format, k.method, k.url.Path)))
	}
	path := k.url.EscapedPath()
	switch upgrade := k.header["Upgrade"]; {
	case k.method != http.MethodGet:
		return refuse("%s %s wasn't sent: this client only reads")
	case !belowAPI(path):
		return refuse("%s %s wasn't sent: this client only reads, which is / and what is below /1.0")
	case len(upgrade) > 0 && path != eventsPath && !k.raw:
		return refuse("no connection for more than reading was made to %[2]s: this client only reads")
	}
	return s.next.send(ctx, k, then)
}

// A tracing calls the trace after each request.
type tracing struct {
	next   sender
	remote string // empty for the default one
	tell   func(Trace)
}

func (s tracing) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	if k.aside {
		return s.next.send(ctx, k, then)
	}
	start, status := time.Now(), 0
	err := s.next.send(ctx, k, func(response *http.Response, err error) error {
		if response != nil {
			status = response.StatusCode
		}
		return then(response, err)
	})
	s.tell(Trace{Remote: s.remote, Method: k.method, Path: k.url.EscapedPath(), Query: secret.HideQuery(k.url.Query()),
		Status: status, Duration: time.Since(start), Err: err})
	return err
}
