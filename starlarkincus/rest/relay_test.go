package rest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

// sockets serves websockets, which it passes on by the secret in their query.
func sockets(t *testing.T) (*Client, map[string]chan *websocket.Conn) {
	t.Helper()
	accepted := map[string]chan *websocket.Conn{control: make(chan *websocket.Conn, 1), "fs": make(chan *websocket.Conn, 1)}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		conn.SetReadLimit(-1)
		accepted[r.URL.Query().Get("secret")] <- conn
	}))
	t.Cleanup(server.Close)
	u, _ := url.Parse(server.URL)
	return newClient(t, Config{Endpoints: []string{"https://" + u.Host}, InsecureSkipVerify: true}), accepted
}

// TestRelay checks that a relay carries random messages of both kinds, among them empty ones, in order and in both
// directions, that a closed connection looks closed on the other side, and a broken one broken.
func TestRelay(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		source, from := sockets(t)
		target, to := sockets(t)
		secrets := map[string]string{control: control, "fs": "fs"}
		m := &Migration{Source: source.Operation("a"), Target: target.Operation("b"), SourceSecrets: secrets, TargetSecrets: secrets}
		ended := make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		go func() { ended <- m.relay(ctx) }()
		normal := r.IntN(2) == 0
		for name := range secrets {
			a, b := <-from[name], <-to[name]
			for range r.IntN(20) {
				in, out := a, b
				if r.IntN(2) == 0 {
					in, out = b, a
				}
				kind, message := []websocket.MessageType{websocket.MessageText, websocket.MessageBinary}[r.IntN(2)], []byte(strings.Repeat("x", r.IntN(3)*r.IntN(200_000)))
				sent := make(chan error, 1)
				go func() { sent <- in.Write(ctx, kind, message) }()
				gotKind, got, err := out.Read(ctx)
				if err != nil || gotKind != kind || !bytes.Equal(got, message) || <-sent != nil {
					t.Fatalf("%d bytes of kind %v came as %d of %v: %v", len(message), kind, len(got), gotKind, err)
				}
			}
			closed := make(chan struct{})
			go func() {
				defer close(closed)
				if normal {
					a.Close(websocket.StatusNormalClosure, "")
				} else {
					a.CloseNow()
				}
			}()
			if _, _, err := b.Read(ctx); (websocket.CloseStatus(err) == websocket.StatusNormalClosure) != normal {
				t.Errorf("closed normally: %t; on the other side: %v", normal, err)
			}
			<-closed
			b.CloseNow()
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		cancel()
	}
}

// TestRelayUnconnected checks that a relay whose servers don't offer the same connections, or don't answer, is an error.
func TestRelayUnconnected(t *testing.T) {
	source, _ := sockets(t)
	target, _ := sockets(t)
	m := &Migration{Source: source.Operation("a"), Target: target.Operation("b"), SourceSecrets: map[string]string{control: control}, TargetSecrets: map[string]string{control: control, "state": "state"}}
	if err := m.relay(t.Context()); err == nil || !strings.Contains(err.Error(), "state") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.TargetSecrets = m.SourceSecrets
	if err := m.relay(ctx); err == nil {
		t.Error("connected after the end of the context")
	}
}

// TestMigrationFailure checks whose error a failed migration has, and that the error of the source is its cause if it failed
// by itself.
func TestMigrationFailure(t *testing.T) {
	c := newClient(t, Config{Socket: "/nowhere"})
	failed := func(id, message string) (*Operation, error) {
		o := c.Operation(id)
		if message == "" {
			return o, o.recordEnd(&end{state: &State{StatusCode: operationSuccess}}).err
		}
		return o, o.recordEnd(&end{err: o.failure(operationFailure, message, "", nil)}).err
	}
	for _, test := range []struct{ source, target, want, cause string }{
		{"Failed migration on source: no space", "Error transferring instance data: EOF from source", "target", "source"},
		{"Failed migration on source: no space", "Error transferring instance data: Profile not found", "target", "source"},
		{"Failed migration on source: Error from migration control target: Failed migration on target: Profile not found", "Failed migration on target: Profile not found", "target", ""},
		{"", "Failed migration on target: Profile not found", "target", ""},
		{"Failed migration on source: no space", "", "source", ""},
	} {
		m := new(Migration)
		var first, err error
		m.Source, first = failed("source", test.source)
		if m.Target, err = failed("target", test.target); first == nil {
			first = err
		}
		var e *errors.Error
		if !errors.As(m.End(t.Context(), first), &e) || e.OperationID != test.want {
			t.Errorf("%q, %q: %v", test.source, test.target, e)
			continue
		}
		cause := ""
		for inner, ok := e.Cause.(*errors.Error); ok; inner, ok = inner.Cause.(*errors.Error) {
			if inner.OperationID != "" && inner.OperationID != test.want {
				cause = inner.OperationID
			}
		}
		if cause != test.cause {
			t.Errorf("%q, %q: the cause is %q, not %q", test.source, test.target, cause, test.cause)
		}
	}
}
