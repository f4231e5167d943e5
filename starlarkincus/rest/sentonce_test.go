package rest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// A request on a connection that breaks after the server has read it: only what just reads is sent again.
func TestHandshakeSentOnce(t *testing.T) {
	connect := func(path, protocol string) func(*Client) error {
		return func(c *Client) error {
			_, err := c.Connect(t.Context(), path, nil, protocol)
			return err
		}
	}
	tests := map[string]func(*Client) error{
		"a read": func(c *Client) error { _, err := c.Do(t.Context(), Request{Path: "/1.0/broken"}); return err },
		"events": func(c *Client) error {
			_, err := c.Websocket(t.Context(), eventsPath, url.Values{"project": {"broken"}})
			return err
		},
		"files":     connect("/1.0/instances/c1/broken", "sftp"),
		"operation": connect("/1.0/operations/broken", "websocket"),
		"command": func(c *Client) error {
			_, _, err := c.websocket(t.Context(), "/1.0/operations/broken/websocket", url.Values{"secret": {"s"}}, unanswered)
			return err
		},
		"relay": func(c *Client) error {
			_, err := c.Websocket(t.Context(), "/1.0/operations/broken/websocket", url.Values{"secret": {"s"}})
			return err
		},
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		tests[method] = func(c *Client) error {
			_, err := c.Do(t.Context(), Request{Method: method, Path: "/1.0/broken", Body: body(method)})
			return err
		}
	}
	for name, send := range tests {
		want := 1
		if name == "a read" || name == "events" {
			want = 2
		}
		for try := 0; ; try++ {
			sent, reused, err := brokenConnection(t, send)
			if err == nil || reused && sent != want {
				t.Errorf("%s was sent %d times, not %d: %v", name, sent, want, err)
			}
			if reused {
				break
			}
			if try == 1000 {
				t.Fatalf("%s never got the connection of a request before: sent %d times, %v", name, sent, err)
			}
		}
	}
}

// A slowBody takes longer to end than the transport waits for the first byte of a body.
type slowBody struct{ io.ReadCloser }

func (b slowBody) Read(p []byte) (int, error) {
	time.Sleep(400 * time.Millisecond)
	return b.ReadCloser.Read(p)
}

// TestHandshakeIsAll sends the handshakes that are sent once, on a machine that is slow to see that their body is empty: nothing
// follows the header, which the server would take for a part of what the websocket transmits.
func TestHandshakeIsAll(t *testing.T) {
	c := newClient(t, Config{Socket: "/none"})
	for _, path := range []string{"/1.0/operations/a/websocket", "/1.0/instances/c1/sftp"} {
		k, err := c.prepare(Request{Path: path, Header: http.Header{"Upgrade": {"websocket"}}})
		if err != nil {
			t.Fatal(err)
		}
		r := k.http(t.Context(), &c.endpoints[0])
		if r.Body == nil {
			t.Fatalf("%s has no body", path)
		}
		r.Body = slowBody{r.Body}
		here, there := net.Pipe()
		var got bytes.Buffer
		done := make(chan struct{})
		go func() { defer close(done); io.Copy(&got, there) }()
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := transport.RoundTrip(r.WithContext(ctx)); err == nil {
			t.Errorf("%s: it was answered", path)
		}
		cancel()
		here.Close()
		<-done
		if text := got.String(); !strings.HasPrefix(text, "GET "+path) || !strings.HasSuffix(text, "\r\n\r\n") || strings.Count(text, "\r\n\r\n") != 1 || strings.Contains(text, "chunked") {
			t.Errorf("%s: sent %q", path, text)
		}
	}
}

// brokenConnection sends requests that are refused, and then a request whose connection the server breaks. It returns how often the latter came, whether
// it came first on the connection of one of the former, and its error.
func brokenConnection(t *testing.T, send func(*Client) error) (sent int, reused bool, err error) {
	unix, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var before []net.Conn
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := r.Context().Value(connKey{}).(net.Conn)
		mu.Lock()
		defer mu.Unlock()
		if !strings.Contains(r.URL.String(), "broken") {
			before = append(before, conn)
			w.WriteHeader(404)
			io.WriteString(w, errorBody(404, "Not Found"))
			return
		}
		if sent++; sent == 1 {
			reused = slices.Contains(before, conn)
		}
		panic(http.ErrAbortHandler)
	}))
	server.Listener.Close()
	server.Listener = unix
	server.Config.ErrorLog = quiet
	server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	server.Start()
	client := newClient(t, Config{Socket: unix.Addr().String()})
	defer client.Close()
	// The transport keeps the connections of websockets apart.
	_, err = client.Do(t.Context(), Request{Path: "/1.0/absent"})
	_, unattached := client.Websocket(t.Context(), "/1.0/operations/absent/websocket", nil)
	if !errors.Is(err, errors.NotFound) || !errors.Is(unattached, errors.NotFound) {
		t.Fatal(err, unattached)
	}
	err = send(client)
	server.Close() // waits for the handler
	return sent, reused, err
}
