package rest

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"incus-star/errors"
)

// Connect upgrades a GET request to another protocol, such as sftp, and returns the raw connection. The context applies
// to the connecting only. A read-only client connects too, so the caller must send nothing that changes anything.
func (c *Client) Connect(ctx context.Context, path string, query url.Values, protocol string) (io.ReadWriteCloser, error) {
	k, err := c.prepare(Request{Path: path, Query: query, Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {protocol}}})
	if err != nil {
		return nil, err
	}
	k.raw = true
	response, err := (&upgrade{client: c, call: k, ctx: ctx}).RoundTrip(new(http.Request).WithContext(ctx))
	if err != nil {
		return nil, err
	}
	connection, ok := response.Body.(io.ReadWriteCloser)
	if got := response.Header.Get("Upgrade"); !ok || got != protocol {
		response.Body.Close()
		return nil, k.notIncus(errors.Plain("it is an upgrade to another protocol"))
	}
	return connection, nil
}
