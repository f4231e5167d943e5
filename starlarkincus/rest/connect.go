package rest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	for again, pause := 0, firstPause; again < helpersAgain && helperGone(err); again, pause = again+1, 2*pause {
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
		response, err = (&upgrade{client: c, call: k, ctx: ctx}).RoundTrip(new(http.Request).WithContext(ctx))
	}
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

// helpersAgain is the number of further requests for a connection to files whose helper was gone.
const helpersAgain = 4

// helperGone reports whether the server couldn't reach its helper for the files of an instance or a volume, because the one before,
// in ending, removed the new one's socket. Nothing has reached the files then, and the next request starts another helper.
func helperGone(err error) bool {
	var e *errors.Error
	return errors.As(err, &e) && e.Status == http.StatusInternalServerError && strings.Contains(e.Message, "/forkfile.sock: connect: ") &&
		slices.ContainsFunc([]string{"no such file or directory", "connection refused"}, func(why string) bool { return strings.Contains(e.Message, why) })
}
