package rest

import (
	"context"
	"sync"
	"time"

	"incus-star/errors"
)

// maxWatches is how many operations are watched with a waiting request each, which holds a connection. The others
// share the stream of events, or are asked in turn where there is none.
const maxWatches = 16

// askPause is the pause between two rounds of asking, without a stream; the server knows an operation for 5 seconds
// after its end.
const askPause = time.Second

// A sharedWatch watches the operations that have no waiting request of their own, in one goroutine that is there while
// there are any.
type sharedWatch struct {
	client *Client
	wake   chan struct{} // gets a token when there is something to ask for

	mu      sync.Mutex
	direct  int // watches with a request of their own
	running bool
	watched map[string]*watched
}

// A watched is one operation of a sharedWatch.
type watched struct {
	operation *Operation
	watch     *watch
	asked     bool      // since the stream is there: from then on events tell its end
	broken    error     // the first of the failures to ask for it
	since     time.Time // of broken
}

func (s *sharedWatch) init(c *Client) {
	s.client, s.wake, s.watched = c, make(chan struct{}, 1), make(map[string]*watched)
}

// direct reports whether an operation may have a waiting request of its own. Then release must be called at its end.
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

// add watches an operation. It reports false where the client is closed.
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

// ended takes the end that an event tells.
func (s *sharedWatch) ended(state *State) {
	s.mu.Lock()
	one := s.watched[state.ID]
	delete(s.watched, state.ID)
	s.mu.Unlock()
	if one != nil {
		one.operation.recordState(state)
		close(one.watch.done)
		s.prod()
	}
}

// give ends the watch of an operation, which has been asked for.
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

// lost is called when the stream has ended.
func (s *sharedWatch) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.watched {
		one.asked = false
	}
	s.prod()
}

func (s *sharedWatch) run(ctx context.Context) {
	for {
		listening := s.client.Listen(ctx)
		s.askAll(ctx, s.due(listening))
		if s.done(ctx) {
			return
		}
		pause := time.NewTimer(askPause)
		tick := pause.C
		if listening {
			tick = nil
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-tick:
		}
		pause.Stop()
	}
}

// askAll asks for operations, a few at a time.
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

// due returns the operations to ask for.
func (s *sharedWatch) due(listening bool) []*watched {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*watched
	for _, one := range s.watched {
		if !one.asked {
			out = append(out, one)
		}
		one.asked = listening
	}
	return out
}

// done reports whether the goroutine has nothing more to do; all watches end with the client.
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

// ask asks for one operation.
func (s *sharedWatch) ask(ctx context.Context, one *watched) {
	state, err := one.operation.Refresh(ctx)
	switch {
	case ctx.Err() != nil:
	case err == nil && state.Final():
		s.give(one, nil)
	case err == nil:
		one.broken = nil
	case isConnection(err) && (one.broken == nil || time.Since(one.since) <= forgotten):
		if one.broken == nil {
			one.broken, one.since = err, time.Now()
		}
		s.mu.Lock()
		one.asked = false
		s.mu.Unlock()
		time.AfterFunc(firstPause, s.prod)
	case one.broken != nil && (errors.Is(err, errors.NotFound) || isConnection(err)):
		s.give(one, one.operation.identify(one.broken))
	default:
		s.give(one, one.operation.identify(err))
	}
}
