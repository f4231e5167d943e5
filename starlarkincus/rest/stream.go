package rest

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Open sends a request whose answer may exceed the memory, such as the export of an image, and returns the body as a
// stream, which the caller must close. An error status is an error as for [Client.Do]. Reads fail with errors of this
// package, and only the context limits their time.
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
	reply = newReply(response)
	reply.Size = response.ContentLength
	return &stream{k.steady(response), cancel, fail}, reply, nil
}

// refused reads an answer with an error status and returns the error.
func (c *Client) refused(ctx context.Context, k *outgoing, response *http.Response, start time.Time) error {
	defer response.Body.Close()
	body, err := readBody(k.steady(response), k.limit)
	if err != nil {
		return c.transportError(ctx, k, err, time.Since(start))
	}
	return c.replyError(ctx, k, response, body)
}

// A stream is a body that is read by the caller.
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

// Close closes the connection if the body wasn't read to its end.
func (s *stream) Close() error {
	s.cancel()
	return s.response.Body.Close()
}
