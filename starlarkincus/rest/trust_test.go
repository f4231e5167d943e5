package rest

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// requestKinds are the kinds of requests of a client. Those of changes have an outcome.
var requestKinds = []struct {
	name    string
	changes bool
	send    func(ctx context.Context, c *Client) error
}{
	{"a read", false, func(ctx context.Context, c *Client) error {
		_, err := c.Do(ctx, Request{Path: "/1.0/instances"})
		return err
	}},
	{"a change", true, func(ctx context.Context, c *Client) error {
		_, err := c.Do(ctx, Request{Method: "POST", Path: "/1.0/profiles", Body: map[string]any{"name": "p1"}})
		return err
	}},
	{"a deletion", true, func(ctx context.Context, c *Client) error {
		_, err := c.Do(ctx, Request{Method: "DELETE", Path: "/1.0/profiles/p1"})
		return err
	}},
	{"an upload", true, func(ctx context.Context, c *Client) error {
		_, err := c.Do(ctx, Request{Method: "POST", Path: "/1.0/images", Body: io.Reader(strings.NewReader("image"))})
		return err
	}},
	{"a read of text", false, func(ctx context.Context, c *Client) error {
		_, _, err := c.Raw(ctx, Request{Path: "/1.0/metrics"})
		return err
	}},
	{"a download", false, func(ctx context.Context, c *Client) error {
		body, _, err := c.Open(ctx, Request{Path: "/1.0/images/f/export"})
		if err == nil {
			body.Close()
		}
		return err
	}},
	{"a command", true, func(ctx context.Context, c *Client) error {
		_, _, err := c.Exec(ctx, Request{Method: "POST", Path: "/1.0/instances/c1/exec", Body: map[string]any{"command": []string{"true"}}}, ExecOptions{})
		return err
	}},
	{"events", false, func(ctx context.Context, c *Client) error {
		events, err := c.Events(ctx, url.Values{"type": {"lifecycle"}})
		if err == nil {
			events.Close()
			<-events.Ended()
		}
		return err
	}},
	{"files", false, func(ctx context.Context, c *Client) error {
		conn, err := c.Connect(ctx, "/1.0/instances/c1/sftp", nil, "sftp")
		if err == nil {
			conn.Close()
		}
		return err
	}},
	{"the state of an operation", false, func(ctx context.Context, c *Client) error {
		_, err := c.Operation(opID).Refresh(ctx)
		return err
	}},
	{"a wait for an operation", false, func(ctx context.Context, c *Client) error {
		_, err := c.Operation(opID).Wait(ctx)
		return err
	}},
	{"trust", false, func(ctx context.Context, c *Client) error {
		_, err := c.Trusted(ctx)
		return err
	}},
}

// listening returns the address of a server of the test. Serve is called with each connection, and may keep it.
func listening(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var conns []net.Conn
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			serve(conn)
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
		for _, conn := range conns {
			conn.Close()
		}
	})
	return listener.Addr().String()
}

// says returns a function that answers the first bytes of a connection with a text and closes it.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Read(make([]byte, 1000))
		io.WriteString(conn, text)
		conn.Close()
	}
}

// through lets a client use a proxy for all servers, also for those that net/http exempts.
func through(c *Client, proxy string) *Client {
	c.transport().Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})
	return c
}

