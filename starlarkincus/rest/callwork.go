package rest

import (
	"context"
	"net/http"
	"slices"
	"sync"
)

// A Call records what the requests of one call have created. If the call is stopped after that and before it returns, nobody
// knows of it.
type Call struct {
	mu       sync.Mutex
	answered []*pending   // requests without an operation
	ended    []*Operation // operations that succeeded
}

type callKey struct{}

// Track returns a context for the requests of the call.
func (c *Call) Track(ctx context.Context) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func callOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// answer records a request that was answered without an operation.
func (c *Call) answer(p *pending) {
	if c == nil || p.err != nil || p.reply.Operation != nil || p.request.method != http.MethodPost {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = append(c.answered, p)
}

// end records an operation that succeeded.
func (c *Call) end(o *Operation) {
	if c == nil || o.method != http.MethodPost {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, o)
}

// Stopped makes [Work.Running] return what the call has created.
func (c *Call) Stopped(ctx context.Context) {
	w := workOf(ctx)
	if w == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range c.ended {
		if !slices.Contains(w.finished, o) {
			w.finished = append(w.finished, o)
		}
	}
	for _, p := range c.answered {
		if !slices.Contains(w.answered, p) {
			w.answered = append(w.answered, p)
		}
	}
}
