package rest

import (
	"context"
	"sync"
)

// maxQueue limits the updates that wait for a slow callback. The oldest are dropped.
const maxQueue = 1024

// A follower collects the events of one operation.
type follower struct {
	stream *eventStream
	id     string
	wake   chan struct{} // receives a token if the queue isn't empty

	mu    sync.Mutex
	queue []*State
	ended bool // after a final state; later events are out of order
}

// push adds an update. It ignores final states, which the wait returns.
func (f *follower) push(state *State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended = f.ended || state.Final(); f.ended {
		return
	}
	if len(f.queue) == maxQueue {
		f.queue = append(f.queue[:0], f.queue[1:]...)
	}
	f.queue = append(f.queue, state)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *follower) take() []*State {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.queue
	f.queue = nil
	return queue
}

// WaitProgress is like Wait, and calls progress for each update before the end, in order, from one goroutine, which has
// ended when it returns. There are no updates if the server rejects the stream of events, or after the stream has
// broken.
func (o *Operation) WaitProgress(ctx context.Context, progress func(State)) (*State, error) {
	if o.known() != nil || !o.client.Listen(ctx) {
		return o.Wait(ctx)
	}
	f := o.client.events.follow(o.id)
	ended := make(chan struct{})
	var delivery sync.WaitGroup
	delivery.Go(func() { o.deliver(ctx, f, ended, progress) })
	state, err := o.Wait(ctx)
	o.client.events.unfollow(f)
	close(ended)
	delivery.Wait()
	return state, err
}

// deliver calls progress until ended is closed and the queue is empty, or until the context is done.
func (o *Operation) deliver(ctx context.Context, f *follower, ended <-chan struct{}, progress func(State)) {
	for last := false; !last; {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		case <-ended:
			last = true
		}
		for _, state := range f.take() {
			if ctx.Err() != nil {
				return
			}
			o.update(state)
			progress(*state)
		}
	}
}
