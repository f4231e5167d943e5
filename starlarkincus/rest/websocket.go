package rest

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

// Websocket connects a websocket: the event stream, or one of an operation, with its secret in the query. The context
// applies to the connecting only. A read-only client can only connect to events.
func (c *Client) Websocket(ctx context.Context, path string, query url.Values) (*websocket.Conn, error) {
	connection, _, err := c.websocket(ctx, path, query, nil)
	return connection, err
}

// websocket is Websocket, and reports whether the server may have got the request. Pinged says whether a ping is to be
// answered; nil answers all.
func (c *Client) websocket(ctx context.Context, path string, query url.Values, pinged func(context.Context, []byte) bool) (_ *websocket.Conn, reached bool, _ error) {
	k, err := c.prepare(Request{Path: path, Query: query})
	if err != nil {
		return nil, false, err
	}
	up := &upgrade{client: c, call: k, ctx: ctx}
	// The dialer requires a host, which upgrade replaces by that of the endpoint.
	address := url.URL{Scheme: "http", Host: "incus", Path: k.url.Path, RawPath: k.url.RawPath, RawQuery: k.url.RawQuery}
	connection, _, err := websocket.Dial(ctx, address.String(), &websocket.DialOptions{
		OnPingReceived: pinged,
		HTTPClient: &http.Client{
			Transport:     up,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	var ours *errors.Error
	switch {
	case err == nil:
		return connection, true, nil
	case cancelled(ctx) != nil:
		return nil, true, cancelled(ctx)
	case errors.As(err, &ours):
		return nil, !up.unreached, ours
	}
	return nil, true, k.notIncus(trimURL(err))
}

// An upgrade sends the handshake of a websocket or a raw connection through the client's senders.
type upgrade struct {
	client *Client
	call   *outgoing
	ctx    context.Context

	unreached bool // the request wasn't sent
}

// RoundTrip returns an error for every answer that doesn't switch the protocol.
func (u *upgrade) RoundTrip(r *http.Request) (*http.Response, error) {
	c, k := u.client, u.call
	maps.Copy(k.header, r.Header)
	start := time.Now()
	var response *http.Response
	err := c.sender.send(r.Context(), k, func(r *http.Response, err error) error {
		switch response = r; {
		case err != nil:
			u.unreached = unreached(err)
			return c.transportError(u.ctx, k, err, time.Since(start))
		case r.StatusCode >= 300:
			return c.refused(u.ctx, k, r, start)
		case r.StatusCode != http.StatusSwitchingProtocols:
			r.Body.Close()
			return k.notIncus(errors.Plain("it doesn't switch to " + k.header.Get("Upgrade")))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}
