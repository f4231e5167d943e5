package rest

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// A peeking listener accepts connections to a unix socket as Incus does: none before the last one has sent 8 bytes.
type peeking struct{ net.Listener }

func (l peeking) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	_, _ = r.Peek(8)
	return peeked{conn, r}, nil
}

type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (c peeked) Read(p []byte) (int, error) { return c.r.Read(p) }

// patience is far above the time that an answer takes, and below that after which the transport closes a connection.
const patience = 10 * time.Second

// silences sends requests in rounds of a new client each: one, and then some at once, of any method, some of which are abandoned.
// It checks after each that another connection is answered at once.
func silences(t *testing.T, rounds int, path string, methods ...string) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range rounds {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		client := newClient(t, Config{Socket: path})
		send := func(method string, limit time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if _, err := client.Do(ctx, Request{Method: method, Path: "/1.0/profiles/default", Body: body(method)}); err != nil && limit == patience {
				t.Error(err)
			}
		}
		method := func() string { return methods[random.IntN(len(methods))] }
		send(method(), patience)
		var running sync.WaitGroup
		for range 1 + random.IntN(6) {
			method, limit := method(), patience
			if random.IntN(4) == 0 {
				limit = time.Duration(random.IntN(2000)) * time.Microsecond
			}
			running.Go(func() { send(method, limit) })
		}
		running.Wait()
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, "GET /1.0 HTTP/1.1\r\nHost: incus\r\nConnection: close\r\n\r\n")
		if _, err := io.ReadAll(conn); err != nil {
			t.Fatalf("round %d: nobody else is answered: %v", round, err)
		}
		conn.Close()
		client.Close()
	}
}

func TestNoSilentConnections(t *testing.T) {
	unix, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, syncBody("{}"))
	}))
	server.Listener.Close()
	server.Listener = peeking{unix}
	server.Start()
	defer server.Close()
	silences(t, 500, unix.Addr().String(), "GET", "POST", "PUT", "PATCH", "DELETE")
}

func TestRealNoSilentConnections(t *testing.T) {
	silences(t, 200, realClient(t, nil).config.Socket, "GET")
}

// TestSocketConn uses a connection in the orders that the transport may.
func TestSocketConn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(conn, conn); conn.Close() }()
		}
	}()
	t.Run("read first", func(t *testing.T) {
		c := newSocketConn(path)
		defer c.Close()
		got := make(chan string)
		go func() {
			p := make([]byte, 5)
			io.ReadFull(c, p)
			got <- string(p)
		}()
		if n, err := c.Write([]byte("hello")); n != 5 || err != nil {
			t.Error(n, err)
		}
		if text := <-got; text != "hello" {
			t.Error(text)
		}
	})
	t.Run("closed before a write", func(t *testing.T) {
		c := newSocketConn(path)
		read := make(chan error)
		go func() { _, err := c.Read(make([]byte, 1)); read <- err }()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	t.Run("no server", func(t *testing.T) {
		c := newSocketConn(path + "x")
		_, err := c.Write([]byte("x"))
		_, err2 := c.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrNotExist) || !errors.Is(err2, os.ErrNotExist) || c.Close() != nil {
			t.Error(err, err2)
		}
	})
}
