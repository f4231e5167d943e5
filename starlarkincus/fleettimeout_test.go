package starlarkincus_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
)

// TestWordsOfAFleetsTimeout checks the message of a call that waited for a server until the fleet's timeout: it says so once, and
// then what wasn't answered, whether the answer had begun or not.
func TestWordsOfAFleetsTimeout(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/1.0":
			_, _ = io.WriteString(w, `{"type":"sync","status_code":200,"metadata":{"api_extensions":[],"api_version":"1.0","auth":"trusted"}}`)
			return
		case strings.HasPrefix(r.URL.Path, "/1.0/networks"):
			_, _ = io.WriteString(w, `{"type":`)
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.Copy(io.Discard, r.Body) // so that the server notices the end
		<-r.Context().Done()
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	defer func() { server.Close(); <-done }()
	client := starlarkincus.New(starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": socket}[name]
	}}})
	defer client.Close()
	for _, call := range []string{"c.instances.list()", "c.networks.list()", `c.request("POST", "/1.0/instances", body={})`} {
		var out bytes.Buffer
		h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: client.Names(), Servers: client.Servers})
		h.Report(&out, h.RunSource(t.Context(), "x.star", []byte("incus.server()\nfleet([incus], timeout=0.2).map(lambda c: "+call+")[0].value\n")))
		if got := out.String(); strings.Count(got, "longer") != 1 || !strings.Contains(got, "\nIncusTimeoutError: the call took longer than the fleet's timeout of 200ms") || strings.Contains(got, "broke") {
			t.Errorf("%s: got\n%s", call, got)
		}
	}
}
