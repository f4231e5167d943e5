package rest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// An execFake is a server that runs one command at a time, as Incus does: it waits for the websockets, ends the output with
// a message that is text, and kills the command when the websocket for signals closes.
type execFake struct {
	t       *testing.T
	socket  string
	run     func(*fakeCommand) int           // the command; returns its exit status
	refuse  func(name string) bool           // whether to refuse a websocket
	drop    func(name string) bool           // whether to break the connection of a websocket in place of an answer
	stall   func(r *http.Request) bool       // whether a request gets no answer
	failure string                           // of the operation, in place of running the command
	give    int                              // the number of commands that are given up by failure; 0 for all
	begun   int                              // the number of requests
	wrap    func(n int, c net.Conn) net.Conn // around a connection; n counts them

	certificate *tls.Certificate                 // for TLS in place of a unix socket
	attach      func(name string, conn net.Conn) // gets the connection of each websocket; may be nil
	server      *httptest.Server

	mu      sync.Mutex
	command *fakeCommand
	all     sync.WaitGroup // of commands
}

// A fakeCommand is a command of the fake server. Its methods are for its run function.
type fakeCommand struct {
	ctx    context.Context // ends with the command
	kill   context.CancelFunc
	signal chan int
	dead   atomic.Bool // its process has ended

	terminal bool
	mu       sync.Mutex
	conns    map[string]*websocket.Conn
	attached chan struct{}
	ended    chan struct{}
	code     int
	failure  string // of the operation; empty to run
	number   int    // of its request, in one digit
}

func newExecFake(t *testing.T, run func(*fakeCommand) int, changes ...func(*execFake)) *execFake {
	t.Helper()
	f := &execFake{t: t, run: run, socket: filepath.Join(t.TempDir(), "s")}
	for _, change := range changes {
		change(f)
	}
	listener, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = quiet
	server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	f.server = server
	if f.certificate != nil {
		listener.Close()
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*f.certificate}}
		server.StartTLS()
	} else {
		server.Listener.Close()
		server.Listener = &wrapping{Listener: listener, fake: f}
		server.Start()
	}
	t.Cleanup(func() {
		f.mu.Lock()
		if f.command != nil {
			f.command.kill()
		}
		f.mu.Unlock()
		f.all.Wait()
		server.CloseClientConnections()
		server.Close()
	})
	return f
}

type connKey struct{}

// client returns a client of the fake.
func (f *execFake) client() *Client {
	if f.certificate == nil {
		return newClient(f.t, Config{Socket: f.socket})
	}
	return newClient(f.t, Config{Endpoints: []string{f.server.URL}, ServerCertificate: f.certificate.Leaf})
}

type wrapping struct {
	net.Listener
	fake *execFake
	n    int
}

func (l *wrapping) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if l.n++; err == nil && l.fake.wrap != nil {
		c = l.fake.wrap(l.n, c)
	}
	return c, err
}

func (f *execFake) now() *fakeCommand {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.command
}

// state renders the operation.
func (c *fakeCommand) state() string {
	fds := make(map[string]string)
	for _, name := range []string{"0", "1", "2", "control"} {
		fds[name] = fmt.Sprintf("s%d%s", c.number, name)
	}
	metadata, _ := json.Marshal(map[string]any{"fds": fds, "command": []string{"cmd"}})
	select {
	case <-c.ended:
		if c.failure != "" {
			return operation(400, c.failure, string(metadata))
		}
		return operation(200, "", strings.Replace(string(metadata), "{", fmt.Sprintf(`{"return":%d,`, c.code), 1))
	default:
		return operation(103, "", string(metadata))
	}
}

