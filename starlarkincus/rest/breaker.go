package rest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"incus-star/errors"
)

// The limits of a [Breaker].
const (
	// BreakerFailures is the number of failures in a row after which requests fail at once.
	BreakerFailures = 3
	// BreakerLeast and BreakerMost limit the time for which they do, which is as long as the failures took.
	BreakerLeast, BreakerMost = time.Second, time.Minute
)

// A Breaker makes requests to a server that doesn't answer fail at once. After [BreakerFailures] requests in a row without
// an answer, it refuses further ones for as long as these took. Then it lets one through: an answer ends the refusals, and
// another failure prolongs them. The zero value is ready for use.
type Breaker struct {
	mu     sync.Mutex
	failed int           // in a row
	took   time.Duration // by these
	until  time.Time     // of the refusals; zero for none
	trying bool          // one request is let through
	last   error
}

type breakerKey struct{}

// Guard returns a context whose requests pass the breaker, if they are sent by a client that is configured with it.
func (b *Breaker) Guard(ctx context.Context) context.Context {
	return context.WithValue(ctx, breakerKey{}, b)
}

// breaker returns the client's breaker if the context has it; nil otherwise.
func (c *Client) breaker(ctx context.Context) *Breaker {
	if b, _ := ctx.Value(breakerKey{}).(*Breaker); b != nil && b == c.config.Breaker {
		return b
	}
	return nil
}

// allow returns an error if a request is to fail at once. Otherwise the result of the request must be given to count.
func (b *Breaker) allow(now time.Time) (refused error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return nil
	case now.Before(b.until) || b.trying:
		return &broken{b.failed, max(b.until.Sub(now), 0), b.last}
	}
	b.trying = true
	return nil
}

// count records the result of a request, nil for an answer of any kind. A request that was abandoned counts for nothing.
func (b *Breaker) count(err error, abandoned bool, took time.Duration, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case abandoned:
	case err == nil:
		b.failed, b.took, b.until, b.last = 0, 0, time.Time{}, nil
	default:
		b.failed++
		b.took += took
		b.last = err
		if b.failed >= BreakerFailures {
			b.until = now.Add(min(max(b.took, BreakerLeast), BreakerMost))
		}
	}
	b.trying = false
}

// A broken is the error of a request that a breaker refused.
type broken struct {
	failed int
	left   time.Duration // of the refusals
	last   error
}

func (e *broken) Error() string {
	again := "now"
	if e.left > 0 {
		again = "in " + round(e.left).String()
	}
	return fmt.Sprintf("%d requests in a row had no answer, so this one wasn't sent; the next is tried %s", e.failed, again)
}

// cause returns the last failure.
func (e *broken) cause() error {
	message := reason(e.last).Error()
	if errors.Is(e.last, context.DeadlineExceeded) {
		message = "no answer in time"
	}
	return errors.New(errors.OfTransport(e.last), "%s", message)
}

// A guarded sends requests through the breaker of their context.
type guarded struct {
	client *Client
	next   sender
}

func (s guarded) send(ctx context.Context, k *outgoing, then func(*http.Response, error) error) error {
	b := s.client.breaker(ctx)
	if b == nil {
		return s.next.send(ctx, k, then)
	}
	start := time.Now()
	if refused := b.allow(start); refused != nil {
		return k.clean(then(nil, refused))
	}
	return s.next.send(ctx, k, func(response *http.Response, err error) error {
		// The end of a wait for an operation tells nothing about the server.
		abandoned := err != nil && (cancelled(ctx) != nil || k.unbounded && ctx.Err() != nil)
		b.count(err, abandoned, time.Since(start), time.Now())
		return then(response, err)
	})
}

// missed records that a request had no answer before the deadline of its caller.
func (c *Client) missed(ctx context.Context, start time.Time) {
	if b := c.breaker(ctx); b != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		b.count(ctx.Err(), false, time.Since(start), time.Now())
	}
}
