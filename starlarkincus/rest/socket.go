package rest

import (
	"context"
	"net"
	"os"
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
