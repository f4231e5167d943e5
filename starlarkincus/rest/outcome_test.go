package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// TestOutcome checks the outcome of a change that fails at each stage.
func TestOutcome(t *testing.T) {
	const post, del, get = "POST /1.0/instances", "DELETE /1.0/instances/c1", "GET /1.0/instances/c1"
	for name, test := range map[string]struct {
		answer step
		want   errors.Outcome
	}{
		"refused":             {step{want: post, status: 400, body: errorBody(400, "Invalid name")}, errors.Refused},
		"there already":       {step{want: post, status: 500, body: errorBody(500, `Instance "c1" already exists`)}, errors.Refused},
		"failed in the work":  {step{want: post, status: 500, body: errorBody(500, "Failed to run: nft")}, errors.Unknown},
		"starting up":         {step{want: post, status: 503, body: errorBody(503, "Daemon is starting up")}, errors.Refused},
		"a member broke":      {step{want: post, status: 503, body: errorBody(503, "unexpected EOF")}, errors.Unknown},
		"not implemented":     {step{want: post, status: 501, body: errorBody(501, "not implemented")}, errors.Refused},
		"a gateway":           {step{want: post, status: 504, body: "<html>"}, errors.Unknown},
		"a gateway's 503":     {step{want: post, status: 503, body: "<html>"}, errors.Unknown},
		"a gateway's JSON":    {step{want: post, status: 502, body: errorBody(502, "no upstream")}, errors.Unknown},
		"redirected":          {step{want: post, status: 302, header: map[string]string{"Location": "/x"}}, errors.Refused},
		"no answer":           {step{want: post, raw: "HTTP"}, errors.Unknown},
		"cut answer":          {step{want: post, status: 202, body: "{", announce: 100}, errors.Unknown},
		"another answer":      {step{want: post, body: "[]"}, errors.Unknown},
		"a delete's":          {step{want: del, raw: "HTTP"}, errors.Unknown},
		"a read":              {step{want: get, raw: "HTTP"}, ""},
		"a read that is gone": {step{want: get, status: 404, body: errorBody(404, "Instance not found")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, test.answer)
			method, path, _ := strings.Cut(test.answer.want, " ")
			for _, track := range []bool{false, true} {
				ctx := t.Context()
				if track {
					f.add(test.answer)
					var w *Work
					ctx, w = Track(ctx)
					defer w.Close()
				}
				_, err := f.client(nil).Do(ctx, Request{Method: method, Path: path})
				if e := asError(t, err); e.Outcome != test.want {
					t.Errorf("got %q, want %q: %v", e.Outcome, test.want, e)
				}
			}
		})
	}
	t.Run("not sent", func(t *testing.T) {
		closed := newFake(t).client(nil)
		closed.Close()
		for name, c := range map[string]*Client{
			"no socket":   newClient(t, Config{Socket: t.TempDir() + "/none"}),
			"refused":     newClient(t, Config{Endpoints: []string{closedPort(t), closedPort(t)}}),
			"closed":      closed,
			"reading":     newFake(t).client(func(c *Config) { c.ReadOnly = true }),
			"no time":     newClient(t, Config{Endpoints: []string{"https://192.0.2.1:8443"}, Timeout: time.Millisecond}),
			"not trusted": newTLSFake(t, newCertificate(t, "incus.example")).client(nil),
		} {
			_, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances"})
			if e := asError(t, err); e.Outcome != errors.NotSent {
				t.Errorf("%s: %q: %v", name, e.Outcome, e)
			}
		}
	})
	for name, test := range map[string]struct {
		code int
		text string
		want errors.Outcome
	}{
		"refused":   {400, "Image not found", errors.Refused},
		"there":     {400, `Instance "c1" already exists`, errors.Refused},
		"failed":    {400, "Failed to run: nft", errors.Unknown},
		"silent":    {400, "", errors.Unknown},
		"cancelled": {401, "", errors.Unknown},
	} {
		f := newFake(t, began(post), step{want: waitRequest, body: syncBody(operation(test.code, test.text, "null"))})
		_, err := begin(t, f.client(nil)).Wait(t.Context())
		for e := asError(t, err); e != nil && e.OperationID != ""; e, _ = e.Cause.(*errors.Error) {
			if e.Outcome != test.want {
				t.Errorf("%s: %q: %v", name, e.Outcome, e)
			}
		}
	}
}

