package starlarkincus_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// eachMethod calls visit for each method of the table, with the value to call it on. The site is nil for methods of a
// client.
func (w *tester) eachMethod(client starlark.Value, visit func(who string, p *spec.Site, m *spec.Method, owner starlark.Value)) {
	for _, p := range spec.Sites() {
		for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
			switch {
			case m.Collection && p.Name == "": // results of methods have no collection
			case m.Collection:
				visit(wayTo(p)+"."+m.Name, p, &m, w.collection(client, p))
			case slices.Contains(changesOnly, p.Kind):
			default:
				visit(p.Singular()+"."+m.Name, p, &m, w.object(client, p))
			}
		}
	}
	for i := range spec.ClientMethods {
		m := &spec.ClientMethods[i]
		visit("incus."+m.Name, nil, m, client)
	}
}

// changesOnly are kinds of objects that a client that only reads can't have.
var changesOnly = []string{"Lock", "Command"}

// With ReadOnly, each method whose effect isn't Reads is refused by name before anything is sent. All others work,
// except with arguments that cause changes.
func TestReadOnlyGoesByTheEffect(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t), ReadOnly: true}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	refused, read := 0, 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		a.take()
		base := w.required(who, m)
		_, err := called(w.attr(owner, m.Name), kwargs(base))
		arrived := a.take()
		if m.Effect == spec.Reads && m.WritesFiles {
			refused++
			if err == nil || !strings.Contains(err.Error(), "wasn't written: this run only reads") || len(arrived) > 0 {
				t.Errorf("%s, which writes a file: %v, after %v", who, err, arrived)
			}
			return
		}
		if m.Effect != spec.Reads {
			refused++
			var e *errors.Error
			if !errors.As(err, &e) || e.Class != errors.Permission || e.Outcome != errors.NotSent || !strings.Contains(e.Message, m.Name+" "+m.Effect.String()) || len(arrived) > 0 {
				t.Errorf("%s, which %s: %v, after %v", who, m.Effect, err, arrived)
			}
			return
		}
		read++
		if err != nil {
			t.Errorf("%s: %v", who, err)
		}
		for _, f := range m.Arguments() {
			args := map[string]starlark.Value{f.Script(): w.sample(&f)}
			maps.Copy(args, base)
			_, err := called(w.attr(owner, m.Name), kwargs(args))
			if err != nil && !errors.Is(err, errors.Permission) && !m.Offline {
				t.Errorf("%s(%s): %v", who, f.Script(), err)
			}
			for _, r := range a.take() {
				if r.method != "GET" || errors.Is(err, errors.Permission) {
					t.Errorf("%s(%s) sent %s %s: %v", who, f.Script(), r.method, r.path, err)
				}
			}
		}
	})
	if refused < 100 || read < 100 {
		t.Errorf("only %d methods were refused, and %d read", refused, read)
	}
	t.Logf("%d methods were refused, %d read", refused, read)
	for method, want := range map[string]bool{"GET": true, "get": true, "HEAD": false, "POST": false, "Delete": false} {
		_, err := starlark.Call(new(starlark.Thread), w.attr(client, "request"), starlark.Tuple{starlark.String(method), starlark.String("/1.0/profiles")}, nil)
		if arrived := a.take(); len(arrived) > 0 != want || errors.Is(err, errors.Permission) == want {
			t.Errorf("request(%q): %v, after %v", method, err, arrived)
		}
	}
}

// Reads of an error agrees with the effect of the method, whichever request failed.
func TestErrorsSayWhetherTheCallReads(t *testing.T) {
	t.Parallel()
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	failed := 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Offline || m.Does == spec.DoHasExtension {
			return
		}
		a.down(true)
		_, err := called(w.attr(owner, m.Name), kwargs(w.required(who, m)))
		a.down(false)
		var e *errors.Error
		if !errors.As(err, &e) || e.Reads != (m.Effect == spec.Reads) {
			t.Errorf("%s, which %s: %v, Reads: %v", who, m.Effect, err, e != nil && e.Reads)
			return
		}
		failed++
	})
	if failed < 250 {
		t.Errorf("only %d methods failed", failed)
	}
}
