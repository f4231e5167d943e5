package rest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

const lifecycleRequest = "GET /1.0/events?type=lifecycle"

var lifecycle = url.Values{"type": {"lifecycle"}}

// sends answers the request for events with some, and closes the connection if ends is true, after a ping.
func sends(ends bool, events ...string) step {
	return step{want: lifecycleRequest, serve: func(w http.ResponseWriter, r *http.Request) {
		pinged := make(chan struct{}, 1)
		connection, err := websocket.Accept(w, r, &websocket.AcceptOptions{OnPingReceived: func(context.Context, []byte) bool {
			select {
			case pinged <- struct{}{}:
			default:
			}
			return true
		}})
		if err != nil {
			return
		}
		defer connection.CloseNow()
		ctx := connection.CloseRead(r.Context())
		for _, event := range events {
			connection.Write(ctx, websocket.MessageText, []byte(event))
		}
		if ends {
			select {
			case <-pinged:
			case <-ctx.Done():
			}
			time.Sleep(50 * time.Millisecond) // until the pong has arrived
			return
		}
		<-ctx.Done()
	}}
}

// told returns the next events as text, and the error after them.
func told(t *testing.T, e *Events, n int) string {
	t.Helper()
	var out []string
	for range n {
		event, err := e.Next(t.Context())
		switch {
		case err != nil:
			out = append(out, err.Error())
		case event.Gap != nil:
			out = append(out, "gap")
			if event.Gap.Until.Before(event.Gap.Since) || event.Gap.Cause == nil {
				t.Errorf("%+v", event.Gap)
			}
		default:
			out = append(out, string(event.Raw))
		}
	}
	return strings.Join(out, " ")
}

// TestEvents checks that broken connections, and attempts that fail for a while, become one gap each.
func TestEvents(t *testing.T) {
	f := newFake(t, sends(true, "1", "2"), sends(true, "3"), step{want: lifecycleRequest, status: 503, body: errorBody(503, "starting")},
		step{want: lifecycleRequest, raw: "HTTP/1.1 101"}, sends(false, "4"))
	e, err := f.client(nil).Events(t.Context(), lifecycle)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(t, e, 6); got != "1 2 gap 3 gap 4" {
		t.Error(got)
	}
	e.Close()
	<-e.Ended()
	for range 2 {
		if _, err := e.Next(t.Context()); err != io.EOF {
			t.Error(err)
		}
	}
}

// TestEventsEnd checks that a server that refuses the client, or can't be reached for long, ends the stream.
func TestEventsEnd(t *testing.T) {
	long := reconnectFor
	reconnectFor = 200 * time.Millisecond
	defer func() { reconnectFor = long }()
	for name, test := range map[string]struct {
		steps []step
		class *errors.Class
	}{
		"project": {[]step{{want: lifecycleRequest, status: 404, body: errorBody(404, "Project not found")}}, errors.NotFound},
		"request": {[]step{{want: lifecycleRequest, status: 400, body: errorBody(400, "no")}}, errors.BadRequest},
		"gone":    {nil, errors.Connection},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, append([]step{sends(true, "1")}, test.steps...)...)
			e, err := f.client(nil).Events(t.Context(), lifecycle)
			if err != nil {
				t.Fatal(err)
			}
			if test.steps == nil {
				f.server.Listener.Close()
			}
			if got := told(t, e, 2); got != "1 gap" {
				t.Error(got)
			}
			for range 2 {
				if _, err := e.Next(t.Context()); !errors.Is(err, test.class) {
					t.Error(err)
				}
			}
			<-e.Ended()
		})
	}
}

// TestEventsLate checks that the gap after a slow caller begins before the server dropped it, although the events before
// that are read later.
func TestEventsLate(t *testing.T) {
	dropped := make(chan time.Time, 1)
	many := sends(true, strings.Fields(strings.Repeat("1 ", maxQueued+50))...)
	serve := many.serve
	many.serve = func(w http.ResponseWriter, r *http.Request) {
		serve(w, r)
		dropped <- time.Now()
	}
	f := newFake(t, many, sends(false, "2"))
	e, err := f.client(nil).Events(t.Context(), lifecycle)
	if err != nil {
		t.Fatal(err)
	}
	at := <-dropped
	time.Sleep(outOfOrder + 500*time.Millisecond)
	for n := 0; ; n++ {
		event, err := e.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if event.Gap == nil {
			continue
		}
		if n != maxQueued+50 || event.Gap.Since.After(at) {
			t.Errorf("after %d events, since %v, dropped at %v", n, event.Gap.Since, at)
		}
		break
	}
	e.Close()
	<-e.Ended()
}

// TestEventsRefused checks the error of the first connection.
func TestEventsRefused(t *testing.T) {
	f := newFake(t, step{want: lifecycleRequest, status: 400, body: errorBody(400, "no")}, step{want: lifecycleRequest, raw: "HTTP/1.1 101"})
	c := f.client(nil)
	if _, err := c.Events(t.Context(), lifecycle); !errors.Is(err, errors.BadRequest) {
		t.Error(err)
	}
	if _, err := c.Events(t.Context(), lifecycle); !errors.Is(err, errors.Connection) {
		t.Error(err)
	}
	c.Close()
	if _, err := c.Events(t.Context(), lifecycle); !errors.Is(err, errors.Connection) {
		t.Error(err)
	}
}

// TestEventsSilence checks that a connection without a sign of the server counts as broken.
func TestEventsSilence(t *testing.T) {
	long := silence
	silence = 100 * time.Millisecond
	defer func() { silence = long }()
	f := newFake(t, sends(false, "1"), sends(false, "2"))
	c := f.client(nil)
	e, err := c.Events(t.Context(), lifecycle)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(t, e, 3); got != "1 gap 2" {
		t.Error(got)
	}
	c.Close()
	if _, err := e.Next(t.Context()); !errors.Is(err, errors.Connection) && err != io.EOF {
		t.Error(err)
	}
}
