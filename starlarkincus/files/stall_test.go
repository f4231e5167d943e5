package files

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

// A stalling is a connection whose other end takes no more data after some bytes.
type stalling struct {
	net.Conn
	left    int
	stalled chan struct{} // closed by the first write that doesn't end
	closed  chan struct{}
	stall   func()
	close   func()
}

func newStalling(conn net.Conn, left int) *stalling {
	s := &stalling{Conn: conn, left: left, stalled: make(chan struct{}), closed: make(chan struct{})}
	s.stall, s.close = sync.OnceFunc(func() { close(s.stalled) }), sync.OnceFunc(func() { close(s.closed) })
	return s
}

func (s *stalling) Write(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		s.stall()
		<-s.closed
		return 0, io.ErrClosedPipe
	}
	return s.Conn.Write(p)
}

func (s *stalling) Close() error {
	s.close()
	return s.Conn.Close()
}

// A server that takes no more data doesn't keep a call whose context ends.
func TestCancelOfAStalledServer(t *testing.T) {
	r := random(t)
	content := bytes.Repeat([]byte("stall"), 1<<20)
	source := filepath.Join(t.TempDir(), "source")
	mustDo(t, os.Mkdir(source, 0o755), os.WriteFile(filepath.Join(source, "x"), content, 0o644), os.WriteFile(filepath.Join(source, "y"), content, 0o644))
	for name, test := range map[string]struct {
		most int // bytes that the server takes
		call func(*Call) error
	}{
		"write":  {len(content), func(c *Call) error { _, err := c.Write("/new", content, Attributes{}); return err }},
		"append": {len(content), func(c *Call) error { return c.Append("/old", content, Attributes{}) }},
		"push":   {len(content), func(c *Call) error { _, err := c.Push(filepath.Join(source, "x"), "/new", Attributes{}); return err }},
		"tree":   {len(content), func(c *Call) error { _, err := c.Push(source, "/new", Attributes{}); return err }},
		"read":   {2000, func(c *Call) error { _, err := c.ReadFile("/old", 10<<20); return err }},
	} {
		most := 500 + r.IntN(test.most-500)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			mustDo(t, os.WriteFile(filepath.Join(f.dir, "old"), content, 0o644))
			var conn *stalling
			p := NewPool(func(context.Context, string) (io.ReadWriteCloser, error) {
				here, there := net.Pipe()
				f.serves.Go(func() { f.server.Serve(there) })
				conn = newStalling(here, most)
				return conn, nil
			}, false)
			defer p.Close()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			done := make(chan error, 1)
			go func() {
				done <- p.Do(ctx, "place", true, func(c *Call) error {
					go func() { <-conn.stalled; cancel(errors.Plain("enough")) }()
					return test.call(c)
				})
			}()
			select {
			case err := <-done:
				if err == nil || !strings.Contains(err.Error(), "enough") {
					t.Errorf("after %d bytes: %v", most, err)
				}
			case <-time.After(time.Minute):
				conn.Close()
				t.Errorf("after %d bytes: it doesn't end", most)
			}
		})
	}
}
