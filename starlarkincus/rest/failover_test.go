package rest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

// anAddress is one address of a server that answers all requests.
type anAddress struct {
	server   *httptest.Server
	requests atomic.Int32
}

// newAddress returns an address with a certificate. Spoil is called before each answer, and reports whether it has answered.
func newAddress(t *testing.T, change func(*httptest.Server), spoil func(http.ResponseWriter, *http.Request) bool) *anAddress {
	t.Helper()
	a := new(anAddress)
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		if spoil != nil && spoil(w, r) {
			return
		}
		switch {
		case r.URL.Path == eventsPath:
			if conn, err := websocket.Accept(w, r, nil); err == nil {
				_, _, _ = conn.Read(r.Context())
				conn.CloseNow()
			}
		case r.Header.Get("Upgrade") == "sftp":
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sftp\r\n\r\n")
				conn.Close()
			}
		case strings.HasSuffix(r.URL.Path, "/exec"):
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, errorBody(404, "Instance not found"))
		case strings.HasPrefix(r.URL.Path, "/1.0/operations/"):
			fmt.Fprint(w, syncBody(operation(200, "", "{}")))
		default:
			fmt.Fprint(w, syncBody(`{"auth":"trusted"}`))
		}
	}))
	a.server.Config.ErrorLog = quiet
	if change != nil {
		change(a.server)
	}
	a.server.StartTLS()
	t.Cleanup(func() {
		a.server.CloseClientConnections()
		a.server.Close()
	})
	return a
}

// reachWithin sets the limit of a connection to one of several addresses.
func reachWithin(t *testing.T, limit time.Duration) {
	before := reachTimeout
	reachTimeout = limit
	t.Cleanup(func() { reachTimeout = before })
}

// TestAddresses checks that a request goes to another address of the server if it can't have reached the first, and a read
// in any case, while a change that may have reached the first isn't sent again.
func TestAddresses(t *testing.T) {
	cut := func(text string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(conn, text)
				conn.Close()
			}
			return true
		}
	}
	page := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	const html = "<html><h1>Gateway</h1></html>"
	for _, row := range []struct {
		name    string
		spoil   func(http.ResponseWriter, *http.Request) bool
		reached bool           // the first address may have got the request
		refused bool           // its answer proves that it didn't begin a change
		outcome errors.Outcome // of a change that it answered; empty for no answer
	}{
		{"gone", nil, false, false, ""},
		{"silent", nil, false, false, ""},
		{"another certificate", nil, false, false, ""},
		{"cut before the answer", cut(""), true, false, ""},
		{"cut in the header", cut("HTTP/1.1 200 OK\r\nContent-"), true, false, ""},
		{"cut in the body", cut("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"), true, false, ""},
		{"starting up", page(503, errorBody(503, "Daemon is starting up")), true, true, errors.Refused},
		{"shutting down", page(503, errorBody(503, "Incus is shutting down")), true, true, errors.Refused},
		{"an old one shutting down", page(503, errorBody(503, "Shutting down")), true, true, errors.Refused},
		{"without a pool", page(503, errorBody(503, "Storage pool is unavailable on this server")), true, false, errors.Refused},
		{"without a peer", page(503, errorBody(503, "Failed to notify peer: Daemon is starting up")), true, false, errors.Unknown},
		{"a proxy that lost it", page(502, html), true, false, errors.Unknown},
		{"a proxy without a server", page(503, html), true, false, errors.Unknown},
		{"a proxy that says the same", page(503, "Daemon is starting up"), true, false, errors.Unknown},
		{"a proxy without an answer", page(504, html), true, false, errors.Unknown},
		{"a proxy without words", page(504, ""), true, false, errors.Unknown},
		{"a proxy's JSON", page(502, `{"message": "no upstream"}`), true, false, errors.Unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			reachWithin(t, time.Minute) // a busy machine needs it
			if row.name == "silent" {
				reachWithin(t, 20*time.Millisecond)
			}
			for _, kind := range requestKinds {
				first := newAddress(t, nil, row.spoil)
				second := newAddress(t, nil, nil)
				pin := first.server.Certificate()
				address := first.server.URL
				switch row.name {
				case "gone":
					first.server.Close()
				case "silent":
					address = "https://" + listening(t, func(net.Conn) {})
				case "another certificate":
					address = newTLSFake(t, newCertificate(t, "other.example")).server.URL
				}
				c := newClient(t, Config{Endpoints: []string{address, second.server.URL}, ServerCertificate: pin})
				err := kind.send(t.Context(), c)
				// Connections to instances aren't repeated, nor what the caller reads while it comes.
				moves := !row.reached || row.refused && kind.changes && kind.name != "an upload" || !kind.changes && kind.name != "files" && !(row.name == "cut in the body" && (kind.name == "a download" || kind.name == "events"))
				if got := second.requests.Load() == 1; got != moves {
					t.Errorf("%s: %d requests to the second address: %v", kind.name, second.requests.Load(), err)
				}
				if row.reached && first.requests.Load() != 1 {
					t.Errorf("%s: %d requests to the first address", kind.name, first.requests.Load())
				}
				switch {
				case row.outcome != "" && !moves:
					e := asError(t, err)
					if kind.changes && e.Outcome != row.outcome || !kind.changes && e.Outcome != "" {
						t.Errorf("%s: %v, outcome %q", kind.name, e, e.Outcome)
					}
				case kind.name == "a command" && moves, kind.name == "a download" && row.name == "cut in the body":
				case moves && err != nil:
					t.Errorf("%s: %v", kind.name, err)
				case !moves:
					e := asError(t, err)
					want := errors.Outcome("")
					if kind.changes {
						want = errors.Unknown
					}
					// Of an upload, a part may not have been sent.
					if e.Class != errors.Connection || e.Outcome != want && !(kind.name == "an upload" && e.Outcome == errors.NotSent) {
						t.Errorf("%s: %v, outcome %q", kind.name, e, e.Outcome)
					}
				}
				c.Close()
			}
		})
	}
}

