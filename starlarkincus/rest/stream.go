package rest

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Open sends a request whose answer may be too large for the memory, such as an image's export, and returns the body as
// it comes. The caller closes it. An error status is classified as by [Client.Do]. Reading fails with the errors of
// this package; only the context limits its time.
func (c *Client) Open(ctx context.Context, request Request) (body io.ReadCloser, reply *Reply, err error) {
	k, err := c.prepare(request)
	if err != nil {
		return nil, nil, err
	}
	start := time.Now()
	bounded, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	var response *http.Response
	err = c.sender.send(bounded, k, func(r *http.Response, err error) error {
		switch response = r; {
		case err != nil:
			return c.transportError(ctx, k, err, time.Since(start))
		case r.StatusCode >= 300:
			return c.refused(ctx, k, r, start)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	fail := func(err error) error { return k.clean(c.transportError(ctx, k, err, time.Since(start))) }
	return &stream{k.steady(response), cancel, fail}, newReply(response), nil
}

// refused reads the body of an answer that is an error, and makes the error.
func (c *Client) refused(ctx context.Context, k *outgoing, response *http.Response, start time.Time) error {
	defer response.Body.Close()
	body, err := readBody(k.steady(response), k.limit)
	if err != nil {
		return c.transportError(ctx, k, err, time.Since(start))
	}
	return c.replyError(ctx, k, response, body)
}

// A stream is a body that is read as it comes.
type stream struct {
	response *http.Response
	cancel   context.CancelFunc
	fail     func(error) error
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.response.Body.Read(p)
	if err != nil && err != io.EOF {
		err = s.fail(err)
	}
	return n, err
}

// Close gives up what wasn't read, with its connection.
func (s *stream) Close() error {
	s.cancel()
	return s.response.Body.Close()
}