// TestTrust checks the class, message, advice and outcome of each failure to connect, for all kinds of requests.
func TestTrust(t *testing.T) {
	ours, other := newCertificate(t, "incus.example"), newCertificate(t, "incus.example")
	expired := signedCertificate(t, "incus.example", -time.Hour, nil)
	at := func(address string) *Client { return newClient(t, Config{Endpoints: []string{"https://" + address}}) }
	pinned := func(serves, pin tls.Certificate, change func(*tls.Config)) func(*testing.T) *Client {
		return func(t *testing.T) *Client {
			return changedTLSFake(t, serves, change).client(func(c *Config) { c.ServerCertificate = pin.Leaf })
		}
	}
	for _, row := range []struct {
		name    string
		client  func(*testing.T) *Client
		class   *errors.Class
		message string // SERVER stands for the address, OURS and OTHER for fingerprints
		hint    string // a part of it; empty for no advice
	}{
		{"no pin", func(t *testing.T) *Client { return newTLSFake(t, ours).client(nil) }, errors.TLS,
			"the certificate of SERVER can't be trusted: its fingerprint is OURS, and none is pinned here (x509: ",
			`if "incus info" on the server shows this certificate_fingerprint: incus.remotes.add(NAME, url="SERVER", fingerprint="OURS")`},
		{"wrong pin", pinned(ours, other, nil), errors.TLS,
			"the certificate of SERVER isn't the one expected: its fingerprint is OURS, expected OTHER",
			`the server has a new certificate: incus.remotes.remove(NAME), then incus.remotes.add(NAME, url="SERVER", fingerprint="OURS")`},
		{"changed certificate", func(t *testing.T) *Client {
			serves := make(chan *tls.Certificate, 1)
			serves <- &other
			f := changedTLSFake(t, ours, func(c *tls.Config) {
				c.Certificates = nil
				c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
					select {
					case first := <-serves:
						return first, nil
					default:
						return &ours, nil
					}
				}
			}, step{want: "GET /1.0", body: syncBody("{}")})
			c := f.client(func(c *Config) { c.ServerCertificate = other.Leaf })
			if _, err := c.Do(t.Context(), Request{Path: "/1.0"}); err != nil {
				t.Fatal(err)
			}
			f.server.CloseClientConnections()
			c.transport().CloseIdleConnections()
			return c
		}, errors.TLS, "the certificate of SERVER isn't the one expected: its fingerprint is OURS, expected OTHER", "the server has a new certificate"},
		{"expired pin", pinned(expired, expired, nil), errors.TLS, "the certificate of SERVER, with the pinned fingerprint EXPIRED, isn't valid: x509: certificate has expired", "the server needs a new certificate"},
		{"TLS 1.2 only", pinned(ours, ours, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), errors.TLS, "TLS with SERVER failed: tls: ", "INCUS_INSECURE_TLS=true accepts TLS 1.2"},
		{"known clients only", pinned(ours, ours, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }), errors.TLS, "TLS with SERVER failed: tls: certificate required", "the lack of one"},
		{"plain HTTP", func(t *testing.T) *Client { return at(listening(t, says("HTTP/1.1 400 Bad Request\r\n\r\n"))) }, errors.TLS, "SERVER speaks plain HTTP, not HTTPS", "8443"},
		{"another protocol", func(t *testing.T) *Client { return at(listening(t, says("SSH-2.0-OpenSSH_9.6\r\n"))) }, errors.TLS, "SERVER doesn't speak TLS", "8443"},
		{"nobody", func(t *testing.T) *Client { return newClient(t, Config{Endpoints: []string{closedPort(t)}}) }, errors.Connection, "can't connect to SERVER: connection refused", "is the Incus daemon running?"},
		{"closed at once", func(t *testing.T) *Client { return at(listening(t, func(conn net.Conn) { conn.Close() })) }, errors.Connection, "", ""},
		{"silent", func(t *testing.T) *Client {
			defer func(before time.Duration) { handshakeTimeout = before }(handshakeTimeout)
			handshakeTimeout = 50 * time.Millisecond
			c := at(listening(t, func(net.Conn) {}))
			c.transport()
			return c
		}, errors.Timeout, "SERVER accepts the connection, but didn't answer within ", "is that the port of Incus's API"},
		{"a proxy that refuses", func(t *testing.T) *Client {
			return through(at("incus.example:8443"), listening(t, says("HTTP/1.1 403 Forbidden\r\n\r\n")))
		}, errors.Connection, "can't connect to SERVER through the proxy: the proxy {proxy} answers with the status 403 Forbidden", "NO_PROXY"},
		{"a proxy that wants a password", func(t *testing.T) *Client {
			return through(at("incus.example:8443"), listening(t, says("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")))
		}, errors.Connection, "can't connect to SERVER through the proxy: the proxy {proxy} answers with the status 407 Proxy Authentication Required", "a user and a password"},
		{"a proxy that can't connect", func(t *testing.T) *Client {
			return through(at("incus.example:8443"), listening(t, says("HTTP/1.1 502 Bad Gateway\r\n\r\n")))
		}, errors.Connection, "can't connect to SERVER through the proxy: the proxy {proxy} answers with the status 502 Bad Gateway", "the proxy can't reach the server"},
		{"a proxy without anything behind it", func(t *testing.T) *Client {
			defer func(before time.Duration) { handshakeTimeout = before }(handshakeTimeout)
			handshakeTimeout = 50 * time.Millisecond
			return through(at("incus.example:8443"), listening(t, func(conn net.Conn) {
				conn.Read(make([]byte, 1000))
				io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			}))
		}, errors.Timeout, "SERVER (through the proxy {proxy}) accepts the connection, but didn't answer within ", "is that the port of Incus's API"},
		{"a proxy that breaks off", func(t *testing.T) *Client {
			return through(at("incus.example:8443"), listening(t, says("HTTP/1.1 20")))
		},
			errors.Connection, "the connection to SERVER (through the proxy {proxy}) broke before the answer was complete: ", ""},
		{"no proxy", func(t *testing.T) *Client {
			return through(at("incus.example:8443"), strings.TrimPrefix(closedPort(t), "https://"))
		}, errors.Connection, "can't connect to SERVER through the proxy: connection refused", "HTTPS_PROXY names the proxy"},
	} {
		t.Run(row.name, func(t *testing.T) {
			defer func(before time.Duration) { forgotten = before }(forgotten)
			forgotten = 0
			c := row.client(t)
			proxy := ""
			if p := c.transport().Proxy; p != nil {
				if u, err := p(&http.Request{URL: &url.URL{Scheme: "https", Host: "incus.example"}}); err == nil && u != nil {
					proxy = u.Host
				}
			}
			fill := strings.NewReplacer("SERVER", c.Endpoints()[0], "OURS", fingerprint(ours.Leaf), "OTHER", fingerprint(other.Leaf), "EXPIRED", fingerprint(expired.Leaf), "{proxy}", proxy).Replace
			for _, kind := range requestKinds {
				e := asError(t, kind.send(t.Context(), c))
				// The server refuses after the handshake, so that sending may fail before its refusal is read.
				if row.name == "known clients only" && e.Class == errors.Connection {
					continue
				}
				want := errors.Outcome("")
				if kind.changes {
					want = errors.NotSent
				}
				if e.Class != row.class || e.Status != 0 || e.Cause == nil || e.Outcome != want {
					t.Errorf("%s: got %v, outcome %q, cause %v", kind.name, e, e.Outcome, e.Cause)
				}
				if !strings.HasPrefix(e.Message, fill(row.message)) || !strings.Contains(e.Hint, fill(row.hint)) || row.hint == "" && e.Hint != "" {
					t.Errorf("%s: got  %v\n%q\nwant %s\n%s", kind.name, e, e.Hint, fill(row.message), fill(row.hint))
				}
				if said := strings.Contains(e.Error(), e.Hint); e.Hint != "" && (said == (e.Class == errors.TLS) || said == (e.Remedy() != "")) {
					t.Errorf("%s: got %v with the hint %q", kind.name, e, e.Hint)
				}
			}
		})
	}
}

// TestSilentAnswer checks that a server that completes the handshake and never answers is a timeout.
func TestSilentAnswer(t *testing.T) {
	ours := newCertificate(t, "incus.example")
	for _, method := range []string{"GET", "POST"} {
		ended := make(chan struct{}) // not the request's context, because the server would answer the end of the connection
		f := newTLSFake(t, ours, step{want: "GET /1.0", body: syncBody("{}")},
			step{want: method + " /1.0/profiles", serve: func(http.ResponseWriter, *http.Request) { <-ended }})
		c := f.client(func(c *Config) { c.ServerCertificate = ours.Leaf })
		if _, err := c.Do(t.Context(), Request{Path: "/1.0"}); err != nil {
			t.Fatal(err)
		}
		c.config.Timeout = 50 * time.Millisecond
		_, err := c.Do(t.Context(), Request{Method: method, Path: "/1.0/profiles"})
		close(ended)
		e := asError(t, err)
		if e.Class != errors.Timeout || !strings.HasPrefix(e.Message, "no answer from "+f.server.URL+" within ") || (e.Outcome == errors.Unknown) != (method == "POST") {
			t.Errorf("%s: %v, %s", method, e, e.Outcome)
		}
	}
}
