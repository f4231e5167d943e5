package rest

import (
	"context"
	"net/http"
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
// includes rejected requests, the guard of a read-only client, the breaker, and the network.
func (c *Client) senders() sender {
	var s sender = guarded{c, network{c}}
	if c.config.ReadOnly && c.config.Backend == nil {
		s = readOnly{s}
	}
	if c.config.Trace != nil {
		s = tracing{s, c.config.Trace}
	}
	if c.config.Backend != nil {
		s = answering{c, c.config.Backend, s}
	}
	return s
}

// The network sends a request to the kept endpoint, or to each endpoint in order until one can be reached. It never
// sends a request twice: it tries the next endpoint only if no part of the request was sent.
type network struct{ client *Client }

func (n network) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	c := n.client
	if c.isClosed() {
		return then(nil, errClosed())
	}
	t := c.transport()
	if e := c.chosen.Load(); e != nil {
		response, err := t.RoundTrip(k.http(ctx, e))
		if err != nil {
			err = &endpointError{e, err}
		}
		return k.clean(then(response, err))
	}
	var failed endpointErrors
	for i := range c.endpoints {
		e := &c.endpoints[i]
		response, err := t.RoundTrip(k.http(ctx, e))
		if err == nil {
			c.chosen.CompareAndSwap(nil, e)
			return k.clean(then(response, nil))
		}
		failed = append(failed, &endpointError{e, err})
		if ctx.Err() != nil || !unreached(err) {
			return k.clean(then(nil, failed[len(failed)-1]))
		}
	}
	return k.clean(then(nil, failed))
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
	next sender
	tell func(Trace)
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
	s.tell(Trace{Method: k.method, Path: k.url.EscapedPath(), Query: secret.HideQuery(k.url.Query()),
		Status: status, Duration: time.Since(start), Err: err})
	return err
}
