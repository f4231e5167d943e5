package oidc_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"incus-star/starlarkincus/internal/fakeexec"
	"incus-star/starlarkincus/rest"
)

const operationID = "0a6b2ae5-4f0c-4f0b-9d3c-1f3c1c6d1a11"

// A streamer answers requests that lead to a websocket or a raw connection, and the rest with an empty result. An operation
// ends when it has all of its websockets.
type streamer struct {
	websockets int           // of an operation
	connected  chan struct{} // receives a token for each of them
}

func (s *streamer) serve(w http.ResponseWriter, r *http.Request) {
	operation := func(status int, metadata string) string {
		return fmt.Sprintf(`{"id":%q,"class":"websocket","description":"Executing command","status":"Running","status_code":%d,"metadata":%s}`, operationID, status, metadata)
	}
	switch path := r.URL.Path; {
	case path == "/1.0/events":
		if conn, err := websocket.Accept(w, r, nil); err == nil {
			_, _, _ = conn.Read(r.Context())
			conn.CloseNow()
		}
	case strings.HasSuffix(path, "/websocket"):
		s.connected <- struct{}{}
		output := map[string][]byte{"0": []byte("typed"), "1": []byte("printed"), "2": {}}[r.URL.Query().Get("secret")]
		fakeexec.Serve(w, r, output)
	case r.Header.Get("Upgrade") == "sftp":
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sftp\r\n\r\n")
			conn.Close()
		}
	case strings.HasSuffix(path, "/exec"), strings.HasSuffix(path, "/console"):
		w.WriteHeader(http.StatusAccepted)
		fds := `{"fds":{"0":"0","1":"1","2":"2","control":"control"}}`
		fmt.Fprintf(w, `{"type":"async","status_code":100,"operation":"/1.0/operations/%s","metadata":%s}`, operationID, operation(103, fds))
	case strings.HasPrefix(path, "/1.0/operations/"):
		for range s.websockets {
			select {
			case <-s.connected:
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, `{"type":"sync","status_code":200,"metadata":%s}`, operation(200, `{"return":0}`))
	default:
		fmt.Fprint(w, `{"type":"sync","status_code":200,"metadata":{"auth":"trusted"}}`)
	}
}

// attached runs a command, or a console, to its end.
func attached(ctx context.Context, c *rest.Client, path string, options rest.ExecOptions) error {
	options.MaxOutput = 1 << 20
	e, _, err := c.Exec(ctx, rest.Request{Method: "POST", Path: path, Body: map[string]any{}}, options)
	if err != nil {
		return err
	}
	e.Collect()
	_, err = e.Wait(ctx)
	if out, _ := e.Output(); err == nil && len(out) == 0 && !options.Console {
		return fmt.Errorf("there is no output")
	}
	return err
}

// TestLoginOfStreams refuses the token of each request of each kind of connection once, as one that has run out: it is renewed,
// and the request sent again with the new one, so that the call succeeds.
func TestLoginOfStreams(t *testing.T) {
	for name, kind := range map[string]struct {
		websockets int // of its operation
		call       func(ctx context.Context, c *rest.Client) error
	}{
		"a read": {0, func(ctx context.Context, c *rest.Client) error {
			_, err := c.Do(ctx, rest.Request{Path: "/1.0/instances"})
			return err
		}},
		"a download": {0, func(ctx context.Context, c *rest.Client) error {
			body, _, err := c.Open(ctx, rest.Request{Path: "/1.0/images/f/export"})
			if err == nil {
				_, err = io.Copy(io.Discard, body)
				body.Close()
			}
			return err
		}},
		"events": {0, func(ctx context.Context, c *rest.Client) error {
			events, err := c.Events(ctx, url.Values{"type": {"lifecycle"}})
			if err == nil {
				events.Close()
				<-events.Ended()
			}
			return err
		}},
		"events of operations": {0, func(ctx context.Context, c *rest.Client) error {
			if !c.Listen(ctx) {
				return fmt.Errorf("there is no connection")
			}
			return nil
		}},
		"a command": {4, func(ctx context.Context, c *rest.Client) error {
			return attached(ctx, c, "/1.0/instances/c1/exec", rest.ExecOptions{})
		}},
		"a terminal": {2, func(ctx context.Context, c *rest.Client) error {
			return attached(ctx, c, "/1.0/instances/c1/exec", rest.ExecOptions{Terminal: true})
		}},
		"a console": {2, func(ctx context.Context, c *rest.Client) error {
			return attached(ctx, c, "/1.0/instances/c1/console", rest.ExecOptions{Terminal: true, Console: true})
		}},
		"files": {0, func(ctx context.Context, c *rest.Client) error {
			conn, err := c.Connect(ctx, "/1.0/instances/c1/sftp", nil, "sftp")
			if err == nil {
				conn.Close()
			}
			return err
		}},
		"another websocket": {0, func(ctx context.Context, c *rest.Client) error {
			conn, err := c.Websocket(ctx, "/1.0/operations/"+operationID+"/websocket", url.Values{"secret": {"1"}})
			if err == nil {
				conn.CloseNow()
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := &streamer{kind.websockets, make(chan struct{}, 100)}
			w.stream = s.serve
			if _, err := w.client(w.provider.Confirm).Do(t.Context(), rest.Request{Path: "/1.0"}); err != nil {
				t.Fatal(err)
			}
			w.got()
			for refused := 1; ; refused++ {
				w.refuseOne(refused)
				before := w.provider.Refreshes.Load()
				client := w.client(nil)
				if err := kind.call(t.Context(), client); err != nil {
					t.Errorf("request %d of %s: %v", refused, w.got(), err)
				}
				client.Close()
				requests := strings.Split(w.got(), "; ")
				renewed := w.provider.Refreshes.Load() - before
				if refused > len(requests) && renewed == 0 {
					break // none was refused
				}
				if renewed != 1 || strings.Count(strings.Join(requests, ";"), " 401") != 1 || len(requests) < refused+1 {
					t.Errorf("request %d was refused, %d refreshes: %q", refused, renewed, requests)
				}
			}
		})
	}
}
