package rest

import (
	"context"
	"slices"
	"sync"

	"incus-star/errors"
)

// A Part is a part of a [Work]: some of its requests, in the order of their sending. A call that has something to undo on the
// server, such as a temporary snapshot, first waits for its own requests and operations: until then the server refuses
// to undo it, or does it only afterwards.
type Part struct {
	mu  sync.Mutex
	all []*pending
}

type partKey struct{}

// Track returns a context for requests of the part. They belong to the context's [Work] as well; without one the part stays
// empty.
func (p *Part) Track(ctx context.Context) context.Context {
	return context.WithValue(ctx, partKey{}, p)
}

// add adds a request.
func (p *Part) add(one *pending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, one)
}

func (p *Part) requests() []*pending {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

// Settle waits for the answers and the operations, which it cancels if possible, until ctx ends. It reports whether all
// have ended.
func (p *Part) Settle(ctx context.Context) bool {
	for _, one := range p.requests() {
		select {
		case <-one.done:
		case <-ctx.Done():
			select {
			case <-one.done:
			default:
				return false
			}
		}
		if one.reply == nil || one.reply.Operation == nil {
			continue
		}
		o := one.reply.Operation
		if o.known() == nil {
			o.cancelOrWait(ctx)
		}
		if o.known() == nil && ctx.Err() != nil {
			return false
		}
	}
	return true
}

// Begun reports whether the server may have received one of the requests, and not refused it.
func (p *Part) Begun() bool {
	return slices.ContainsFunc(p.requests(), func(one *pending) bool {
		select {
		case <-one.done:
			return one.err == nil || one.unsure()
		default:
			return one.request.handed.Load()
		}
	})
}

// Unsure reports whether a request was sent whose answer was lost, so that the server may still be about to serve it.
func (p *Part) Unsure() bool {
	return slices.ContainsFunc(p.requests(), func(one *pending) bool {
		select {
		case <-one.done:
			return one.unsure()
		default:
			return one.request.handed.Load()
		}
	})
}

// unsure reports whether an answered request may have been served although it failed.
func (p *pending) unsure() bool {
	var e *errors.Error
	if p.err == nil {
		return false
	}
	if errors.As(p.err, &e) {
		return e.Outcome == errors.Unknown
	}
	return p.request.handed.Load()
}

// Undone removes the part from what [Work.Running] returns, after its effects were undone.
func (p *Part) Undone(ctx context.Context) {
	w := workOf(ctx)
	if w == nil {
		return
	}
	all := p.requests()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = slices.DeleteFunc(w.finished, func(o *Operation) bool {
		return slices.ContainsFunc(all, func(one *pending) bool {
			select {
			case <-one.done:
				return one.reply != nil && one.reply.Operation == o
			default:
				return false
			}
		})
	})
	for _, one := range all {
		select {
		case <-one.done:
			delete(w.pending, one)
		default:
		}
	}
	w.answered = slices.DeleteFunc(w.answered, func(one *pending) bool { return slices.Contains(all, one) })
}

// Leave makes [Work.Running] return a description of something that a stopped call has left on the server.
func (c *Client) Leave(ctx context.Context, description string) {
	workOf(ctx).add(c.on(Running{Description: description, Left: true}))
}

// Leave is like [Client.Leave], for something on this machine.
func Leave(ctx context.Context, description string) {
	workOf(ctx).add(Running{Description: description, Left: true})
}

// add adds something that was left.
func (w *Work) add(r Running) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leavings = append(w.leavings, r)
}
