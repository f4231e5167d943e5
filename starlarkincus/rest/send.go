package rest

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"time"

	"incus-star/errors"
)

// Do sends a JSON request and returns the reply, which has an operation if the server continues in the background.
func (c *Client) Do(ctx context.Context, request Request) (*Reply, error) {
	k, err := c.prepare(request)
	if err != nil {
		return nil, err
	}
	if w := workOf(ctx); w != nil && k.changes() {
		return w.outlive(ctx, c, k)
	}
	return c.exchange(ctx, k)
}

func (c *Client) exchange(ctx context.Context, k *outgoing) (reply *Reply, err error) {
	err = c.perform(ctx, k, func(response *http.Response, body []byte) error {
		reply, err = c.readReply(ctx, k, response, body)
		return err
	})
	return reply, err
}

// Raw sends a request whose answer isn't JSON, such as a log or a file. An error status is an error as for [Client.Do];
// with any other status Raw returns the body.
func (c *Client) Raw(ctx context.Context, request Request) ([]byte, *Reply, error) {
	k, err := c.prepare(request)
	if err != nil {
		return nil, nil, err
	}
	var raw []byte
	var reply *Reply
	err = c.perform(ctx, k, func(response *http.Response, body []byte) error {
		if response.StatusCode >= 300 {
			return c.replyError(ctx, k, response, body)
		}
		raw, reply = body, newReply(response)
		return nil
	})
	return raw, reply, err
}

// Trusted asks the server whether it trusts this client.
func (c *Client) Trusted(ctx context.Context) (bool, error) {
	k, err := c.prepare(Request{Path: "/1.0"})
	if err != nil {
		return false, err
	}
	k.trust = true
	reply, err := c.exchange(ctx, k)
	if err != nil {
		return false, err
	}
	var server struct{ Auth string }
	if err := json.Unmarshal(reply.Metadata, &server); err != nil {
		return false, k.notIncus(err)
	}
	return server.Auth == "trusted", nil
}

// perform sends the request, reads the whole answer, and calls handle with it. If the answer of a read breaks off, the read is
// repeated at another address of the server, once.
func (c *Client) perform(ctx context.Context, k *outgoing, handle func(*http.Response, []byte) error) error {
	err := c.performOnce(ctx, k, handle)
	if k.cut && k.repeatable() && ctx.Err() == nil && c.leave() {
		k.broke = unbroken
		err = c.performOnce(ctx, k, handle)
	}
	return err
}

func (c *Client) performOnce(ctx context.Context, k *outgoing, handle func(*http.Response, []byte) error) error {
	start := time.Now()
	bounded, cancel := c.bound(ctx, k)
	k.caller = ctx
	defer func() {
		cancel()
		k.stream.wait()
	}()
	k.stream.start(cancel, answerLimit(ctx))
	return c.sender.send(bounded, k, func(response *http.Response, err error) error {
		var body []byte
		err = k.stream.explain(err)
		if err == nil {
			body, err = readBody(k.steady(response), k.limit)
			if err != nil {
				k.cut = !errors.As(err, new(*tooLarge))
				// Closes the connection, because the rest of the body may be endless.
				cancel()
			}
			response.Body.Close()
		}
		if err != nil {
			switch {
			case unreached(err):
				k.broke = notReached
			case !errors.As(err, new(*tooLarge)):
				k.broke = cutOff
			}
			return k.judge(c.transportError(ctx, k, err, time.Since(start)), k.broke == notReached)
		}
		return k.judge(handle(response, body), false)
	})
}

// bound limits the time of a request. It always returns a new context, so that the request can be abandoned.
func (c *Client) bound(ctx context.Context, k *outgoing) (context.Context, context.CancelFunc) {
	limit, own := c.config.Timeout, answerLimit(ctx)
	if own > 0 && (limit <= 0 || own < limit) {
		limit = own
	}
	if limit > 0 && !k.unbounded {
		return context.WithTimeout(ctx, limit)
	}
	return context.WithCancel(ctx)
}

// Longer returns the sum of two times that aren't negative, or the longest time if that is less.
func Longer(d, more time.Duration) time.Duration {
	if d > math.MaxInt64-more {
		return math.MaxInt64
	}
	return d + more
}

type answerLimitKey struct{}

// WithAnswerLimit returns a context for requests with a limit of the time until the answer was read, from when they were sent.
// It doesn't apply to waits, websockets and streamed answers.
func WithAnswerLimit(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, answerLimitKey{}, limit)
}

// answerLimit returns the limit of the context; 0 for none.
func answerLimit(ctx context.Context) time.Duration {
	limit, _ := ctx.Value(answerLimitKey{}).(time.Duration)
	return limit
}

// readBody reads the body to its end, up to limit bytes.
func readBody(response *http.Response, limit int64) ([]byte, error) {
	if response.ContentLength > limit {
		return nil, &tooLarge{limit}
	}
	// Don't allocate the announced length, because the server may send less.
	size := min(max(response.ContentLength, 511), 1<<20)
	body := make([]byte, 0, size+1)
	for {
		n, err := response.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, &tooLarge{limit}
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}
