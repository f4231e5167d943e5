package rest

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/coder/websocket"
)

// feed sends the input and its end.
func (e *Exec) feed(ctx context.Context, conn *websocket.Conn) {
	var err error
	if e.options.Stdin != nil {
		buffer := make([]byte, maxPiece)
		for err == nil {
			var n int
			n, err = e.options.Stdin.Read(buffer)
			if n > 0 && conn.Write(ctx, websocket.MessageBinary, buffer[:n]) != nil {
				return // the command has ended, or see cutOff
			}
		}
		if err != io.EOF {
			// Ending the input here would make the command take a part for the whole.
			e.fail(fmt.Errorf("its input can't be read: %w", err))
			e.End(ctx)
			return
		}
	}
	switch {
	case e.options.Console:
		e.hangUp()
	case e.options.Typed:
	case e.options.Terminal: // an end of the websocket's input would end the output as well
		e.endTyping(ctx, conn)
	default:
		_ = conn.Write(ctx, websocket.MessageText, nil)
	}
}

// The keys that end the input of a terminal: Ctrl-D, and Ctrl-U before it, which empties the line of a shell that edits its
// lines. On such a line Ctrl-D ends nothing.
const (
	endOfInput = "\x04"
	emptyLine  = "\x15"
)

// The pauses between the ends of the input of a terminal. Each is twice as long as the one before, up to the longest.
const (
	firstEndPause = 50 * time.Millisecond
	lastEndPause  = time.Second
)

// endTyping sends the end of the input of a terminal, until the command has ended. One end is that of one read only. If the
// program changes the mode of the terminal before it reads it, it reads a zero byte instead, which a shell takes for the
// begin of a line.
func (e *Exec) endTyping(ctx context.Context, conn *websocket.Conn) {
	keys := endOfInput // which also ends a line that the input leaves open
	for pause := firstEndPause; conn.Write(ctx, websocket.MessageBinary, []byte(keys)) == nil; pause = min(2*pause, lastEndPause) {
		keys = emptyLine + endOfInput
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			continue
		case <-e.dead:
		case <-e.ended:
		case <-ctx.Done():
		}
		timer.Stop()
		return
	}
}
