package cli_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestStandardErrorIsJSON checks that with --error-format json everything on standard error is JSON, whatever writes
// it, and that the log of net/http is not on it.
func TestStandardErrorIsJSON(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				if _, err := http.ReadRequest(bufio.NewReader(connection)); err != nil {
					return
				}
				body := `{"type":"sync","status_code":200,"metadata":{"name":"default","config":{}}}`
				fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				fmt.Fprint(connection, "HTTP/1.1 500 unasked\r\nContent-Length: 0\r\n\r\n") // while the connection is idle
			}()
		}
	}()
	t.Setenv("INCUS_SOCKET", listener.Addr().String())
	const script = `
for _ in range(5):
    try_(incus.profiles.get, "default")
    sleep(0.05)
log("a message\nof two lines", count = 3, ok = True, of = ["x"], password = "hidden-word")
finally_(lambda: try_(raise_, Error, "x"), lambda: log.warning("w"))
defer(raise_, Error, "in a deferred call")
raise_(IncusError, "the end")
`
	for _, format := range []string{"json", "text"} {
		command := start(t, "--trace", "--error-format", format, "-c", script)
		_, status := command.rest()
		stderr := command.stderr.String()
		if status != 1 || strings.Contains(stderr, "nsolicited") || strings.Contains(stderr, "hidden-word") || !strings.Contains(stderr, "the end") || !strings.Contains(stderr, "/1.0/profiles/default") {
			t.Errorf("%s: status %d: %s", format, status, stderr)
		}
		if format == "json" {
			allJSON(t, format, command.stderr.Bytes())
			if !strings.Contains(stderr, `"count":3`) || !strings.Contains(stderr, `"ok":true`) {
				t.Error(stderr)
			}
		}
	}
}
