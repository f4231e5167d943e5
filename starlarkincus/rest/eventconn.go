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
	// maxEvent limits one event, in bytes.
	maxEvent = 16 << 20
)

// silence is the time without an event and a ping after which a connection counts as broken. Servers send a ping every 10
// seconds.
var silence = 35 * time.Second

// An eventConn is one connection of the event stream.
type eventConn struct {
	socket *websocket.Conn
	quiet  *time.Timer  // closes the socket after the silence
	heard  atomic.Int64 // time of the last sign of the server, in nanoseconds since 1970
}

// dialEvents connects the event stream. The server may miss events until confirm.
func (c *Client) dialEvents(ctx context.Context, query url.Values) (*eventConn, error) {
	dial, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	e := new(eventConn)
	socket, _, err := c.websocket(dial, eventsPath, query, func(context.Context, []byte) bool {
		e.hear()
		return true
	})
	if err != nil {
		return nil, err
	}
	socket.SetReadLimit(maxEvent)
	e.socket = socket
	e.heard.Store(time.Now().UnixNano())
	e.quiet = time.AfterFunc(silence, func() { socket.CloseNow() })
	return e, nil
}

// confirm waits until the server has added the listener, so that it sends all later events. It answers the handshake
// before that, and a ping after it. Read must be called meanwhile.
func (e *eventConn) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return e.socket.Ping(ctx)
}

// read waits for the next event.
func (e *eventConn) read(ctx context.Context) ([]byte, error) {
	e.quiet.Reset(silence)
	_, message, err := e.socket.Read(ctx)
	e.quiet.Stop() // because the caller may take its time
	if err == nil {
		e.heard.Store(time.Now().UnixNano())
	}
	return message, err
}

func (e *eventConn) hear() {
	e.heard.Store(time.Now().UnixNano())
	e.quiet.Reset(silence)
}

// lastHeard returns the time of the last sign of the server.
func (e *eventConn) lastHeard() time.Time { return time.Unix(0, e.heard.Load()) }

func (e *eventConn) close() {
	e.quiet.Stop()
	e.socket.CloseNow()
}
