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
	// recentEvents is how many events are kept for operations that nobody follows yet.
	recentEvents = 512
)

// An eventStream is the client's one connection for operations' events.
type eventStream struct {
	client *Client
	turn   chan struct{} // holds one token: who has it may connect

	mu        sync.Mutex
	connected bool
	refused   bool     // the server answered, and not with a stream
	recent    []*State // oldest first
	followers map[string]map[*follower]bool
}

func (s *eventStream) init(c *Client) {
	s.client, s.turn = c, make(chan struct{}, 1)
	s.followers = map[string]map[*follower]bool{}
}

// Listen connects the stream of operations' events unless it is connected, and says whether it is then. Events of
// operations that nobody follows yet are kept a while, so that Listen before the request that begins an operation makes
// [Operation.WaitProgress] miss none. A server that refuses the stream isn't asked again: progress is a comfort.
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

// read takes the events until the stream ends.
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
	// What was kept may lack what comes before the next connection.
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

// follow begins to collect an operation's events, with those that came already.
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
