package rest

import (
	"context"
	"net/http"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// A sender carries requests. The network is the last of a client's; the others stand before it, and may refuse a
// request, note it, or answer in the server's place. All of a client's requests pass through all of its senders, those
// of websockets and streams too.
type sender interface {
	// send calls then once, with the response or the reason why there is none, and returns its error: the one that the
	// caller gets. The secrets are taken out of it.
	send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error
}

// senders returns the first of the client's senders: the trace, which sees what is refused too, then the guard of a
// client that only reads, then the network.
func (c *Client) senders() sender {
	var s sender = network{c}
	if c.config.ReadOnly {
		s = readOnly{s}
	}
	if c.config.Trace != nil {
		s = tracing{s, c.config.Trace}
	}
	return s
}

// The network sends a request to the endpoint that is kept, or to each in order until one can be reached. It doesn't
// send anything twice: only what failed before the request was on its way goes to the next endpoint.
type network struct{ client *Client }

func (n network) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	c := n.client
	if c.isClosed() {
		return then(nil, errClosed())
	}
	t := c.transport()
	if e := c.kept.Load(); e != nil {
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
			c.kept.CompareAndSwap(nil, e)
			return k.clean(then(response, nil))
		}
		failed = append(failed, &endpointError{e, err})
		if ctx.Err() != nil || !unreached(err) {
			return k.clean(then(nil, failed[len(failed)-1]))
		}
	}
	return k.clean(then(nil, failed))
}

// A readOnly refuses the requests of a client that only reads. It judges each as the server will see it: GETs below
// /internal change state and dump the database, and an upgraded connection carries whatever its user writes.
type readOnly struct{ next sender }

func (s readOnly) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	refuse := func(format string) error {
		return k.clean(then(nil, k.fail(errors.Permission, nil, format, k.method, k.url.Path)))
	}
	path := k.url.EscapedPath()
	switch upgrade := k.header["Upgrade"]; {
	case k.changes():
		return refuse("%s %s wasn't sent: this client only reads")
	case !belowAPI(path):
		return refuse("%s %s wasn't sent: this client only reads, which is / and what is below /1.0")
	case len(upgrade) > 0 && path != eventsPath:
		return refuse("no connection for more than reading was made to %[2]s: this client only reads")
	}
	return s.next.send(ctx, k, then)
}

// A tracing tells of each request after its end.
type tracing struct {
	next sender
	tell func(Trace)
}

func (s tracing) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
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
