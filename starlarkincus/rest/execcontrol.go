package rest

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"incus-star/errors"
)

// listen waits for the end of the connection for signals. The server closes it at the process's end without a close frame,
// but with that of TLS. A unix socket has none, and its end is taken for an orderly one.
func (e *Exec) listen(ctx context.Context, conn *websocket.Conn) {
	err := discard(ctx, conn)
	if ctx.Err() == nil && websocket.CloseStatus(err) < 0 && (!errors.Is(err, io.EOF) || endedEarly(e.carriers[control])) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.lost = trimClose(err)
	}
}

// cutKilled returns the failure of the connection for signals if the server has killed the command because of it, as far as
// the exit status shows; nil otherwise.
func (e *Exec) cutKilled(code int) error {
	if code != 128+sigKill || e.killed.Load() {
		return nil
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-e.dead: // perhaps after the news of the end
	case <-timer.C:
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lost
}

// Signal sends a signal to the command, by its number on Linux.
func (e *Exec) Signal(ctx context.Context, number int) error {
	if number == sigKill {
		e.killed.Store(true)
	}
	return e.tell(ctx, map[string]any{"command": "signal", "signal": number})
}

// Resize sets the size of the command's terminal.
func (e *Exec) Resize(ctx context.Context, width, height int) error {
	return e.tell(ctx, map[string]any{"command": "window-resize", "args": map[string]string{"width": strconv.Itoa(width), "height": strconv.Itoa(height)}})
}

// tell sends a message about the command to the server.
func (e *Exec) tell(ctx context.Context, message any) error {
	select {
	case <-e.attached:
	case <-ctx.Done():
		return ctx.Err()
	}
	over := func() error { return e.error(errors.State, "the command has ended") }
	select {
	case <-e.ended:
		return over()
	default:
	}
	if e.control == nil {
		return e.error(errors.Connection, "there is no connection for signals to the command")
	}
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := e.control.Write(ctx, websocket.MessageText, data); err != nil {
		select {
		case <-e.ended:
			return over()
		case <-time.After(firstPause): // the server closes it a moment before the end is known
		}
		select {
		case <-e.ended:
			return over()
		default:
		}
		failed := e.error(errors.Connection, "the connection for signals to the command broke: %s", trimClose(err))
		failed.Outcome = errors.Unknown
		return failed
	}
	return nil
}
