package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"incus-star/errors"
)

const waitRequest = "GET " + opPath + "/wait?timeout=-1"

// began returns the answer to a request that starts the operation.
func began(request string) step {
	return step{want: request, status: 202, body: asyncBody(operation(103, "", "null"))}
}

// begin sends a request that starts the operation.
func begin(t *testing.T, c *Client) *Operation {
	t.Helper()
	reply, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances", Body: map[string]any{"name": "c1"}})
	if err != nil {
		t.Fatal(err)
	}
	if reply.Operation == nil || reply.Operation.ID() != opID || reply.Operation.Path() != opPath {
		t.Fatalf("the operation is %+v", reply.Operation)
	}
	return reply.Operation
}

// TestWait checks that an operation takes two requests, and that its end is cached.
func TestWait(t *testing.T) {
	f := newFake(t, began("POST /1.0/instances"), step{want: waitRequest, body: syncBody(operation(200, "", `{"return":0}`))})
	op := begin(t, f.client(nil))
	if s := op.State(); s.StatusCode != 103 || s.Final() {
		t.Errorf("%+v", s)
	}
	for range 3 {
		state, err := op.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := &State{ID: opID, Class: "task", Description: "Creating instance", Status: "Success", StatusCode: 200,
			Resources: map[string][]string{"instances": {"/1.0/instances/c1"}}, Metadata: []byte(`{"return":0}`), Location: "none",
			Raw: []byte(operation(200, "", `{"return":0}`))}
		if diff := cmp.Diff(want, state); diff != "" {
			t.Error(diff)
		}
	}
	if s, err := op.Refresh(t.Context()); err != nil || s.StatusCode != 200 {
		t.Error(s, err)
	}
	if f.connections != 1 {
		t.Errorf("%d connections", f.connections)
	}
}

// TestFinalAtOnce checks that an operation that ended before the answer needs no wait.
func TestFinalAtOnce(t *testing.T) {
	f := newFake(t, step{want: "POST /1.0/instances", status: 202, body: asyncBody(operation(200, "", "null"))})
	if state, err := begin(t, f.client(nil)).Wait(t.Context()); err != nil || !state.Final() {
		t.Error(state, err)
	}
	f = newFake(t, step{want: "POST /1.0/instances", status: 202, body: asyncBody(operation(400, "oh", "null"))})
	if _, err := begin(t, f.client(nil)).Wait(t.Context()); !errors.Is(err, errors.Operation) {
		t.Error(err)
	}
}

