package rest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"incus-star/errors"
)

// TestConnectFailures tests the failures to connect to the server's socket.
func TestConnectFailures(t *testing.T) {
	folder := t.TempDir()
	dead := filepath.Join(folder, "dead")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
	missing := filepath.Join(folder, "missing")
	plain, data := filepath.Join(folder, "plain"), filepath.Join(folder, "data")
	inside := filepath.Join(data, "unix.socket")
	for _, err := range []error{os.WriteFile(plain, nil, 0o600), os.Mkdir(data, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: inside, Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, test := range []struct {
		socket, message string
		cause           error
	}{
		{missing, "can't connect to the Incus socket " + missing + ": no such file or directory; is Incus installed and running here? INCUS_SOCKET or INCUS_DIR may name another place", syscall.ENOENT},
		{dead, "can't connect to the Incus socket " + dead + ": connection refused; nothing listens there: is the Incus daemon running?", syscall.ECONNREFUSED},
		{folder, "can't connect to the Incus socket " + folder + ": connection refused; that is a folder, not a socket", syscall.ECONNREFUSED},
		{data, "can't connect to the Incus socket " + data + ": connection refused; that is a folder, not a socket (did you mean " + inside + "?)", syscall.ECONNREFUSED},
		{plain, "can't connect to the Incus socket " + plain + ": connection refused; that is a plain file, not a socket", syscall.ECONNREFUSED},
		{os.DevNull, "can't connect to the Incus socket " + os.DevNull + ": connection refused; that isn't a socket", syscall.ECONNREFUSED},
	} {
		c := newClient(t, Config{Socket: test.socket})
		_, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances", Body: map[string]any{"name": "c1"}})
		e := asError(t, err)
		if e.Class != errors.Connection || e.Message != test.message || e.Status != 0 || e.Method != "POST" || e.Path != "/1.0/instances" {
			t.Errorf("got %+v\nwant %s", e, test.message)
		}
		if !errors.Is(err, test.cause) || e.Error() != "IncusConnectionError: "+test.message {
			t.Errorf("%v has the cause %v", e, e.Cause)
		}
	}
}

// TestConnectMessages tests the messages of failures that can't be caused everywhere, because tests may run as root, or
// without a network.
func TestConnectMessages(t *testing.T) {
	call := func(err error) error { return os.NewSyscallError("connect", err) }
	dial := func(err error) *net.OpError { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, test := range []struct {
		config  Config
		err     error
		class   *errors.Class
		message string
	}{
		{Config{Socket: "/s"}, dial(call(syscall.EACCES)), errors.Connection, "can't connect to the Incus socket /s: permission denied; add this user to the incus-admin group and log in again, or run as root"},
		{Config{Endpoints: []string{"https://h:1"}}, dial(call(syscall.EACCES)), errors.Connection, "can't connect to https://h:1: permission denied"},
		{Config{Endpoints: []string{"https://h:1"}}, dial(call(syscall.ETIMEDOUT)), errors.Timeout, "can't connect to https://h:1: connection timed out"},
		{Config{Endpoints: []string{"https://h:1"}}, dial(&net.DNSError{Err: "no such host", Name: "h"}), errors.Connection, "can't connect to https://h:1: lookup h: no such host"},
		{Config{Endpoints: []string{"https://h:1"}}, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: dial(call(syscall.ECONNREFUSED))}, errors.Connection, "can't connect to https://h:1 through the proxy: connection refused; HTTPS_PROXY names the proxy, and NO_PROXY lists the servers that need none"},
		{Config{Endpoints: []string{"https://h:1"}}, errors.Plain("net/http: TLS handshake timeout"), errors.Timeout,
			"https://h:1 accepts the connection, but didn't answer within 10s (net/http: TLS handshake timeout); something accepts connections there and stays silent: is that the port of Incus's API, and is its daemon well?"},
	} {
		c := newClient(t, test.config)
		k, _ := c.prepare(Request{Path: "/1.0"})
		e := asError(t, c.transportError(t.Context(), k, &endpointError{&c.endpoints[0], test.err}, 0))
		if e.Class != test.class || e.Message != test.message || e.Cause == nil || e.Error() != e.Class.Name()+": "+test.message {
			t.Errorf("got  %v\nwant %s", e, test.message)
		}
	}
}

// TestNotHTTP tests a socket whose server isn't an HTTP server.
func TestNotHTTP(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connection.Read(make([]byte, 10))
			io.WriteString(connection, "SSH-2.0-OpenSSH_9.6\r\n")
			connection.Close()
		}
	}()
	_, err = newClient(t, Config{Socket: socket}).Do(t.Context(), Request{Path: "/1.0"})
	e := asError(t, err)
	if e.Class != errors.Connection || e.Cause == nil || !strings.Contains(e.Message, "the connection to the Incus socket "+socket+" broke") {
		t.Error(e)
	}
}

