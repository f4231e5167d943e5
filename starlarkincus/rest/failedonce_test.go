package rest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"incus-star/errors"
)

// failedMessages returns messages of failed operations: one of each class that a recorded one has, and those about what the
// server lacks.
func failedMessages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{
		"network":  `Failed pre-start check for device "eth0": Network "incusbr0" unavailable on this server`,
		"pool":     "Storage pool is unavailable on this server",
		"networks": "Unavailable networks: [incusbr0]",
		"uplink":   `Uplink network "up" is unavailable`,
		"shutdown": "Daemon is shutting down",
		"nothing":  "",
	}
	file, err := os.Open("testdata/failures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Operation && r.Status == operationFailure {
			out[r.Class] = r.Message
		}
	}
	return out
}

// TestFailedOperationIsReadOnce waits for operations that failed with each kind of message, which the server reports as both lines do,
// and may have forgotten afterwards: the failure is an end, and few requests are sent.
func TestFailedOperationIsReadOnce(t *testing.T) {
	messages := failedMessages(t)
	if len(messages) < 12 {
		t.Fatalf("only %d classes", len(messages))
	}
	for class, message := range messages {
		for _, old := range []bool{false, true} {
			for _, forgets := range []bool{false, true} {
				for _, watched := range []bool{false, true} {
					who := fmt.Sprintf("%s: %q, old %v, forgets %v, watched %v", class, message, old, forgets, watched)
					var requests atomic.Int32
					state := fmt.Sprintf(`{"id": %q, "class": "task", "status": "Failure", "status_code": 400, "err": %q}`, opID, message)
					socket := filepath.Join(t.TempDir(), "s")
					listener, err := net.Listen("unix", socket)
					if err != nil {
						t.Fatal(err)
					}
					server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						requests.Add(1)
						switch waits := r.URL.Path == opPath+"/wait"; {
						case waits && old:
							fmt.Fprintf(w, `{"type": "error", "error_code": 503, "error": %q}`, message)
						case waits, !forgets:
							fmt.Fprintf(w, `{"type": "sync", "status_code": 200, "metadata": %s}`, state)
						default:
							w.WriteHeader(http.StatusNotFound)
							fmt.Fprint(w, `{"type": "error", "error_code": 404, "error": "Operation not found"}`)
						}
					}))
					server.Listener.Close()
					server.Listener = listener
					server.Start()
					client, err := New(Config{Socket: socket})
					if err != nil {
						t.Fatal(err)
					}
					o := client.Operation(opID)
					if watched {
						o.Watch()
					}
					for range 2 {
						if _, err := o.Wait(t.Context()); !errors.Is(err, errors.Operation) && !errors.Is(err, errors.AlreadyExists) && !errors.Is(err, errors.Unavailable) {
							t.Errorf("%s: %v", who, err)
						}
					}
					client.Close()
					server.Close()
					if n := requests.Load(); n > 3 {
						t.Errorf("%s: %d requests", who, n)
					}
				}
			}
		}
	}
}
