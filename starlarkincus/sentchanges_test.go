package starlarkincus_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A holder is a server that doesn't answer one request, and stops its caller instead.
type holder struct {
	answers *answers
	mu      sync.Mutex
	changes bool   // the request is the first that changes something, else the first read
	stop    func() // nil after the request
	before  bool   // a change came before it
}

func (h *holder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	changes := r.Method != "GET"
	// The wait for an operation comes after a change, perhaps that of the call before.
	aside := r.URL.Path == "/1.0" || r.URL.Path == "/1.0/events" || !changes && strings.HasPrefix(r.URL.Path, "/1.0/operations/")
	h.mu.Lock()
	stop := h.stop
	if changes == h.changes && !aside && stop != nil {
		h.stop = nil
	} else {
		stop, h.before = nil, h.before || changes
	}
	h.mu.Unlock()
	if stop == nil {
		h.answers.ServeHTTP(w, r)
		return
	}
	io.Copy(io.Discard, r.Body)
	stop()
	select {
	case <-r.Context().Done():
	case <-time.After(30 * time.Second):
	}
}

// testerOn returns a tester of a and a client whose requests a handler gets. Their files are those of a.
func testerOn(t *testing.T, a *answers, handler http.Handler) (w *tester, client *starlarkincus.Client) {
	a.serve(t) // the files
	socket, end := onSocket(t, handler)
	t.Cleanup(end)
	w = &tester{T: t, answers: a, options: starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": socket}[name]
	}}}, pem: testPEM(t), file: testFile(t)}
	client = w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	return w, client
}

// TestStoppedCallsCountTheirChanges stops each method that changes something while its first change isn't answered, and while its
// first read isn't: the call then counts as one that may have changed something, or not.
func TestStoppedCallsCountTheirChanges(t *testing.T) {
	a := newAnswers()
	h := &holder{answers: a}
	w, client := testerOn(t, a, h)
	stopped := map[bool]int{}
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Offline || m.Effect == spec.Reads {
			return
		}
		fn, args := w.attr(owner, m.Name), kwargs(w.required(who, m))
		for _, changes := range []bool{true, false} {
			a.reset()
			ctx, cancel := context.WithCancel(t.Context())
			h.mu.Lock()
			h.changes, h.stop, h.before = changes, cancel, false
			h.mu.Unlock()
			thread := new(starlark.Thread)
			b := builtin.Bind(thread, builtin.Binding{Context: ctx})
			v, err := starlark.Call(thread, fn, nil, args)
			if stream, ok := v.(builtin.Stream); ok {
				stream.Close(context.Background(), err)
			}
			h.mu.Lock()
			held, before := h.stop == nil, h.before
			h.stop = nil
			h.mu.Unlock()
			cancel()
			if !held || before || err == nil {
				continue
			}
			if !changes && strings.Contains(err.Error(), "the connection to the files of ") {
				continue // it was closed by reset, in the middle of the call, and the read asked for the reason
			}
			stopped[changes]++
			undone := strings.HasPrefix(m.Name, "export") // deletes its backup
			if (b.Sent > 0) != (changes && !undone) {
				t.Errorf("%s, stopped at its first change: %v: %d changes: %v", who, changes, b.Sent, strings.TrimSpace(err.Error()))
			}
		}
	})
	t.Logf("stopped at a change and at a read: %v", stopped)
	if stopped[true] < 100 || stopped[false] < 30 {
		t.Error("too few")
	}
}