// closedPort returns an address without a listener.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	return "https://" + listener.Addr().String()
}

// TestEndpoints checks that the first reachable endpoint receives the request once, and all later requests.
func TestEndpoints(t *testing.T) {
	ours := newCertificate(t, "incus.example")
	dead, wrong := closedPort(t), newTLSFake(t, newCertificate(t, "incus.example"))
	post := step{want: "POST /1.0/profiles", body: syncBody("{}"), check: func(t *testing.T, r *http.Request, body string) {
		if body != `{"name":"p1"}` {
			t.Error(body)
		}
	}}
	f := newTLSFake(t, ours, post, post, post)
	c := f.client(func(c *Config) {
		c.ServerCertificate = ours.Leaf
		c.Endpoints = []string{dead, wrong.server.URL, f.server.URL}
	})
	for _, body := range []any{map[string]any{"name": "p1"}, []byte(`{"name":"p1"}`), strings.NewReader(`{"name":"p1"}`)} {
		if _, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/profiles", Body: body}); err != nil {
			t.Error(err)
		}
	}
	if f.connections != 1 || wrong.connections != 1 {
		t.Errorf("%d and %d connections", f.connections, wrong.connections)
	}

	// An unreachable endpoint doesn't consume a stream.
	f.add(post)
	c = f.client(func(c *Config) {
		c.ServerCertificate = ours.Leaf
		c.Endpoints = []string{dead, f.server.URL}
	})
	if _, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/profiles", Body: io.Reader(strings.NewReader(`{"name":"p1"}`))}); err != nil {
		t.Error(err)
	}
}

// TestNoEndpoint checks that the error mentions all endpoints.
func TestNoEndpoint(t *testing.T) {
	one, two := closedPort(t), closedPort(t)
	_, err := newClient(t, Config{Endpoints: []string{one, two}}).Do(t.Context(), Request{Path: "/1.0"})
	want := "can't connect to any of the server's addresses: " + one + ": connection refused; " + two + ": connection refused; nothing listens there: is the Incus daemon running?"
	if e := asError(t, err); e.Class != errors.Connection || e.Message != want || !errors.Is(e, syscall.ECONNREFUSED) {
		t.Error(e)
	}
}

// TestSentOnce checks that a request that a server received isn't sent again, nor to the next endpoint.
func TestSentOnce(t *testing.T) {
	ours := newCertificate(t, "incus.example")
	unused := newTLSFake(t, ours)
	f := newTLSFake(t, ours, step{want: "POST /1.0/instances", raw: "HTTP"})
	c := f.client(func(c *Config) {
		c.ServerCertificate = ours.Leaf
		c.Endpoints = []string{f.server.URL, unused.server.URL}
	})
	_, err := c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances"})
	if e := asError(t, err); e.Class != errors.Connection || unused.connections != 0 {
		t.Error(err)
	}

	// The same on a reused connection.
	f = newFake(t, step{want: "GET /1.0", body: syncBody("{}")}, step{want: "POST /1.0/instances", serve: func(w http.ResponseWriter, _ *http.Request) {
		connection, _, _ := http.NewResponseController(w).Hijack()
		connection.Close()
	}})
	c = f.client(nil)
	if _, err := c.Do(t.Context(), Request{Path: "/1.0"}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), Request{Method: "POST", Path: "/1.0/instances", Body: map[string]any{}})
	if !errors.Is(err, io.ErrUnexpectedEOF) || f.connections != 1 {
		t.Error(err)
	}
}