// TestFailures checks that a failure gives the same error from newer servers, which return the operation, and from
// older ones, which return an error with the code of the cause and the status 200.
func TestFailures(t *testing.T) {
	secret := `{"fds":{"0":"abc"},"secret":"abc"}`
	for name, test := range map[string]struct {
		code    int
		text    string
		reports int // the code in the body of older servers
		class   *errors.Class
		is      *errors.Class
		message string
	}{
		"plain":     {400, "Failed to run: nft", 500, errors.Operation, errors.Operation, "Failed to run: nft"},
		"cause":     {400, "Failed getting image: Image not found", 404, errors.Operation, errors.NotFound, "Failed getting image: Image not found"},
		"state":     {400, "The instance is already running", 400, errors.Operation, errors.State, "The instance is already running"},
		"duplicate": {400, `Instance "c1" already exists`, 500, errors.AlreadyExists, errors.Operation, `Instance "c1" already exists`},
		"cancelled": {401, "", 500, errors.OperationCancelled, errors.Operation, "the operation was cancelled"},
		"forbidden": {400, "Certificate is restricted", 403, errors.Operation, errors.Operation, "Certificate is restricted"},
	} {
		t.Run(name, func(t *testing.T) {
			rendering := operation(test.code, test.text, secret)
			newer := newFake(t, began("POST /1.0/instances"), step{want: waitRequest, body: syncBody(rendering)})
			older := newFake(t, began("POST /1.0/instances"), step{want: waitRequest, body: errorBody(test.reports, test.text)})
			if test.reports == 403 {
				older.add(step{want: "GET /1.0", body: syncBody(`{"auth":"untrusted"}`)})
			}
			older.add(step{want: "GET " + opPath, body: syncBody(rendering)})
			var all []*errors.Error
			for _, f := range []*fake{newer, older} {
				op := begin(t, f.client(nil))
				state, err := op.Wait(t.Context())
				e := asError(t, err)
				if e.Class != test.class || !errors.Is(err, test.is) || e.Message != test.message || e.Status != test.code ||
					e.OperationID != opID || e.Method != "POST" || e.Path != "/1.0/instances" || state == nil || state.Err != test.text {
					t.Errorf("got %+v, %+v", e, state)
				}
				if inner, ok := e.Cause.(*errors.Error); ok && inner.Class == errors.Operation && inner.Path != e.Path {
					t.Errorf("the cause is of %s", inner.Path)
				}
				if text := fmt.Sprint(e.Response); strings.Contains(text, "abc") || !strings.Contains(text, opID) {
					t.Errorf("the response is %s", text)
				}
				if _, again := op.Wait(t.Context()); again != err {
					t.Error("a second wait tells something else")
				}
				if e.Remote == "" {
					t.Error("no remote")
				}
				e.Remote = "" // the fakes differ
				all = append(all, e)
			}
			if diff := cmp.Diff(all[0], all[1], cmp.Comparer(func(a, b *errors.Class) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOlderServer tests the other meanings of an older server's error with status 200.
func TestOlderServer(t *testing.T) {
	gone := step{want: "GET " + opPath, status: 404, body: errorBody(404, "Operation not found")}
	t.Run("forgotten", func(t *testing.T) {
		f := newFake(t, began("POST /1.0/instances"), step{want: waitRequest, body: errorBody(404, "Image not found")}, gone)
		state, err := begin(t, f.client(nil)).Wait(t.Context())
		e := asError(t, err)
		if e.Class != errors.Operation || !errors.Is(err, errors.NotFound) || e.Message != "Image not found" || e.Status != 400 || state != nil {
			t.Errorf("%+v", e)
		}
	})
	t.Run("no operation", func(t *testing.T) {
		f := newFake(t, step{want: waitRequest, body: errorBody(404, "Operation not found")}, gone)
		_, err := f.client(nil).Operation(opID).Wait(t.Context())
		if e := asError(t, err); e.Class != errors.NotFound || e.OperationID != opID || e.Status != 404 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("wait ended", func(t *testing.T) {
		f := newFake(t, step{want: waitRequest, body: errorBody(500, "context canceled")}, step{want: "GET " + opPath, body: syncBody(operation(103, "", "null"))})
		_, err := f.client(nil).Operation(opID).Wait(t.Context())
		if e := asError(t, err); e.Class != errors.Server || e.OperationID != opID {
			t.Errorf("%+v", e)
		}
	})
	t.Run("succeeded", func(t *testing.T) {
		f := newFake(t, step{want: waitRequest, body: errorBody(500, "context canceled")}, step{want: "GET " + opPath, body: syncBody(operation(200, "", "null"))})
		if state, err := f.client(nil).Operation(opID).Wait(t.Context()); err != nil || !state.Final() {
			t.Error(err)
		}
	})
}

// TestWaitErrors tests failures of the wait itself.
func TestWaitErrors(t *testing.T) {
	defer func(before time.Duration) { absent = before }(absent)
	absent = -1
	for name, test := range map[string]struct {
		step  step
		class *errors.Class
		text  string
	}{
		"not found":     {step{status: 404, body: errorBody(404, "Operation not found")}, errors.NotFound, "Operation not found"},
		"shutting down": {step{status: 503, body: errorBody(503, "Incus is shutting down")}, errors.Unavailable, "Incus is shutting down"},
		"no body":       {step{}, errors.Connection, "the body is empty"},
		"no operation":  {step{body: syncBody("null")}, errors.Connection, "the operation is missing"},
		"odd error":     {step{body: `{"type":"error"}`}, errors.Connection, "the error code is 0"},
		"another":       {step{status: 202, body: asyncBody(operation(103, "", "null"))}, errors.Connection, "begins another one"},
		"a 200 another": {step{body: asyncBody(operation(103, "", "null"))}, errors.Connection, "begins another one"},
		"a final one":   {step{status: 202, body: asyncBody(operation(200, "", "null"))}, errors.Connection, "begins another one"},
	} {
		t.Run(name, func(t *testing.T) {
			test.step.want = waitRequest
			f := newFake(t, test.step)
			ctx, w := Track(t.Context())
			defer w.Close()
			_, err := f.client(nil).Operation(opPath + "?project=p").Wait(ctx)
			if e := asError(t, err); e.Class != test.class || e.OperationID != opID || !strings.Contains(e.Message, test.text) {
				t.Errorf("%+v", e)
			}
			test.step.want = "GET " + opPath
			f.add(test.step)
			if _, err := f.client(nil).Operation(opID).Refresh(ctx); asError(t, err).Class != test.class {
				t.Errorf("%+v", err)
			}
			if len(w.running) != 0 {
				t.Error("the answer's operation is waited for")
			}
		})
	}
}

// TestWaitBreaks checks that a wait with a broken connection is repeated until the server has forgotten the operation,
// or can't be reached for as long as it would remember it.
func TestWaitBreaks(t *testing.T) {
	defer func(before time.Duration) { forgotten = before }(forgotten)
	forgotten = 300 * time.Millisecond
	cut := step{want: waitRequest, body: `{"type":`, announce: 1000}
	hangUp := step{want: waitRequest, raw: "HTTP"}
	gone := step{want: waitRequest, status: 404, body: errorBody(404, "Operation not found")}
	busy := step{want: waitRequest, body: syncBody(operation(103, "", "null"))}
	ended := step{want: waitRequest, body: syncBody(operation(200, "", "null"))}
	for name, test := range map[string]struct {
		steps []step
		fails bool
	}{
		"once":             {[]step{cut, ended}, false},
		"in several ways":  {[]step{cut, hangUp, ended}, false},
		"and goes on":      {[]step{hangUp, busy, cut, ended}, false},
		"forgotten":        {[]step{cut, gone}, true},
		"failed meanwhile": {[]step{cut, {want: waitRequest, body: syncBody(operation(400, "oh", "null"))}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, append([]step{began("POST /1.0/instances")}, test.steps...)...)
			_, err := begin(t, f.client(nil)).Wait(t.Context())
			if !test.fails {
				if errors.Is(err, errors.Connection) {
					t.Error(err)
				}
				return
			}
			e := asError(t, err)
			if e.Class != errors.Connection || e.OperationID != opID || e.Outcome != errors.Unknown || !strings.Contains(e.Message, "broke before the answer was complete: unexpected EOF") {
				t.Errorf("%+v", e)
			}
		})
	}

	// Without a server, the wait ends after a while, and immediately if it is cancelled.
	f := newFake(t, began("POST /1.0/instances"))
	op := begin(t, f.client(nil))
	f.server.CloseClientConnections()
	f.server.Listener.Close()
	begun := time.Now()
	_, err := op.Wait(t.Context())
	if e := asError(t, err); e.Class != errors.Connection || e.Outcome != errors.Unknown || time.Since(begun) < forgotten {
		t.Errorf("%+v after %s", e, time.Since(begun))
	}
	forgotten = time.Hour
	if _, err := op.WaitTimeout(t.Context(), 200*time.Millisecond); asError(t, err).Class != errors.OperationTimeout {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := op.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWaitAgain tests a server that ends a wait before the end of the operation.
func TestWaitAgain(t *testing.T) {
	running := step{want: waitRequest, body: syncBody(operation(103, "", `{"a":1}`))}
	f := newFake(t, running, running, step{want: waitRequest, body: syncBody(operation(200, "", "null"))})
	if _, err := f.client(nil).Operation(opID).Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// held answers a wait after end is closed or the client hangs up. Started receives a value when the wait arrives.
func held(started chan<- struct{}, end <-chan struct{}, body string) step {
	return step{want: waitRequest, body: body, first: func(r *http.Request) {
		started <- struct{}{}
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}}
}

// TestWaitEnds checks that a cancellation or a deadline ends a wait, but not the operation.
func TestWaitEnds(t *testing.T) {
	started := make(chan struct{}, 1)
	f := newFake(t, began("POST /1.0/instances"), held(started, nil, ""))
	op := begin(t, f.client(func(c *Config) { c.Timeout = time.Millisecond * 200 }))
	ctx, cancel := context.WithCancel(t.Context())
	var cancelled time.Time
	go func() {
		<-started
		cancelled = time.Now()
		cancel()
	}()
	_, err := op.Wait(ctx)
	var e *errors.Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Error(err)
	}
	if late := time.Since(cancelled); late > 500*time.Millisecond {
		t.Errorf("%s late", late)
	}

	// The timeout of the client doesn't apply to a wait; that of the caller does.
	f.add(held(started, nil, ""))
	start := time.Now()
	_, err = op.WaitTimeout(t.Context(), 300*time.Millisecond)
	e = asError(t, err)
	after, found := strings.CutPrefix(e.Message, "the operation "+opID+" (Creating instance) was still running after ")
	if d, _ := time.ParseDuration(after); e.Class != errors.OperationTimeout || e.OperationID != opID || time.Since(start) < 300*time.Millisecond || !found || d < 200*time.Millisecond {
		t.Errorf("%+v", e)
	}
	<-started

	f.add(step{want: waitRequest, body: syncBody(operation(200, "", "null"))})
	if _, err := op.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCancelOperation(t *testing.T) {
	var cancelled time.Time
	f := newFake(t, began("POST /1.0/instances"),
		step{want: "DELETE " + opPath, status: 400, body: errorBody(400, "This operation can't be cancelled"), check: func(*testing.T, *http.Request, string) {
			cancelled = time.Now()
		}},
		step{want: "DELETE " + opPath, body: syncBody("{}")},
		step{want: "GET " + opPath, body: syncBody(operation(103, "", "null"))},
		step{want: waitRequest, body: syncBody(operation(401, "", "null"))},
	)
	start := time.Now()
	op := begin(t, f.client(nil))
	err := op.Cancel(t.Context())
	if passed := cancelled.Sub(start); passed < 250*time.Millisecond {
		t.Errorf("cancelled after %v, when its work may not have begun", passed)
	}
	if e := asError(t, err); e.Class != errors.BadRequest || e.OperationID != opID || e.Message != "This operation can't be cancelled" {
		t.Errorf("%+v", e)
	}
	if err := op.Cancel(t.Context()); err != nil {
		t.Error(err)
	}
	if s, err := op.Refresh(t.Context()); err != nil || s.Final() {
		t.Error(s, err)
	}
	if _, err := op.Wait(t.Context()); !errors.Is(err, errors.OperationCancelled) {
		t.Error(err)
	}
}