// TestAddressIsKept checks that later requests go to the address that answered, until it doesn't, and that the error of no
// answer at all names all addresses.
func TestAddressIsKept(t *testing.T) {
	reachWithin(t, time.Minute)
	one, two := newAddress(t, nil, nil), newAddress(t, nil, nil)
	c := newClient(t, Config{Endpoints: []string{one.server.URL, two.server.URL}, ServerCertificate: one.server.Certificate()})
	ask := func(first, second int32) {
		t.Helper()
		if _, err := c.Do(context.Background(), Request{Path: "/1.0"}); err != nil {
			t.Error(err)
		}
		if one.requests.Load() != first || two.requests.Load() != second {
			t.Errorf("%d and %d requests, want %d and %d", one.requests.Load(), two.requests.Load(), first, second)
		}
	}
	ask(1, 0)
	ask(2, 0)
	one.server.CloseClientConnections()
	one.server.Close()
	ask(2, 1)
	ask(2, 2)
	two.server.CloseClientConnections()
	two.server.Close()
	c.transport().CloseIdleConnections() // a change on one would have an unknown outcome
	_, err := c.Do(t.Context(), Request{Method: "DELETE", Path: "/1.0/profiles/p"})
	e := asError(t, err)
	if e.Class != errors.Connection || e.Outcome != errors.NotSent || !strings.Contains(e.Message, one.server.URL+": ") || !strings.Contains(e.Message, two.server.URL+": ") {
		t.Error(e, e.Outcome)
	}
}

// TestWaitOfADeadServer checks that a wait ends although each attempt to connect again lasts long, as it does if no packet of
// the server comes any more.
func TestWaitOfADeadServer(t *testing.T) {
	defer func(before, limit time.Duration) { forgotten, lived = before, limit }(forgotten, lived)
	forgotten, lived = 50*time.Millisecond, 0
	a := newAddress(t, nil, func(w http.ResponseWriter, _ *http.Request) bool {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
		return true
	})
	gone := closedPort(t)
	c := newClient(t, Config{Endpoints: []string{a.server.URL}, ServerCertificate: a.server.Certificate()})
	transport := c.transport()
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if a.requests.Load() > 0 {
			address = strings.TrimPrefix(gone, "https://")
		}
		return dial(ctx, network, address)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := c.Operation(opID).Wait(ctx)
	if e := asError(t, err); e.Class != errors.Connection || a.requests.Load() != 1 {
		t.Errorf("%v after %d requests", e, a.requests.Load())
	}
}
