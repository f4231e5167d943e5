package rest

import (
	"context"
	"sync"
	"time"

	"incus-star/errors"
)

// maxWatches limits the operations with a waiting request each, which occupies a connection. The others share the stream of events or, without one, are polled.
const maxWatches = 16

// The pauses between two polls of an operation. Those without a stream and on a cluster are below the 5 seconds that the
// server keeps an ended operation.
const (
	askPause = time.Second
	// clusterPause is for clusters, where the events of one member may be missing on another for a while.
	clusterPause = 3 * time.Second
	// listenPause is for operations whose events the stream has.
	listenPause = time.Minute
)

// A sharedWatch watches the operations without a waiting request, in one goroutine that runs while there are any.
type sharedWatch struct {
	client *Client
	wake   chan struct{} // receives a token when there is an operation to poll

	mu      sync.Mutex
	direct  int // number of waiting requests
	losses  int // number of streams that broke
	running bool
	watched map[string]*watched
}

// A watched is an operation of a sharedWatch.
type watched struct {
	operation *Operation
	watch     *watch
	next      time.Time // of the next poll
	broken    error     // the first error of a poll
	since     time.Time // of broken
}

func (s *sharedWatch) init(c *Client) {
	s.client, s.wake, s.watched = c, make(chan struct{}, 1), make(map[string]*watched)
}

// reserve reports whether an operation may have a waiting request. If so, release must be called at its end.
func (s *sharedWatch) reserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.direct >= maxWatches {
		return false
	}
	s.direct++
	return true
}

func (s *sharedWatch) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.direct--
}

// add watches an operation. It returns false if the client is closed.
func (s *sharedWatch) add(o *Operation, w *watch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		if !s.client.spawn(s.run) {
			return false
		}
		s.running = true
	}
	s.watched[o.id] = &watched{operation: o, watch: w}
	s.prod()
	return true
}

func (s *sharedWatch) prod() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// heard handles an event with a state, which may be the final one.
func (s *sharedWatch) heard(state *State) {
	s.mu.Lock()
	one := s.watched[state.ID]
	if state.Final() {
		delete(s.watched, state.ID)
	}
	s.mu.Unlock()
	switch {
	case one == nil:
	case !state.Final():
		one.operation.update(state)
	default:
		one.operation.recordState(state)
		close(one.watch.done)
		s.prod()
	}
}

// give handles the result of a poll, which may end the watch of the operation.
func (s *sharedWatch) give(one *watched, err error) {
	s.mu.Lock()
	mine := s.watched[one.operation.id] == one
	if mine {
		delete(s.watched, one.operation.id)
	}
	s.mu.Unlock()
	if mine {
		one.watch.err = err
		close(one.watch.done)
	}
}

// lost handles the end of the stream.
func (s *sharedWatch) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.losses++
	for _, one := range s.watched {
		one.next = time.Time{}
	}
	s.prod()
}

func (s *sharedWatch) run(ctx context.Context) {
	for {
		s.mu.Lock()
		losses := s.losses
		s.mu.Unlock()
		listening := s.client.Listen(ctx)
		s.askAll(ctx, s.due(listening, losses))
		if s.done(ctx) {
			return
		}
		pause := time.NewTimer(time.Until(s.earliest()))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-pause.C:
		}
		pause.Stop()
	}
}

// askAll polls operations, a few at a time.
func (s *sharedWatch) askAll(ctx context.Context, all []*watched) {
	next := make(chan *watched)
	var asking sync.WaitGroup
	for range min(maxAsked, len(all)) {
		asking.Go(func() {
			for one := range next {
				s.ask(ctx, one)
			}
		})
	}
	for _, one := range all {
		next <- one
	}
	close(next)
	asking.Wait()
}

// due returns the operations to poll. The caller listens since that number of losses, if it does. An operation that is
// polled while the stream is connected ends with an event, unless the stream has broken meanwhile.
func (s *sharedWatch) due(listening bool, losses int) []*watched {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var out []*watched
	for _, one := range s.watched {
		if one.next.After(now) {
			continue
		}
		out = append(out, one)
		switch location := one.operation.location(); {
		case !listening || losses != s.losses:
			one.next = now.Add(askPause)
		case location != "" && location != "none":
			one.next = now.Add(clusterPause)
		default:
			one.next = now.Add(listenPause)
		}
	}
	return out
}

// earliest returns the time of the next poll.
func (s *sharedWatch) earliest() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := time.Now().Add(listenPause)
	for _, one := range s.watched {
		if one.next.Before(next) {
			next = one.next
		}
	}
	return next
}

// done reports whether the goroutine can end. All watches end with the client.
func (s *sharedWatch) done(ctx context.Context) bool {
	s.mu.Lock()
	var left []*watched
	if ctx.Err() != nil {
		for id, one := range s.watched {
			left = append(left, one)
			delete(s.watched, id)
		}
	}
	s.running = len(s.watched) > 0
	running := s.running
	s.mu.Unlock()
	for _, one := range left {
		one.watch.err = one.operation.identify(errClosed())
		close(one.watch.done)
	}
	return !running
}

// ask polls an operation.
func (s *sharedWatch) ask(ctx context.Context, one *watched) {
	state, err := one.operation.Refresh(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil && state.Final():
		s.give(one, nil)
	case err == nil:
		one.broken = nil
	case isConnection(err) && (one.broken == nil || time.Since(one.since) <= forgotten), errors.Is(err, errors.Unavailable) && (one.broken == nil || time.Since(one.since) <= absent):
		if one.broken == nil {
			one.broken, one.since = err, time.Now()
		}
		s.mu.Lock()
		one.next = time.Now().Add(min(max(firstPause, time.Since(one.since)), longestAgain))
		s.mu.Unlock()
	case one.broken != nil && (errors.Is(err, errors.NotFound) || errors.Is(err, errors.Unavailable) || isConnection(err)):
		s.give(one, one.operation.identify(one.broken))
	default:
		s.give(one, one.operation.identify(one.operation.forgot(err)))
	}
}
