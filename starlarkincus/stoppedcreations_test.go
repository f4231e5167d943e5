package starlarkincus_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A lastReader is a server that stops its caller at the first read after a creation that has ended.
type lastReader struct {
	answers *answers
	mu      sync.Mutex
	created bool
	stop    func() // nil after the stop
}

func (l *lastReader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	aside := r.URL.Path == "/1.0" || r.URL.Path == "/1.0/events" || strings.HasPrefix(r.URL.Path, "/1.0/operations/")
	l.mu.Lock()
	stop := l.stop
	if r.Method == "GET" && l.created && !aside {
		l.stop = nil
	} else {
		stop = nil
	}
	l.created = l.created || r.Method == "POST" && !aside
	l.mu.Unlock()
	if stop == nil {
		l.answers.ServeHTTP(w, r)
		return
	}
	stop()
	select {
	case <-r.Context().Done():
	case <-time.After(30 * time.Second):
	}
}

// TestStoppedCreations stops each method that creates an object while it reads the object: nobody has it, so the report names what
// was done.
func TestStoppedCreations(t *testing.T) {
	a := newAnswers()
	l := &lastReader{answers: a}
	w, client := testerOn(t, a, l)
	stopped := 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Offline || m.Effect != spec.Creates || m.Does == spec.DoLock || strings.HasPrefix(m.Name, "export") { // those delete what they create
			return
		}
		fn, args := w.attr(owner, m.Name), kwargs(w.required(who, m))
		a.reset()
		w.set(func(a *answers) { a.empty, a.free = m.Does == spec.DoEnsure, true })
		defer a.reset()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ctx, work := rest.Track(ctx)
		defer work.Close()
		l.mu.Lock()
		l.created, l.stop = false, cancel
		l.mu.Unlock()
		thread := new(starlark.Thread)
		builtin.Bind(thread, builtin.Binding{Context: ctx})
		_, err := starlark.Call(thread, fn, nil, args)
		l.mu.Lock()
		held := l.stop == nil
		l.stop = nil
		l.mu.Unlock()
		if !held || err == nil {
			return
		}
		stopped++
		work.Settle(t.Context(), 10*time.Second)
		if left := work.Running(t.Context()); len(left) == 0 {
			t.Errorf("%s: nothing is reported: %v", who, err)
		}
	})
	t.Logf("stopped %d methods", stopped)
	if stopped < 25 {
		t.Error("too few")
	}
}
