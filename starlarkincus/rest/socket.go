package rest

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A socketConn is a connection to a unix socket that is made by the first write. Incus accepts no connection on its socket before
// the last one has sent 8 bytes. The transport keeps connections without a request, such as one that it makes while the request
// gets another that becomes free; as long as one of these is silent, nobody reaches the server.
type socketConn struct {
	path   string
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	once   sync.Once
	made   chan struct{} // closed when conn or err is known
	conn   net.Conn
	err    error
}

func newSocketConn(path string) net.Conn {
	ctx, cancel := context.WithCancel(context.Background())
	return &socketConn{path: path, ctx: ctx, cancel: cancel, made: make(chan struct{})}
}

// connect makes the connection once.
func (c *socketConn) connect() (net.Conn, error) {
	c.once.Do(func() {
		defer close(c.made)
		d := net.Dialer{Timeout: connectTimeout}
		c.conn, c.err = d.DialContext(c.ctx, "unix", c.path)
	})
	return c.conn, c.err
}

func (c *socketConn) Write(p []byte) (int, error) {
	conn, err := c.connect()
	if err != nil {
		return 0, err
	}
	return conn.Write(p)
}

// Read waits for the first write.
func (c *socketConn) Read(p []byte) (int, error) {
	<-c.made
	if c.err != nil {
		return 0, c.err
	}
	return c.conn.Read(p)
}

func (c *socketConn) Close() error {
	c.cancel()
	c.once.Do(func() {
		c.err = net.ErrClosed
		close(c.made)
	})
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

func (c *socketConn) LocalAddr() net.Addr  { return &net.UnixAddr{Net: "unix"} }
func (c *socketConn) RemoteAddr() net.Addr { return &net.UnixAddr{Net: "unix", Name: c.path} }

// The transport sets no deadlines.
func (c *socketConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (c *socketConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (c *socketConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// noSocket returns advice on a path at which there is something else than a socket; empty for others.
func noSocket(path string) string {
	info, err := os.Stat(path)
	switch {
	case path == "" || err != nil || info.Mode().Type() == fs.ModeSocket:
		return ""
	case info.Mode().IsRegular():
		return "that is a plain file, not a socket"
	case !info.IsDir():
		return "that isn't a socket"
	}
	inside := filepath.Join(path, "unix.socket")
	if there, err := os.Stat(inside); err == nil && there.Mode().Type() == fs.ModeSocket {
		return fmt.Sprintf("that is a folder, not a socket (did you mean %s?)", inside)
	}
	return "that is a folder, not a socket"
}
