package rest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

const eventsRequest = "GET /1.0/events?all-projects=true&type=operation"

// eventsOf answers the request for events with a stream of the values of a channel. Closing the channel ends the
// stream.
func eventsOf(t *testing.T, events <-chan string) step {
	return step{want: eventsRequest, serve: func(w http.ResponseWriter, r *http.Request) {
		connection, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.CloseNow()
		ctx := connection.CloseRead(context.Background())
		for {
			select {
			case <-ctx.Done():
				return
			case event, ok := <-events:
				if !ok {
					return
				}
				if err := connection.Write(ctx, websocket.MessageText, []byte(event)); err != nil {
					return
				}
			}
		}
	}}
}

func event(operation string) string {
	return `{"type":"operation","timestamp":"2024-01-01T00:00:00Z","metadata":` + operation + `,"location":"none","project":"default"}`
}

func progressOf(percent int) string {
	return operation(103, "", fmt.Sprintf(`{"progress":{"stage":"download","percent":"%d"}}`, percent))
}

// TestProgress checks that WaitProgress delivers earlier and current events in order, and none after the end.
func TestProgress(t *testing.T) {
	const updates = 50
	events, started, end := make(chan string), make(chan struct{}, 1), make(chan struct{})
	f := newFake(t, eventsOf(t, events), began("POST /1.0/instances"), held(started, end, syncBody(operation(200, "", "null"))))
	c := f.client(nil)
	if first, second := c.Listen(t.Context()), c.Listen(t.Context()); !first || !second {
		t.Fatal("no stream")
	}
	op := begin(t, c)
	events <- `{"type":"lifecycle","metadata":{"action":"instance-created"}}`
	events <- "malformed"
	events <- `{"type":"operation","metadata":{"id":5}}`
	events <- event(`{"id":"other","status_code":103}`)
	for i := range updates / 2 {
		events <- event(progressOf(i))
	}
	go func() {
		<-started
		for i := updates / 2; i < updates; i++ {
			events <- event(progressOf(i))
		}
		events <- event(operation(200, "", "null"))
		events <- event(progressOf(1000)) // out of order, as older servers may send it
	}()
	var got []string
	state, err := op.WaitProgress(t.Context(), func(s State) {
		if got = append(got, string(s.Metadata)); len(got) == updates {
			close(end)
		}
	})
	if err != nil || !state.Final() {
		t.Fatal(err)
	}
	var want []string
	for i := range updates {
		want = append(want, fmt.Sprintf(`{"progress":{"stage":"download","percent":"%d"}}`, i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d: %s", len(got), got)
	}
	if s := op.State(); !s.Final() {
		t.Error("an update came over the end")
	}
	if len(c.events.followers) != 0 {
		t.Error("a follower is left")
	}
}

// TestNoProgress checks that a server that rejects the stream isn't asked again.
func TestNoProgress(t *testing.T) {
	for name, refusal := range map[string]step{
		"forbidden":    {status: 403, body: errorBody(403, "not authorized")},
		"no websocket": {status: 400, body: "Bad Request\n"},
	} {
		t.Run(name, func(t *testing.T) {
			refusal.want = eventsRequest
			f := newFake(t, refusal)
			if refusal.status == 403 {
				f.add(step{want: "GET /1.0", body: syncBody(`{"auth":"trusted"}`)})
			}
			c := f.client(nil)
			for range 2 {
				f.add(step{want: waitRequest, body: syncBody(operation(200, "", "null"))})
				if _, err := c.Operation(opID).WaitProgress(t.Context(), func(State) { t.Error("progress") }); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestStreamBreaks checks that a wait survives a broken stream, and that the next one reconnects.
func TestStreamBreaks(t *testing.T) {
	events, started, end := make(chan string), make(chan struct{}, 1), make(chan struct{})
	f := newFake(t, eventsOf(t, events), held(started, end, syncBody(operation(200, "", "null"))))
	c := f.client(nil)
	updated := make(chan struct{})
	go func() {
		<-started
		events <- event(progressOf(1))
		<-updated
		close(events)
		for c.listening() {
			time.Sleep(time.Millisecond)
		}
		close(end)
	}()
	if _, err := c.Operation(opID).WaitProgress(t.Context(), func(State) { close(updated) }); err != nil {
		t.Error(err)
	}
	f.add(eventsOf(t, make(chan string)))
	if !c.Listen(t.Context()) {
		t.Error("no second stream")
	}
}

func (c *Client) listening() bool {
	c.events.mu.Lock()
	defer c.events.mu.Unlock()
	return c.events.connected
}

// TestProgressCancel checks that progress isn't called after a cancelled wait.
func TestProgressCancel(t *testing.T) {
	events, started := make(chan string), make(chan struct{}, 1)
	f := newFake(t, eventsOf(t, events), held(started, nil, ""))
	ctx, cancel := context.WithCancel(t.Context())
	done := false
	go func() {
		<-started
		events <- event(progressOf(1))
		events <- event(progressOf(2))
	}()
	_, err := f.client(nil).Operation(opID).WaitProgress(ctx, func(State) {
		if done {
			t.Error("called again")
		}
		done = true
		cancel()
	})
	if !errors.Is(err, context.Canceled) || !done {
		t.Error(err)
	}
}

// TestRecent checks that the oldest events without a follower are dropped.
func TestRecent(t *testing.T) {
	var s eventStream
	s.init(nil)
	for i := range recentEvents + 10 {
		s.deliver(&State{ID: fmt.Sprint(i), StatusCode: 103})
	}
	if len(s.recent) != recentEvents || s.recent[0].ID != "10" {
		t.Errorf("%d, from %s", len(s.recent), s.recent[0].ID)
	}
	f := s.follow("11")
	if got := f.take(); len(got) != 1 || len(s.recent) != recentEvents-1 {
		t.Errorf("%d of %d", len(got), len(s.recent))
	}
	for range maxQueue + 5 {
		s.deliver(&State{ID: "11", StatusCode: 103})
	}
	if got := f.take(); len(got) != maxQueue {
		t.Error(len(got))
	}
}

func TestWebsocket(t *testing.T) {
	f := newFake(t,
		step{want: "GET " + opPath + "/websocket?secret=abc", serve: func(w http.ResponseWriter, r *http.Request) {
			connection, err := websocket.Accept(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			connection.Write(r.Context(), websocket.MessageBinary, []byte("hello"))
			connection.Close(websocket.StatusNormalClosure, "")
		}},
		step{want: "GET " + opPath + "/websocket?secret=abc", status: 404, body: errorBody(404, "Operation not found")},
		step{want: "GET " + opPath + "/websocket?secret=abc", body: syncBody("{}")},
		step{want: "GET " + opPath + "/websocket?secret=abc", raw: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tea\r\n\r\n"},
		step{want: "GET " + opPath + "/websocket?secret=abc", raw: "HTTP"},
	)
	var traced []Trace
	c := f.client(func(c *Config) { c.Trace = func(t Trace) { traced = append(traced, t) } })
	connect := func() (*websocket.Conn, error) {
		return c.Websocket(t.Context(), opPath+"/websocket", map[string][]string{"secret": {"abc"}})
	}
	connection, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	if _, message, err := connection.Read(t.Context()); string(message) != "hello" || err != nil {
		t.Error(string(message), err)
	}
	connection.CloseNow()
	for _, class := range []*errors.Class{errors.NotFound, errors.Connection, errors.Connection, errors.Connection} {
		_, err := connect()
		if e := asError(t, err); e.Class != class || e.Path != opPath+"/websocket" {
			t.Error(e)
		}
		if text := fmt.Sprintf("%+v", err); strings.Contains(text, "abc") {
			t.Error("the secret is in " + text)
		}
	}
	for i, status := range []int{101, 404, 200, 101, 0} {
		if traced[i].Status != status || traced[i].Query.Get("secret") != "[redacted]" {
			t.Errorf("%+v", traced[i])
		}
	}
}