// TestSettle checks that the work of a stopped caller is answered, cancelled if possible, and waited for.
func TestSettle(t *testing.T) {
	running := operation(103, "", "null")
	cancellable := strings.Replace(running, `"may_cancel":false`, `"may_cancel":true`, 1)
	waited := step{want: waitRequest, body: syncBody(operation(200, "", "null"))}
	t.Run("a request under way", func(t *testing.T) {
		arrived, answer := make(chan struct{}), make(chan struct{})
		f := newFake(t, step{want: "POST /1.0/instances", serve: func(w http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-answer
			w.WriteHeader(202)
			w.Write([]byte(asyncBody(cancellable)))
		}}, step{want: "DELETE " + opPath, body: syncBody("{}")}, waited)
		parent, stop := context.WithCancel(t.Context())
		ctx, w := Track(parent)
		defer w.Close()
		go func() { <-arrived; stop() }()
		_, err := f.client(nil).Do(ctx, Request{Method: "POST", Path: "/1.0/instances", Body: map[string]any{}})
		if !errors.Is(err, context.Canceled) || !w.Abandoned() {
			t.Error(err)
		}
		if left := w.Running(t.Context()); len(left) != 1 || !left[0].Unknown || left[0].Description != "a request that was not answered: POST /1.0/instances" {
			t.Error(left)
		}
		close(answer)
		w.Settle(t.Context(), time.Minute)
		if left := w.Running(t.Context()); w.Abandoned() || len(left) != 1 || !left[0].Ended || left[0].Description != "creating instance c1" {
			t.Errorf("what nobody knows of isn't told: %v", left)
		}
		w.removed[newFake(t).client(nil).location("/1.0/instances/c1")] = true
		if left := w.Running(t.Context()); len(left) != 1 {
			t.Errorf("what was deleted on another server isn't told: %v", left)
		}
		w.removed[f.client(nil).location("/1.0/instances/c1")] = true
		if left := w.Running(t.Context()); len(left) != 0 {
			t.Errorf("what was deleted since is told: %v", left)
		}
	})
	for name, body := range map[string]string{"one that can be cancelled": cancellable, "one that can't": running} {
		t.Run(name, func(t *testing.T) {
			started := make(chan struct{}, 1)
			f := newFake(t, step{want: "POST /1.0/instances", status: 202, body: asyncBody(body)}, held(started, nil, ""))
			parent, stop := context.WithCancel(t.Context())
			ctx, w := Track(parent)
			defer w.Close()
			reply, err := f.client(nil).Do(ctx, Request{Method: "POST", Path: "/1.0/instances", Body: map[string]any{}})
			if err != nil || w.Abandoned() {
				t.Fatal(err)
			}
			go func() { <-started; stop() }()
			if _, err := reply.Operation.WaitTimeout(ctx, time.Hour); !errors.Is(err, context.Canceled) || !w.Abandoned() {
				t.Error(err)
			}
			f.add(step{want: "GET " + opPath, body: syncBody(body)})
			left := w.Running(t.Context())
			if len(left) != 1 || left[0] != f.client(nil).on(Running{Description: "creating instance c1", OperationID: opID}) {
				t.Error(left)
			}
			if body == cancellable {
				f.add(step{want: "DELETE " + opPath, body: syncBody("{}")})
			}
			f.add(waited)
			w.Settle(t.Context(), time.Minute)
			if w.Abandoned() {
				t.Error("something is left")
			}
		})
	}
	for name, row := range map[string]struct {
		status int // of the answer about the operation; 0 for a connection that breaks
		body   string
		want   []Running
	}{
		"running":   {200, syncBody(running), []Running{{Description: "creating instance c1", OperationID: opID}}},
		"ended":     {200, syncBody(operation(200, "", "null")), nil},
		"forgotten": {404, errorBody(404, "Operation not found"), nil},
		"forbidden": {403, errorBody(403, "not authorized"), []Running{{Description: "creating instance c1", OperationID: opID, Unknown: true}}},
		"failing":   {500, errorBody(500, "broken"), []Running{{Description: "creating instance c1", OperationID: opID, Unknown: true}}},
		"away":      {502, "<html>", []Running{{Description: "creating instance c1", OperationID: opID, Unknown: true}}},
		"no answer": {0, "", []Running{{Description: "creating instance c1", OperationID: opID, Unknown: true}}},
	} {
		t.Run("what the server says later: "+name, func(t *testing.T) {
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					w.WriteHeader(http.StatusAccepted)
					fmt.Fprint(w, asyncBody(running))
				case r.URL.Path == "/1.0":
					fmt.Fprint(w, syncBody(`{"auth":"trusted"}`))
				case row.status == 0:
					panic(http.ErrAbortHandler)
				default:
					w.WriteHeader(row.status)
					fmt.Fprint(w, row.body)
				}
			}))
			defer s.Close()
			c := newClient(t, Config{Endpoints: []string{s.URL}, ServerCertificate: s.Certificate()})
			ctx, w := Track(t.Context())
			defer w.Close()
			if _, err := c.Do(ctx, Request{Method: "POST", Path: "/1.0/instances", Body: map[string]any{}}); err != nil {
				t.Fatal(err)
			}
			for i := range row.want {
				row.want[i] = c.on(row.want[i])
			}
			if left := w.Running(t.Context()); !slices.Equal(left, row.want) {
				t.Errorf("got %+v, want %+v", left, row.want)
			}
		})
	}
	t.Run("one whose own time was over", func(t *testing.T) {
		started := make(chan struct{}, 1)
		f := newFake(t, step{want: "POST /1.0/instances", status: 202, body: asyncBody(running)}, held(started, nil, ""))
		ctx, w := Track(t.Context())
		defer w.Close()
		reply, err := f.client(nil).Do(ctx, Request{Method: "POST", Path: "/1.0/instances", Body: map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reply.Operation.WaitTimeout(ctx, 300*time.Millisecond); !errors.Is(err, errors.OperationTimeout) || w.Abandoned() {
			t.Error(err)
		}
	})
	t.Run("a command", func(t *testing.T) {
		started := make(chan struct{}, 1)
		f := newFake(t, step{want: "POST /1.0/instances/c1/exec", status: 202, body: asyncBody(running)}, held(started, nil, ""))
		parent, stop := context.WithCancel(t.Context())
		ctx, w := Track(parent)
		defer w.Close()
		reply, err := f.client(nil).Do(ctx, Request{Method: "POST", Path: "/1.0/instances/c1/exec"})
		if err != nil {
			t.Fatal(err)
		}
		go func() { <-started; stop() }()
		if _, err := reply.Operation.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		w.Settle(t.Context(), time.Minute)
	})
}
