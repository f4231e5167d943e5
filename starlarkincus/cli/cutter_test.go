package cli_test

import (
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A cutter is a proxy that cuts connections to the server at random moments.
type cutter struct {
	listener net.Listener
	network  string  // "unix" or "tcp"
	server   string  // the server's address
	share    float64 // the fraction of requests whose connection is cut

	mu     sync.Mutex
	random *rand.Rand
	cuts   int
	open   sync.WaitGroup
	conns  map[net.Conn]bool // the open ones, and whether each is one of the client
}

func newCutter(t *testing.T, network, server string, r *rand.Rand, share float64) *cutter {
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, network: network, server: server, random: r, share: share, conns: make(map[net.Conn]bool)}
	c.open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.open.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		c.end()
		c.open.Wait()
	})
	return c
}

// end cuts all connections, and takes no more.
func (c *cutter) end() {
	c.listener.Close()
	c.cutAll()
}

// cutAll cuts all connections.
func (c *cutter) cutAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ofClient := range []bool{true, false} { // the server would answer to the end of one connection through another
		for conn, is := range c.conns {
			if is == ofClient {
				conn.Close()
			}
		}
	}
}

// The moments at which a connection is cut, relative to the request.
const (
	never = iota
	before
	during
	after
	inAnswer
)

// plan chooses when, and after how many bytes and how long, to cut the connection of the next request.
func (c *cutter) plan() (moment, bytes int, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.share == 0 || c.random.Float64() >= c.share {
		return never, 0, 0
	}
	c.cuts++
	return before + c.random.IntN(inAnswer), c.random.IntN(300), time.Duration(c.random.IntN(150)) * time.Millisecond
}

func (c *cutter) keep(conn net.Conn, ofClient bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = ofClient
}

func (c *cutter) close(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
	conn.Close()
}

// count returns the number of cut connections.
func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

// serve forwards one connection. It takes each chunk from the client for a request.
func (c *cutter) serve(client net.Conn) {
	c.keep(client, true)
	defer c.close(client)
	server, err := net.Dial(c.network, c.server)
	if err != nil {
		return
	}
	c.keep(server, false)
	var answering sync.WaitGroup
	defer answering.Wait()
	allowed := make(chan int, 1000) // bytes of the answer to pass on; -1 for all
	answering.Go(func() {
		defer c.close(server)
		buffer := make([]byte, 64<<10)
		left := -1
		for {
			n, err := server.Read(buffer)
			select {
			case left = <-allowed:
			default:
			}
			if left >= 0 && n >= left {
				client.Write(buffer[:left])
				c.close(client)
				left = 0
			} else {
				client.Write(buffer[:n])
			}
			if err != nil {
				c.close(client)
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			server.SetReadDeadline(time.Now().Add(2 * time.Second)) // the server finishes the request
			return
		}
		moment, bytes, wait := c.plan()
		switch moment {
		case before:
			c.close(client)
			c.close(server)
			return
		case during:
			server.Write(buffer[:min(bytes, n-1)])
			c.close(client)
			c.close(server)
			return
		case after:
			allowed <- 0
			server.Write(buffer[:n])
			time.Sleep(wait)
			c.close(client)
		case inAnswer:
			allowed <- bytes
			server.Write(buffer[:n])
		default:
			server.Write(buffer[:n])
		}
	}
}
