package starlarkincus_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"go.starlark.net/starlark"
)

// serveEvents sends an event every few milliseconds, until the client closes the connection or the text "events" is set.
// The lock is held.
func (a *answers) serveEvents(w http.ResponseWriter, r *http.Request) {
	a.listens++
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.listens--
	}()
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx := conn.CloseRead(r.Context())
	for n := 0; ; n++ {
		event := fmt.Sprintf(`{"type":"lifecycle","timestamp":"2026-01-02T03:04:05Z","project":"default","metadata":{"action":"a","name":"n%d","context":{"password":"x"}}}`, n)
		if conn.Write(ctx, websocket.MessageText, []byte(event)) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
		a.mu.Lock()
		_, close := a.texts["events"]
		a.mu.Unlock()
		if close {
			return
		}
	}
}

// listeners returns the number of connections for events, when it has stayed the same for a while.
func (a *answers) listeners(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	for n, same := -1, 0; ; same++ {
		a.mu.Lock()
		now := a.listens
		a.mu.Unlock()
		if now != n {
			n, same = now, 0
		}
		if same == 20 {
			return starlark.MakeInt(n), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}
