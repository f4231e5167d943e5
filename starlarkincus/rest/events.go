package rest

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"

	"github.com/coder/websocket"

	"incus-star/errors"
)

const (
	eventsPath = "/1.0/events"
	// maxEvent limits one event, in bytes.
	maxEvent = 16 << 20
	// recentEvents is the number of events to keep for operations without a follower.
	recentEvents = 512
)

// An eventStream is the client's connection for events of operations.
type eventStream struct {
	client *Client
	turn   chan struct{} // holds one token, whose owner may connect

	mu        sync.Mutex
	connected bool
	refused   bool     // the server answered with an error
	recent    []*State // oldest first
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

	dial, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	connection, err := c.Websocket(dial, eventsPath, url.Values{"type": {"operation"}, "all-projects": {"true"}})
	var answer *errors.Error
	if err != nil {
		s.mu.Lock()
		s.refused = errors.As(err, &answer) && answer.Status != 0
		s.mu.Unlock()
		return false
	}
	connection.SetReadLimit(maxEvent)
	s.mu.Lock()
	s.connected = true
	s.mu.Unlock()
	if !c.spawn(func(ctx context.Context) { s.read(ctx, connection) }) {
		connection.CloseNow()
		s.disconnected()
		return false
	}
	return true
}

// read reads events until the stream ends.
func (s *eventStream) read(ctx context.Context, connection *websocket.Conn) {
	defer connection.CloseNow()
	defer s.disconnected()
	for {
		_, message, err := connection.Read(ctx)
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

func (s *eventStream) disconnected() {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Forget the kept events, because those until the next connection will be missing.
	s.connected, s.recent = false, nil
	s.client.shared.lost()
}

func (s *eventStream) deliver(state *State) {
	if state.Final() && s.client != nil {
		s.client.shared.ended(state)
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
