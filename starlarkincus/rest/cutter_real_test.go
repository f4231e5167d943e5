package rest

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// A cutter is a proxy of a unix socket that cuts its connections.
type cutter struct {
	socket string
	pass   func(request []byte) // gets the first bytes to the server before they are passed on; may be nil
	mu     sync.Mutex
	open   map[net.Conn]bool
}

func newCutter(t *testing.T, to string) *cutter {
	c := &cutter{socket: filepath.Join(t.TempDir(), "s"), open: make(map[net.Conn]bool)}
	listener, err := net.Listen("unix", c.socket)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		c.cut()
		running.Wait()
	})
	running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.open[near] = true
			c.mu.Unlock()
			running.Go(func() { c.serve(near, to) })
		}
	})
	return c
}

// serve connects one connection. The server closes one that is silent at first.
func (c *cutter) serve(near net.Conn, to string) {
	defer near.Close()
	first := make([]byte, 4096)
	n, err := near.Read(first)
	if err != nil {
		return
	}
	if c.pass != nil {
		c.pass(first[:n])
	}
	far, err := net.Dial("unix", to)
	if err != nil {
		return
	}
	defer far.Close()
	c.mu.Lock()
	c.open[far] = true
	c.mu.Unlock()
	if _, err := far.Write(first[:n]); err != nil {
		return
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		io.Copy(near, far)
		near.Close()
		far.Close()
	}()
	io.Copy(far, near)
	near.Close()
	far.Close()
	<-answered
}

// cut closes all connections, and returns their number.
func (c *cutter) cut() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for conn := range c.open {
		if conn.Close() == nil {
			n++
		}
	}
	clear(c.open)
	return n
}
