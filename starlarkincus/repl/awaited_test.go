package repl

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
)

// serveOperations serves an instance whose operations end after the returned function is called.
func serveOperations(t *testing.T) (env *remote.Environment, end func()) {
	t.Helper()
	gate := make(chan struct{})
	answers := map[string]string{"/1.0": `{"auth": "trusted", "environment": {"server_version": "7.0"}}`, "/1.0/instances/a": `{"name": "a", "status": "Running", "type": "container"}`}
	const operation = `{"id": "1", "class": "task", "description": "Restarting instance", "resources": {"instances": ["/1.0/instances/a"]}, "status_code": %d}`
	env = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		switch {
		case r.Method == http.MethodPut:
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, `{"type": "async", "status_code": 100, "operation": "/1.0/operations/1", "metadata": `+operation+`}`, 103)
			return
		case strings.HasPrefix(r.URL.Path, "/1.0/operations/"):
			select {
			case <-gate:
			case <-r.Context().Done():
				return
			}
			answer = fmt.Sprintf(operation, 200)
		case !known:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"type": "error", "error_code": 404, "error": "Not Found"}`)
			return
		}
		fmt.Fprintf(w, `{"type": "sync", "status_code": 200, "metadata": %s}`, answer)
	}))
	return env, sync.OnceFunc(func() { close(gate) })
}

// TestAwaitedOperation checks that the end of an operation is said unless an entry has waited for it, be it the one that began it or
// a later one, and whether the end comes before or during the wait.
func TestAwaitedOperation(t *testing.T) {
	const begin = "op = incus.instances.get('a').restart(wait = False)"
	for _, test := range []struct {
		name     string
		early    bool // the end comes before the last entry
		entries  []string
		reported bool
	}{
		{"nobody", false, []string{begin}, true},
		{"nobody, early", true, []string{begin, "1"}, true},
		{"later", false, []string{begin, "op.wait()"}, false},
		{"later, early", true, []string{begin, "op.wait()"}, false},
		{"the same", true, []string{"1", begin + "; op.wait()"}, false},
		{"a function", false, []string{begin, "def f(): op.wait()\n", "f()"}, false},
		{"a task", false, []string{begin, "parallel(lambda o: o.wait(), [op])"}, false},
		{"not to the end", false, []string{begin, "op.wait(timeout = 0.01)", "1"}, true},
		{"not to the end, then later", false, []string{begin, "op.wait(timeout = 0.01)", "op.wait()"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, end := serveOperations(t)
			defer end()
			client := starlarkincus.New(starlarkincus.Options{Environment: env})
			defer client.Close()
			options := host.Options{Predeclared: client.Names(), Track: starlarkincus.Track}
			operations := NewOperations(&options)
			h := host.New(options)
			p := &prompt{Options: Options{Host: h, Stdout: io.Discard, Stderr: io.Discard, Operations: operations}, session: h.NewSession()}
			operations.notify(t.Context(), &p.aside, p.notices.addUnless)
			for i, text := range test.entries {
				last := i == len(test.entries)-1
				if last && test.early {
					end()
					p.aside.Wait()
				} else if last && i > 0 && !test.reported {
					time.AfterFunc(10*time.Millisecond, end)
				}
				if err := p.run(t.Context(), text+"\n", false); err != nil && !strings.Contains(text, "timeout") {
					t.Fatalf("%s: %v", text, err)
				}
			}
			end()
			p.aside.Wait()
			if got := p.notices.take(); strings.Contains(got, "restarting instance a: done") != test.reported || strings.Count(got, "\n") > 1 {
				t.Errorf("got %q", got)
			}
		})
	}
}
