// Package fakeexec is the server's side of the websockets of a command, for tests.
package fakeexec

import (
	"net/http"

	"github.com/coder/websocket"
)

// Fds returns the names of the websockets with their secrets, as an operation's metadata has them.
func Fds(terminal bool, secret func(name string) string) map[string]any {
	names := []string{"0", "1", "2", "control"}
	if terminal {
		names = []string{"0", "control"}
	}
	fds := make(map[string]any)
	for _, name := range names {
		fds[name] = secret(name)
	}
	return fds
}

// Serve answers the request for a websocket, sends an output and its end, and ignores messages until the client closes
// the connection. It sends nothing for a nil output.
func Serve(w http.ResponseWriter, r *http.Request, output []byte) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	if output != nil {
		if len(output) > 0 {
			_ = conn.Write(r.Context(), websocket.MessageBinary, output)
		}
		_ = conn.Write(r.Context(), websocket.MessageText, nil)
	}
	for err == nil {
		_, _, err = conn.Read(r.Context())
	}
}
