package rest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// TestWatch checks that the end is known to all callers long after the server has forgotten the operation.
func TestWatch(t *testing.T) {
	started, end := make(chan struct{}, 1), make(chan struct{})
	f := newFake(t, began("POST /1.0/instances"), held(started, end, syncBody(operation(400, "oh", "null"))))
	op := begin(t, f.client(nil))
	op.Watch()
	op.Watch()
	<-started
	if _, err := op.WaitTimeout(t.Context(), time.Millisecond); !errors.Is(err, errors.OperationTimeout) {
		t.Error(err)
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := op.Wait(t.Context()); !errors.Is(err, errors.Operation) {
				t.Error(err)
			}
		})
	}
	close(end)
	all.Wait()
	op.Watch() // has no effect
	if s := op.State(); s.StatusCode != 400 {
		t.Error(s)
	}
}

// TestWatchBreaks checks that the error of the watch is returned if the server has forgotten the operation.
func TestWatchBreaks(t *testing.T) {
	gone := step{want: waitRequest, status: 404, body: errorBody(404, "Operation not found")}
	f := newFake(t, began("POST /1.0/instances"), step{want: waitRequest, body: "{", announce: 100}, gone, gone,
		step{want: waitRequest, body: syncBody(operation(200, "", "null"))})
	op := begin(t, f.client(nil))
	op.Watch()
	if _, err := op.Wait(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) || asError(t, err).OperationID != opID {
		t.Error(err)
	}
	if _, err := op.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestClose checks that Close ends the watches; goleak finds goroutines that remain.
func TestClose(t *testing.T) {
	started := make(chan struct{}, 1)
	f := newFake(t, began("POST /1.0/instances"), held(started, nil, ""))
	c := f.client(nil)
	op := begin(t, c)
	op.Watch()
	<-started
	c.Close()
	c.Close()
	_, err := op.Wait(t.Context())
	if e := asError(t, err); e.Class != errors.Connection || e.Message != "the client is closed" {
		t.Error(err)
	}
	op = c.Operation("other")
	op.Watch()
	if _, err := op.Wait(t.Context()); err == nil {
		t.Error("a closed client waits")
	}
	_, err = c.Do(t.Context(), Request{Path: "/1.0"})
	if e := asError(t, err); e.Message != "the client is closed" || e.Path != "/1.0" {
		t.Error(err)
	}
	if c.Listen(t.Context()) {
		t.Error("a closed client listens")
	}
}

// TestManyOperations checks that many operations take two requests each, beside that for the stream of events.
func TestManyOperations(t *testing.T) {
	const many = 200
	var mu sync.Mutex
	requests := 0
	f := newFake(t)
	f.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == eventsPath {
			w.WriteHeader(400)
			fmt.Fprint(w, "Bad Request")
			return
		}
		mu.Lock()
		requests++
		mu.Unlock()
		name := strings.TrimPrefix(r.URL.Path, "/1.0/instances/")
		if r.Method == "PUT" {
			w.WriteHeader(202)
			fmt.Fprintf(w, `{"type":"async","operation":"/1.0/operations/%s","metadata":{"id":"%s","status_code":103}}`, name, name)
			return
		}
		name = strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/1.0/operations/"), "/wait")
		fmt.Fprint(w, syncBody(`{"id":"`+name+`","status_code":200}`))
	})
	c := f.client(nil)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			reply, err := c.Do(t.Context(), Request{Method: "PUT", Path: fmt.Sprintf("/1.0/instances/c%d", i)})
			if err != nil {
				t.Error(err)
				return
			}
			if state, err := reply.Operation.Wait(t.Context()); err != nil || state.ID != fmt.Sprintf("c%d", i) {
				t.Error(state, err)
			}
		})
	}
	all.Wait()
	if requests != 2*many {
		t.Errorf("%d requests", requests)
	}
}
