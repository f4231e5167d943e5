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

// With ReadOnly, each method whose effect isn't Reads is refused by name before anything is sent, except ensure. All others work,
// except with arguments that cause changes.
func TestReadOnlyGoesByTheEffect(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t), ReadOnly: true}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	refused, read := 0, 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Does == spec.DoEnsure {
			return
		}
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

// With ReadOnly, each ensure succeeds with each of its arguments where the same call of another client changes nothing, on a
// server that has the object and on one that hasn't. Otherwise the error names the differing fields. Only GETs are sent.
func TestReadOnlyEnsureFindsDifferences(t *testing.T) {
	a := newAnswers()
	env := a.serve(t)
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: env}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.options.ReadOnly = true
	reader := w.client()
	equal, differing, absent := 0, 0, 0
	for _, p := range spec.Sites() {
		for _, m := range p.CollectionMethods() {
			if m.Does != spec.DoEnsure {
				continue
			}
			who := wayTo(p) + ".ensure"
			a.reset()
			read, write := w.attr(w.collection(reader, p), m.Name), w.attr(w.collection(client, p), m.Name)
			for _, f := range append(m.Arguments(), spec.Field{}) {
				args := w.required(who, &m)
				if f.Name != "" {
					args[f.Script()] = w.sample(&f)
				}
				for _, empty := range []bool{false, true} {
					a.reset()
					w.set(func(a *answers) { a.empty = empty })
					a.take()
					v, err := called(read, kwargs(args))
					for _, r := range a.take() {
						if r.method != "GET" {
							t.Errorf("%s(%s): sent %s %s", who, f.Script(), r.method, r.path)
						}
					}
					written, failed := called(write, kwargs(args))
					var e *errors.Error
					switch refused := errors.As(err, &e) && e.Class == errors.Permission && e.Outcome == errors.NotSent; {
					case failed != nil: // an argument that the object can't have
					case refused && w.attr(written, "changed") == starlark.True && e.Fields["differing"] != nil && !empty:
						differing++
					case refused && w.attr(written, "changed") == starlark.True && strings.Contains(e.Message, "there is no") && empty:
						absent++
					case err == nil && w.attr(v, "changed") == starlark.False && w.attr(written, "changed") == starlark.False:
						equal++
					default:
						t.Errorf("%s(%s), empty: %v: %v, and with a client that writes %v", who, f.Script(), empty, err, written)
					}
				}
			}
		}
	}
	t.Logf("%d calls found no difference, %d found one, %d no object", equal, differing, absent)
	if equal < 20 || differing < 50 || absent < 50 {
		t.Error("too few")
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
