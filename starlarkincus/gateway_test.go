package starlarkincus_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestProxyInTheWay calls each method by retry through a proxy that answers its first change, or its first request, by itself: the
// class is that of an unavailable server, the outcome of a change is unknown, as the proxy may deliver it, and only ensure and
// what changes nothing is called again.
func TestProxyInTheWay(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	forms := map[string]string{
		"page": "<html><head><title>Bad Gateway</title></head></html>",
		"JSON": `{"message": "no upstream"}`,
	}
	tried := map[string]int{}
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Offline || m.Does == spec.DoWait {
			return // an operation that has ended needs no request
		}
		fn, args := w.attr(owner, m.Name), kwargs(w.required(who, m))
		a.reset()
		w.set(func(a *answers) { a.empty = m.Does == spec.DoEnsure })
		_, err := called(fn, args)
		requests := a.take()
		a.reset()
		if err != nil {
			return
		}
		if len(requests) == 0 {
			return
		}
		kind, first := "read", requests[0]
		for _, r := range requests {
			if r.method != "GET" {
				kind, first = "change", r
				break
			}
		}
		switch {
		case strings.HasSuffix(first.path, "/sftp"):
			return // the connection of the call before may be used, or just have ended
		case m.Does == spec.DoEnsure:
			kind = "ensure"
		case strings.HasPrefix(m.Name, "export") && strings.HasSuffix(first.path, "/backups"):
			kind = "export" // of a backup that isn't kept
		}
		for form, body := range forms {
			for _, status := range []int{502, 503, 504} {
				if kind == "read" && (502+len(who)%3 != status || (form == "page") != (len(who)%2 == 0)) {
					continue // one of the six is enough for a read
				}
				a.mu.Lock() // a late request of the call before
				a.empty = kind == "ensure"
				a.failing = map[string]string{first.method + " " + first.path: fmt.Sprintf("page %d %s", status, body)}
				a.mu.Unlock()
				var out bytes.Buffer
				calls := 0
				h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: starlark.StringDict{
					"call": starlark.NewBuiltin("call", func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
						calls++
						return starlark.Call(thread, fn, nil, args)
					})}})
				err := h.RunSource(t.Context(), "script", []byte("retry(call, times = 3, delay = 0)"))
				tried[kind]++
				var e *errors.Error
				if !errors.As(err, &e) {
					t.Errorf("%s, %s %d: no error: %v", who, form, status, err)
					continue
				}
				if e.Class == errors.Script {
					continue // a move changes the object, so that it isn't tried again
				}
				wantCalls, wantOutcome := 3, errors.Outcome("")
				switch {
				case kind == "change":
					wantCalls, wantOutcome = 1, errors.Unknown
				case kind == "ensure":
					wantOutcome = errors.Unknown
				case m.Effect != spec.Reads:
					wantOutcome = errors.NotSent
				}
				if e.Class != errors.Unavailable || e.Outcome != wantOutcome || calls != wantCalls {
					t.Errorf("%s (%s), %s %d: %d calls, outcome %q: %v", who, first, form, status, calls, e.Outcome, e)
				}
			}
		}
		a.reset()
	})
	t.Logf("calls: %v", tried)
	if tried["change"] < 1000 || tried["ensure"] < 100 || tried["export"] < 30 || tried["read"] < 150 {
		t.Error("too few")
	}
}
