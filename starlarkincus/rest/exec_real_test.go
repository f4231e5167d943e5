package rest

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// newRealExec begins a command in an instance.
func beginReal(t *testing.T, c *Client, instance string, options ExecOptions, command ...string) *Exec {
	t.Helper()
	if options.MaxOutput == 0 {
		options.MaxOutput = 64 << 20
	}
	e, _, err := c.Exec(t.Context(), Request{Method: "POST", Path: "/1.0/instances/" + instance + "/exec",
		Body: map[string]any{"command": command, "wait-for-websocket": true, "interactive": options.Terminal, "record-output": false}}, options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRealExecSpeed(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip()
	}
	_ = tls.Config{}
	c := newClient(t, Config{Socket: filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket")})
	for range 3 {
		start := time.Now()
		for i := range 50 {
			e := beginReal(t, c, "speed", ExecOptions{}, "echo", fmt.Sprint(i))
			code, err := e.Wait(t.Context())
			out, _ := e.Output()
			if code != 0 || err != nil || string(out) != fmt.Sprintln(i) {
				t.Fatal(code, err, string(out))
			}
		}
		t.Log(time.Since(start) / 50)
	}
}
