package rest

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"

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