// TestTimeout checks that the timeouts of the client and of the caller apply to the header and to the body.
func TestTimeout(t *testing.T) {
	const limit = 500 * time.Millisecond // a busy machine needs it for the request to arrive
	hang := func(r *http.Request) { <-r.Context().Done() }
	for name, answer := range map[string]step{
		"header": {serve: func(_ http.ResponseWriter, r *http.Request) { hang(r) }},
		"body":   {body: "{", first: hang},
	} {
		for _, configured := range []bool{true, false} {
			t.Run(fmt.Sprint(name, configured), func(t *testing.T) {
				t.Parallel()
				expected := answer
				expected.want = "GET /1.0"
				f := newFake(t, expected)
				ctx, c := t.Context(), f.client(func(c *Config) { c.Timeout = time.Hour })
				if configured {
					c = f.client(func(c *Config) { c.Timeout = limit })
				} else {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, limit)
					defer cancel()
				}
				_, err := c.Do(ctx, Request{Path: "/1.0"})
				e := asError(t, err)
				var after string
				_, scanErr := fmt.Sscanf(strings.TrimPrefix(e.Message, "no answer from the Incus socket "+f.socket), " within %s", &after)
				if d, _ := time.ParseDuration(after); e.Class != errors.Timeout || scanErr != nil || d < limit/2 {
					t.Error(e)
				}
			})
		}
	}
}

// TestCancel checks the error of a cancelled context, which is not an *errors.Error.
func TestCancel(t *testing.T) {
	why := errors.Plain("interrupted")
	for name, answer := range map[string]func(cancel func()) step{
		"before": func(cancel func()) step { cancel(); return step{} },
		"header": func(cancel func()) step {
			return step{want: "GET /1.0", serve: func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }}
		},
		"body": func(cancel func()) step {
			return step{want: "GET /1.0", body: "{", first: func(r *http.Request) { cancel(); <-r.Context().Done() }}
		},
		"trust": func(cancel func()) step {
			return step{want: "GET /1.0", status: 403, body: errorBody(403, "no"), first: func(*http.Request) { cancel() }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			s := answer(func() { cancel(why) })
			f := newFake(t)
			if s.want != "" {
				f.add(s)
			}
			_, err := f.client(nil).Do(ctx, Request{Path: "/1.0"})
			var e *errors.Error
			if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || errors.As(err, &e) {
				t.Errorf("%#v", err)
			}
		})
	}
}

// TestReuse checks that all requests use one connection and that none waits. The connection is in memory and the clock a
// fake one, which stands still while anything runs: with the real one net/http gives a connection up whose goroutine
// the system doesn't run for 50 ms.
func TestReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 1000
		body := string(instances(1))
		f := unstartedFake(t)
		for range requests {
			f.add(step{want: "GET /1.0/instances/c1", body: body})
		}
		listener := newMemoryListener()
		f.server.Listener.Close()
		f.server.Listener = listener
		f.start(f.server.Start)
		c := f.client(nil)
		c.transport().DialContext = listener.dial
		start := time.Now()
		for range requests {
			if _, err := c.Do(t.Context(), Request{Path: "/1.0/instances/c1"}); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited > 0 {
			t.Errorf("waited for %s", waited)
		}
		if f.connections != 1 {
			t.Errorf("%d connections", f.connections)
		}
	})
}

// A memoryListener accepts connections that dial makes in memory.
type memoryListener struct {
	conns chan net.Conn
	ended chan struct{}
	end   func()
}

func newMemoryListener() *memoryListener {
	ended := make(chan struct{})
	return &memoryListener{make(chan net.Conn), ended, sync.OnceFunc(func() { close(ended) })}
}

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.ended:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error   { l.end(); return nil }
func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// BenchmarkReads compares reading an instance with the same request in plain net/http.
func BenchmarkReads(b *testing.B) {
	body := instances(1)
	socket := filepath.Join(b.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })}
	go server.Serve(listener)
	defer server.Close()

	b.Run("client", func(b *testing.B) {
		c, err := New(Config{Socket: socket, Timeout: time.Minute})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for b.Loop() {
			if _, err := c.Do(b.Context(), Request{Path: "/1.0/instances/c1"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("net/http", func(b *testing.B) {
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		for b.Loop() {
			response, err := client.Get("http://incus/1.0/instances/c1")
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadAll(response.Body); err != nil {
				b.Fatal(err)
			}
			response.Body.Close()
		}
	})
}
