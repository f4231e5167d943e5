package rest

import (
	"context"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	eventsPath = "/1.0/events"
	// busyTimeout is the limit for the answer of a server that may be busy.
	busyTimeout = time.Minute
	// maxEvent limits one event, in bytes.
	maxEvent = 16 << 20
)

// silence is the time without an event and a ping after which a connection counts as broken. Servers send a ping every 10
// seconds.
var silence = 35 * time.Second

// provePause is the time between two pings that prove that the server still sends its events.
const provePause = 2 * time.Second

// An eventConn is one connection of the event stream.
type eventConn struct {
	limit  time.Duration // of the connecting, and again of confirm
	socket *websocket.Conn
	quiet  *time.Timer  // closes the socket after the silence
	proven atomic.Int64 // the time until which no event is missing, in nanoseconds since 1970
}

// dialEvents connects the event stream. The server may miss events until confirm. Limit is the time for each of both.
func (c *Client) dialEvents(ctx context.Context, query url.Values, limit time.Duration) (*eventConn, error) {
	dial, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	e := &eventConn{limit: limit}
	e.proven.Store(time.Now().UnixNano())
	socket, _, err := c.websocket(dial, eventsPath, query, func(context.Context, []byte) bool {
		e.quiet.Reset(silence)
		return true
	})
	if err != nil {
		return nil, err
	}
	socket.SetReadLimit(maxEvent)
	e.socket = socket
	e.quiet = time.AfterFunc(silence, func() { socket.CloseNow() })
	return e, nil
}

// confirm waits until the server has added the listener, so that it sends all later events. It answers the handshake
// before that, and a ping after it. Read must be called meanwhile.
func (e *eventConn) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.limit)
	defer cancel()
	return e.socket.Ping(ctx)
}

// read waits for the next event.
func (e *eventConn) read(ctx context.Context) ([]byte, error) {
	e.quiet.Reset(silence)
	_, message, err := e.socket.Read(ctx)
	e.quiet.Stop() // because the caller may take its time
	return message, err
}

// prove sends pings until the connection is closed. An answer proves that the server had not dropped the listener when the
// ping was sent. Received events prove nothing, because they may have waited in a buffer since before.
func (e *eventConn) prove(ctx context.Context) {
	for {
		sent := time.Now()
		if e.socket.Ping(ctx) != nil {
			return
		}
		e.proven.Store(sent.UnixNano())
		timer := time.NewTimer(provePause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// lastProven returns the time until which no event is missing.
func (e *eventConn) lastProven() time.Time { return time.Unix(0, e.proven.Load()) }

func (e *eventConn) close() {
	e.quiet.Stop()
	e.socket.CloseNow()
}
