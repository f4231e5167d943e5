// Package files reads and changes the files of instances and volumes over SFTP.
//
// A [Pool] holds the connections of a client. [Pool.Do] calls a function with a [Call], whose methods are the operations:
// on one file, and [Call.Push] and [Call.Pull] for whole trees. Files are replaced by renaming a temporary file beside
// them, here and there, so half a file never has its final name.
//
// Every failure is an *errors.Error of package incus-star/errors with a class, except for a failure of a local file,
// which is a [LocalError], and for a cancelled context, whose error satisfies errors.Is(err, context.Canceled).
package files

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/pkg/sftp"

	"incus-star/errors"
)

const (
	// idleTimeout closes an idle connection. It is short, because servers don't start a stopped instance while a
	// connection to its files is open.
	idleTimeout = time.Second
	// grace is the time to remove temporary files after the end of the caller's context.
	grace = 3 * time.Second
	// packetSize is the size of the content in a packet. Servers send no more.
	packetSize = 32 << 10
)

// A Dialer connects to the files at a place, such as the path of an instance.
type Dialer func(ctx context.Context, place string) (io.ReadWriteCloser, error)

// A Pool holds the connections of a client, at most one to each place. It is safe for concurrent use.
type Pool struct {
	dial     Dialer
	readOnly bool

	mu       sync.Mutex
	sessions map[string]*session
	closed   bool
	running  sync.WaitGroup // closings of idle connections
}

// NewPool returns a pool without connections. With readOnly, it rejects each request that may change something before
// it is sent.
func NewPool(dial Dialer, readOnly bool) *Pool {
	return &Pool{dial: dial, readOnly: readOnly, sessions: make(map[string]*session)}
}

// A session is the connection to a place.
type session struct {
	place string
	turn  chan struct{} // holds a token while somebody connects
	users int
	idle  *time.Timer

	wire   *wire
	client *sftp.Client // nil before connecting
	lost   chan struct{}
}

// broken reports whether the connection has ended.
func (s *session) broken() bool {
	select {
	case <-s.lost:
		return true
	default:
		return false
	}
}

// take returns the session of a place, connected, and whether the connection is new.
func (p *Pool) take(ctx context.Context, place string) (s *session, fresh bool, err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, false, errors.New(errors.Connection, "the client is closed")
	}
	if s = p.sessions[place]; s == nil || s.client != nil && s.broken() {
		s = &session{place: place, turn: make(chan struct{}, 1), lost: make(chan struct{})}
		p.sessions[place] = s
	}
	s.users++
	if s.idle != nil {
		s.idle.Stop()
	}
	p.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		turn := s.turn
		defer func() { <-turn }()
	case <-ctx.Done():
		p.release(s)
		return nil, false, stopped(ctx)
	}
	if s.client != nil {
		return s, false, nil
	}
	if err := p.connect(ctx, s); err != nil {
		p.forget(s)
		p.release(s)
		return nil, false, err
	}
	return s, true, nil
}

// connect opens the session's connection.
func (p *Pool) connect(ctx context.Context, s *session) error {
	conn, err := p.dial(ctx, s.place)
	if err != nil {
		return err
	}
	s.wire = newWire(conn, p.readOnly)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	client, err := sftp.NewClientPipe(s.wire, s.wire, sftp.MaxPacketUnchecked(packetSize))
	if !stop() && err == nil {
		err = ctx.Err()
		client.Close()
	}
	if err != nil {
		conn.Close()
		if stopped := stopped(ctx); stopped != nil {
			return stopped
		}
		return s.broke(err)
	}
	p.mu.Lock()
	s.client = client
	p.mu.Unlock()
	go func() { // ends with the connection
		defer close(s.lost)
		_ = client.Wait()
	}()
	return nil
}

// forget removes the session, so that the next call opens another connection.
func (p *Pool) forget(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[s.place] == s {
		delete(p.sessions, s.place)
	}
}

// release ends a use of the session. An unused session is closed after idleTimeout, or at once if it isn't in the pool.
func (p *Pool) release(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.users--; s.users > 0 || s.client == nil {
		return
	}
	if p.sessions[s.place] != s || p.closed {
		p.end(s)
		return
	}
	s.idle = time.AfterFunc(idleTimeout, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if s.users == 0 {
			p.end(s)
		}
	})
}

// end closes the connection of an unused session. The caller holds mu.
func (p *Pool) end(s *session) {
	if p.sessions[s.place] == s {
		delete(p.sessions, s.place)
	}
	if s.idle != nil {
		s.idle.Stop()
	}
	if !p.closed {
		p.running.Add(1)
		go func() {
			defer p.running.Done()
			s.close()
		}()
		return
	}
	s.close()
}

// close closes the connection and waits for its goroutines.
func (s *session) close() {
	s.client.Close()
	<-s.lost
}

// CloseIdle closes the unused connections, because they delay changes of an instance.
func (p *Pool) CloseIdle() {
	p.mu.Lock()
	var idle []*session
	for place, s := range p.sessions {
		if s.users == 0 && s.client != nil {
			delete(p.sessions, place)
			s.idle.Stop()
			idle = append(idle, s)
		}
	}
	p.mu.Unlock()
	for _, s := range idle {
		s.close()
	}
}

// Close closes the unused connections, and each of the others at the end of its use. Later calls fail.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.CloseIdle()
	p.running.Wait()
}
