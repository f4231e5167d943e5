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
			far, err := net.Dial("unix", to)
			if err != nil {
				near.Close()
				continue
			}
			c.mu.Lock()
			c.open[near], c.open[far] = true, true
			c.mu.Unlock()
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				running.Go(func() {
					io.Copy(pair[0], pair[1])
					near.Close()
					far.Close()
				})
			}
		}
	})
	return c
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
