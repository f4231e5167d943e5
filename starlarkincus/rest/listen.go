package rest

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"incus-star/errors"
)

// Limits of the events that wait for a slow caller. Beyond them the client stops reading, and the server, which keeps a
// thousand for a slow listener or waits five seconds for it, closes the connection.
const (
	maxQueued      = 1000
	maxQueuedBytes = 8 << 20
)

// reconnectFor is the time for which a broken stream is connected again.
var reconnectFor = 5 * time.Minute

// lastReconnect is the longest pause between two attempts.
const lastReconnect = 5 * time.Second

// outOfOrder is the time that an event may arrive after a later one: servers send each on its own.
const outOfOrder = time.Second

// An Event is an event of the server, or a gap in the stream of events.
type Event struct {
	// Raw is the server's JSON, which may have secrets; nil for a gap.
	Raw json.RawMessage
	// Gap is the gap; nil for an event.
	Gap *Gap
}

// A Gap is a time for which events may be missing, because the connection was broken and servers send no event again.
type Gap struct {
	Since, Until time.Time
	// Cause is the failure of the connection.
	Cause error
}

// Events is the stream of a server's events. Its methods are safe for concurrent use.
type Events struct {
	client *Client
	query  url.Values
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	queue  []*Event
	bytes  int           // length of the events in the queue
	gap    *Gap          // the last in the queue, if it isn't over yet; nil for none
	opened bool          // the first connection is confirmed, so that a caller may take events
	ended  bool          // no event follows the queue
	err    error         // reason of the end; nil after Close
	wanted chan struct{} // receives a token if the queue has an event or the end
	room   chan struct{} // receives a token if the queue has room
}

// Events connects the stream of events. The query has the parameters of GET /1.0/events: type, project and all-projects.
// All events after its return are in the stream, or in a [Gap] of it. Until Close, it is connected again whenever the
// connection breaks. The context applies to the first connection only.
func (c *Client) Events(ctx context.Context, query url.Values) (*Events, error) {
	conn, err := c.dialEvents(ctx, query, busyTimeout)
	if err != nil {
		return nil, err
	}
	e := &Events{client: c, query: query, done: make(chan struct{}), wanted: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	ready := make(chan error, 1)
	own, cancel := context.WithCancel(c.ctx)
	e.cancel = cancel
	if !c.spawn(func(context.Context) {
		defer close(e.done)
		defer cancel()
		e.run(own, conn, ready)
	}) {
		cancel()
		conn.close()
		return nil, errClosed()
	}
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// run reads events until the context ends or the stream can't be connected again. Ready gets the result of the first
// connection.
func (e *Events) run(ctx context.Context, conn *eventConn, ready chan<- error) {
	pause := firstPause
	for {
		var confirming sync.WaitGroup
		confirmed := false
		confirming.Go(func() {
			if confirmed = e.confirm(ctx, conn, ready); confirmed {
				conn.prove(ctx)
			}
		})
		broken := e.read(ctx, conn)
		conn.close()
		confirming.Wait()
		if ctx.Err() != nil {
			e.end(nil)
			return
		}
		e.lose(conn, broken)
		if confirmed {
			pause = firstPause
		}
		var err error
		if conn, pause, err = e.reconnect(ctx, pause); err != nil {
			if ctx.Err() != nil {
				err = nil
			}
			e.end(err)
			return
		}
	}
}

// confirm waits until the server sends all events over the connection, which ends the gap, and reports whether it does.
func (e *Events) confirm(ctx context.Context, conn *eventConn, ready chan<- error) bool {
	err := conn.confirm(ctx)
	confirmed := err == nil
	if !confirmed {
		conn.close()
		err = e.lost(err)
	} else {
		e.mu.Lock()
		e.opened = true
		if e.gap != nil {
			e.gap.Until = time.Now()
			e.gap = nil
		}
		e.mu.Unlock()
		prod(e.wanted)
	}
	select {
	case ready <- err:
	default: // it isn't the first connection
	}
	return confirmed
}

// lost returns the error of a broken connection.
func (e *Events) lost(cause error) *errors.Error {
	return &errors.Error{Class: errors.Connection, Method: "GET", Path: eventsPath, Cause: reason(cause), Message: "the stream of events broke: " + reason(cause).Error()}
}

// read puts events into the queue until the connection breaks.
func (e *Events) read(ctx context.Context, conn *eventConn) error {
	for {
		message, err := conn.read(ctx)
		if err != nil {
			return err
		}
		for !e.push(message) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-e.room:
			}
		}
	}
}

// push adds an event to the queue. It returns false if that is full. Before the first connection is confirmed, the number of events
// has no limit, because the server's answer may come after them.
func (e *Events) push(message []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.opened && len(e.queue) >= maxQueued || e.bytes >= maxQueuedBytes {
		return false
	}
	e.queue = append(e.queue, &Event{Raw: message})
	e.bytes += len(message)
	prod(e.wanted)
	return true
}

// lose begins a gap, unless one has begun.
func (e *Events) lose(conn *eventConn, broken error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gap == nil {
		e.gap = &Gap{Since: conn.lastProven().Add(-outOfOrder), Cause: e.lost(broken)}
		e.queue = append(e.queue, &Event{Gap: e.gap})
	}
}

// reconnect connects the stream again, and returns the pause before the next attempt after this one.
func (e *Events) reconnect(ctx context.Context, pause time.Duration) (*eventConn, time.Duration, error) {
	for began := time.Now(); ; {
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, pause, ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, lastReconnect)
		conn, err := e.client.dialEvents(ctx, e.query, busyTimeout)
		if err == nil || ctx.Err() != nil || !mayRecover(err) || time.Since(began) > reconnectFor {
			return conn, pause, err
		}
	}
}

// mayRecover reports whether the failure of a connection is one that a server has for a while, as when it restarts.
func mayRecover(err error) bool {
	return isConnection(err) || errors.Is(err, errors.Server)
}

// end ends the stream. It ends a gap as well, since it can't become longer.
func (e *Events) end(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.client.isClosed() {
		err = errClosed()
	}
	e.ended, e.err = true, err
	if e.gap != nil {
		e.gap.Until = time.Now()
		e.gap = nil
	}
	prod(e.wanted)
}

// Next returns the next event, or a gap that is over. It waits for one until the context ends. After Close it returns
// the events that came before, then io.EOF. An error of this package ends the stream.
func (e *Events) Next(ctx context.Context) (*Event, error) {
	for {
		event, err := e.take()
		if event != nil || err != nil {
			return event, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-e.wanted:
		}
	}
}

// take returns the next event, or the end; neither if it isn't there yet.
func (e *Events) take() (*Event, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		switch {
		case !e.ended:
			return nil, nil
		case e.err != nil:
			prod(e.wanted) // others may wait
			return nil, e.err
		}
		prod(e.wanted)
		return nil, io.EOF
	}
	event := e.queue[0]
	if event.Gap != nil && event.Gap == e.gap {
		return nil, nil
	}
	e.queue[0] = nil
	e.queue = e.queue[1:]
	e.bytes -= len(event.Raw)
	prod(e.room)
	if len(e.queue) > 0 {
		prod(e.wanted)
	}
	return event, nil
}

// Close ends the stream, without waiting for its end. The events that came before stay.
func (e *Events) Close() { e.cancel() }

// Ended returns a channel that is closed when nothing of the stream runs any more.
func (e *Events) Ended() <-chan struct{} { return e.done }

// prod gives a token to a channel that holds one.
func prod(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