func (f *execFake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case f.stall != nil && f.stall(r):
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case strings.HasSuffix(r.URL.Path, "/exec"):
		var body struct{ Interactive bool }
		_ = json.NewDecoder(r.Body).Decode(&body)
		ctx, cancel := context.WithCancel(context.Background())
		c := &fakeCommand{ctx: ctx, kill: cancel, signal: make(chan int, 10), terminal: body.Interactive, conns: make(map[string]*websocket.Conn),
			attached: make(chan struct{}), ended: make(chan struct{})}
		f.mu.Lock()
		if f.begun++; f.give == 0 || f.begun <= f.give {
			c.failure = f.failure
		}
		c.number = f.begun
		if f.command != nil {
			f.command.kill() // a server gives it up, after a while
		}
		f.command = c
		f.mu.Unlock()
		f.all.Go(func() { f.serve(c) })
		w.WriteHeader(202)
		io.WriteString(w, asyncBody(c.state()))
	case strings.HasSuffix(r.URL.Path, "/websocket"):
		c, secret := f.now(), r.URL.Query().Get("secret")
		name, of := strings.CutPrefix(secret, fmt.Sprintf("s%d", c.number))
		if !of { // a command before it
			w.WriteHeader(404)
			io.WriteString(w, errorBody(404, "Operation not found"))
			return
		}
		f.websocket(w, r, c, name)
	case strings.HasSuffix(r.URL.Path, "/wait"):
		c := f.now()
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		select {
		case <-c.ended:
		case <-r.Context().Done():
		}
		io.WriteString(w, syncBody(c.state()))
	default:
		io.WriteString(w, syncBody(f.now().state()))
	}
}

// serve runs a command when its websockets are there.
func (f *execFake) serve(c *fakeCommand) {
	defer c.kill()
	if c.failure != "" {
		close(c.ended)
		return
	}
	select {
	case <-c.attached:
		c.code = f.run(c)
	case <-c.ctx.Done():
	}
	if c.ctx.Err() != nil {
		c.code = 137
	}
	c.die()
	names := []string{"1", "2"}
	if c.terminal {
		names = []string{"0"}
	}
	for _, name := range names {
		if conn := c.conn(name); conn != nil {
			_ = conn.Write(context.Background(), websocket.MessageText, nil)
		}
	}
	close(c.ended)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.CloseNow()
	}
}

// die ends the process. Only the output written before follows.
func (c *fakeCommand) die() {
	c.dead.Store(true)
	if conn := c.conn("control"); conn != nil {
		conn.CloseNow()
	}
}

func (c *fakeCommand) conn(name string) *websocket.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conns[name]
}

func (f *execFake) websocket(w http.ResponseWriter, r *http.Request, c *fakeCommand, name string) {
	if c.failure != "" {
		<-c.ended
	}
	if c.failure != "" || f.refuse != nil && f.refuse(name) {
		w.WriteHeader(404)
		io.WriteString(w, errorBody(404, "Operation not found"))
		return
	}
	if f.drop != nil && f.drop(name) {
		panic(http.ErrAbortHandler)
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	if f.attach != nil {
		f.attach(name, r.Context().Value(connKey{}).(net.Conn))
	}
	c.mu.Lock()
	c.conns[name] = conn
	select {
	case <-c.ended:
		c.mu.Unlock()
		return
	default:
	}
	if c.conns["0"] != nil && (c.terminal || c.conns["1"] != nil && c.conns["2"] != nil) {
		select {
		case <-c.attached:
		default:
			close(c.attached)
		}
	}
	c.mu.Unlock()
	if name == "0" {
		select { // the command reads it
		case <-c.ended:
		case <-f.t.Context().Done():
		}
		return
	}
	for {
		_, data, err := conn.Read(context.Background())
		if err != nil {
			if !c.dead.Load() && (name == "control" || name == "1" && c.conn("control") == nil) {
				c.kill()
			}
			return
		}
		var message struct{ Signal int }
		if json.Unmarshal(data, &message) == nil && message.Signal != 0 {
			c.signal <- message.Signal
		}
	}
}

// read returns the next part of the input, false at its end.
func (c *fakeCommand) read() ([]byte, bool) {
	kind, data, err := c.conn("0").Read(c.ctx)
	return data, err == nil && kind == websocket.MessageBinary
}

// write writes to an output.
func (c *fakeCommand) write(name string, data []byte) bool {
	return c.conn(name).Write(c.ctx, websocket.MessageBinary, data) == nil
}

// begin begins a command on the fake.
func (f *execFake) begin(ctx context.Context, client *Client, options ExecOptions) *Exec {
	f.t.Helper()
	if options.MaxOutput == 0 {
		options.MaxOutput = 64 << 20
	}
	e, _, err := client.Exec(ctx, Request{Method: "POST", Path: "/1.0/instances/c1/exec", Body: map[string]any{"command": []string{"cmd"}, "interactive": options.Terminal}}, options)
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}
