package rest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// TestConnect checks that a raw connection carries bytes both ways, that its handshake is an ordinary request for the
// trace, and that an answer that doesn't switch to the protocol is an error of the usual kind.
func TestConnect(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocol := r.Header.Get("Upgrade")
		switch r.URL.Path {
		case "/1.0/other":
			protocol = "other"
		case "/1.0/refused":
			w.WriteHeader(404)
			io.WriteString(w, `{"type":"error","error":"Instance not found","error_code":404}`)
			return
		case "/1.0/plain":
			io.WriteString(w, `{"type":"sync","status":"Success","status_code":200,"metadata":{}}`)
			return
		}
		if r.Method != "GET" || r.Header.Get("Connection") != "Upgrade" {
			t.Errorf("%s with %v", r.Method, r.Header)
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+protocol+"\r\n\r\nfirst ")
		_, _ = io.Copy(conn, conn)
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	defer func() { server.Close(); <-done }()
	for _, readOnly := range []bool{false, true} {
		var traced []Trace
		c, err := New(Config{Socket: listener.Addr().String(), ReadOnly: readOnly, Trace: func(r Trace) { traced = append(traced, r) }})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := c.Connect(t.Context(), "/1.0/instances/c1/sftp", nil, "sftp")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "and back")
		got := make([]byte, len("first and back"))
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "first and back" {
			t.Errorf("%q, %v", got, err)
		}
		conn.Close()
		for path, class := range map[string]*errors.Class{"/1.0/other": errors.Connection, "/1.0/refused": errors.NotFound, "/1.0/plain": errors.Connection} {
			_, err := c.Connect(t.Context(), path, nil, "sftp")
			var e *errors.Error
			if !errors.As(err, &e) || e.Class != class {
				t.Errorf("%s: %v", path, err)
			}
		}
		if len(traced) != 4 || traced[0].Method != "GET" || traced[0].Status != 101 || traced[0].Err != nil {
			t.Errorf("traced %v", traced)
		}
		// A request with such a header isn't one of Connect, so a client that only reads doesn't send it.
		_, err = c.Do(t.Context(), Request{Path: "/1.0/plain", Header: http.Header{"Upgrade": {"sftp"}}})
		if errors.Is(err, errors.Permission) != readOnly {
			t.Errorf("read-only %v: %v", readOnly, err)
		}
		c.Close()
	}
}

// TestConnectAgain checks that a connection to files is asked for again, a few times, if the server's helper for them was gone, and
// for no other reason.
func TestConnectAgain(t *testing.T) {
	var mu sync.Mutex
	requests := make(map[string]int) // by URL
	count := func(url string, n int) int {
		mu.Lock()
		defer mu.Unlock()
		requests[url] += n
		return requests[url]
	}
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		failures, _ := strconv.Atoi(r.URL.Query().Get("failures"))
		if count(r.RequestURI, 1) <= failures {
			w.WriteHeader(500)
			fmt.Fprintf(w, `{"type":"error","error":%q,"error_code":500}`, r.URL.Query().Get("reason"))
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sftp\r\n\r\n")
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	c, err := New(Config{Socket: listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close(); <-done })
	trial := func(failures int, reason string, want int, fails bool) {
		t.Run(fmt.Sprint(failures, reason), func(t *testing.T) {
			t.Parallel()
			query := url.Values{"failures": {strconv.Itoa(failures)}, "reason": {reason}}
			conn, err := c.Connect(t.Context(), "/1.0/instances/c1/sftp", query, "sftp")
			if err == nil {
				conn.Close()
			}
			if n := count("/1.0/instances/c1/sftp?"+query.Encode(), 0); n != want || (err != nil) != fails || fails && errors.Is(err, errors.Connection) {
				t.Errorf("%d requests, %v", n, err)
			}
		})
	}
	for i, reason := range []string{
		"Failed getting instance SFTP connection: dial unix /proc/self/fd/38/forkfile.sock: connect: no such file or directory",
		"Failed getting instance SFTP connection: dial unix /proc/self/fd/9/forkfile.sock: connect: connection refused",
		"Failed getting storage volume SFTP connection: dial unix /proc/self/fd/38/forkfile.sock: connect: no such file or directory",
	} {
		most := 1
		if i == 0 {
			most = helpersAgain + 1
		}
		for n := range most + 1 {
			trial(n, reason, min(n, helpersAgain)+1, n > helpersAgain)
		}
	}
	for _, reason := range []string{
		"Failed getting instance SFTP connection: dial unix /proc/self/fd/38/forkfile.sock: connect: permission denied",
		"Failed getting instance SFTP connection: Failed to run forkfile: no such file or directory: ",
		"Failed getting instance SFTP connection: dial unix /run/other.sock: connect: connection refused",
		"Instance not found",
	} {
		trial(1, reason, 1, true)
	}
	t.Run("ended", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for count("/1.0/ended?failures=1000&reason=%2Fforkfile.sock%3A+connect%3A+connection+refused", 0) == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		query := url.Values{"failures": {"1000"}, "reason": {"/forkfile.sock: connect: connection refused"}}
		if _, err := c.Connect(ctx, "/1.0/ended", query, "sftp"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
