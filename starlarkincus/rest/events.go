package rest

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"
)

// recentEvents is the number of events to keep for operations without a follower.
const recentEvents = 512

// An eventStream is the client's connection for events of operations.
type eventStream struct {
	client *Client
	turn   chan struct{} // holds one token, whose owner may connect

	mu        sync.Mutex
	conn      *eventConn // nil for none
	connected bool       // conn receives all events
	refused   bool       // the server answered with an error
	recent    []*State   // oldest first
	followers map[string]map[*follower]bool
}

func (s *eventStream) init(c *Client) {
	s.client, s.turn = c, make(chan struct{}, 1)
	s.followers = map[string]map[*follower]bool{}
}

// Listen connects the stream of operation events unless it is connected already, and reports whether it is connected.
// It keeps recent events of operations without a follower. So, after Listen, [Operation.WaitProgress] misses no event
// of an operation that is started later. If the server rejects the stream, Listen doesn't try again.
func (c *Client) Listen(ctx context.Context) bool {
	s := &c.events
	select {
	case <-ctx.Done():
		return false
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	}
	s.mu.Lock()
	connected, refused := s.connected, s.refused
	s.mu.Unlock()
	if connected || refused {
		return connected
	}

	conn, err := c.dialEvents(ctx, url.Values{"type": {"operation"}, "all-projects": {"true"}}, connectTimeout)
	if err != nil {
		s.mu.Lock()
		s.refused = ctx.Err() == nil && !mayRecover(err)
		s.mu.Unlock()
		return false
	}
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
	if !c.spawn(func(ctx context.Context) { s.read(ctx, conn) }) {
		conn.close()
		s.disconnected(conn)
		return false
	}
	if conn.confirm(ctx) != nil {
		conn.close()
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = s.conn == conn
	return s.connected
}

// read reads events until the stream ends.
func (s *eventStream) read(ctx context.Context, conn *eventConn) {
	defer conn.close()
	defer s.disconnected(conn)
	for {
		message, err := conn.read(ctx)
		if err != nil {
			return
		}
		var event struct {
			Type     string
			Metadata json.RawMessage
		}
		if json.Unmarshal(message, &event) != nil || event.Type != "operation" {
			continue
		}
		if state, err := readState(event.Metadata); err == nil {
			s.deliver(state)
		}
	}
}

// mayListen reports whether the server hasn't rejected the stream.
func (s *eventStream) mayListen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.refused
}

// disconnected handles the end of a connection, unless another has followed it.
func (s *eventStream) disconnected(conn *eventConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != conn {
		return
	}
	// Forget the kept events, because those until the next connection will be missing.
	s.conn, s.connected, s.recent = nil, false, nil
	s.client.shared.lost()
}

func (s *eventStream) deliver(state *State) {
	if s.client != nil {
		s.client.shared.heard(state)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	followers := s.followers[state.ID]
	for f := range followers {
		f.push(state)
	}
	if len(followers) > 0 {
		return
	}
	if len(s.recent) == recentEvents {
		s.recent = append(s.recent[:0], s.recent[1:]...)
	}
	s.recent = append(s.recent, state)
}

// follow starts to collect the events of an operation, beginning with the kept ones.
func (s *eventStream) follow(id string) *follower {
	f := &follower{stream: s, id: id, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.recent[:0]
	for _, state := range s.recent {
		if state.ID == id {
			f.push(state)
		} else {
			kept = append(kept, state)
		}
	}
	clear(s.recent[len(kept):])
	s.recent = kept
	if s.followers[id] == nil {
		s.followers[id] = map[*follower]bool{}
	}
	s.followers[id][f] = true
	return f
}

func (s *eventStream) unfollow(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.followers[f.id], f)
	if len(s.followers[f.id]) == 0 {
		delete(s.followers, f.id)
	}
}
