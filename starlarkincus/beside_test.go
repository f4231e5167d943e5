package starlarkincus_test

import (
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestArgumentsBesideOthers calls each method with each argument that has an effect only beside another one, without the
// other, and with False for it. Nothing is sent, except by a change of an object that may have the other already.
func TestArgumentsBesideOthers(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	a.override = map[string]any{"restricted": false}
	client := w.client()
	tried := 0
	try := func(who string, on func() starlark.Value, m *spec.Method) {
		args := m.Arguments()
		for i := range args {
			f := &args[i]
			other := spec.Find(args, f.Beside)
			if f.Beside == "" {
				continue
			}
			if other == nil {
				t.Errorf("%s has no %s= beside %s=", who, f.Beside, f.Script())
				continue
			}
			given := w.required(who, m)
			if given[f.Script()] = w.sample(f); f.Others == spec.Refused {
				given[f.Script()] = starlark.String(f.Values[0])
			}
			method := w.attr(on(), m.Name)
			a.take()
			refused := func(writes bool) {
				t.Helper()
				tried++
				_, err := starlark.Call(new(starlark.Thread), method, nil, kwargs(given))
				if err == nil || !strings.Contains(err.Error(), f.Script()+"= has an effect only with "+other.Script()+"=") {
					t.Errorf("%s without %s=: %v", who, other.Script(), err)
				}
				sent := a.take()
				if slices.ContainsFunc(sent, func(r arrival) bool { return !writes || r.method != "GET" }) {
					t.Errorf("%s without %s= sends %v", who, other.Script(), sent)
				}
			}
			delete(given, other.Script())
			refused(m.Verb&(spec.Update|spec.Replace) != 0)
			given[other.Script()] = starlark.None
			refused(m.Verb&(spec.Update|spec.Replace) != 0)
			if other.Type == spec.Bool {
				given[other.Script()] = starlark.False
				refused(false)
			}
		}
	}
	for _, p := range spec.Sites() {
		for _, m := range p.CollectionMethods() {
			if p.Name != "" {
				try(wayTo(p)+"."+m.Name, func() starlark.Value { return w.collection(client, p) }, &m)
			}
		}
		for _, m := range p.ObjectMethods() {
			try(p.Singular()+"."+m.Name, func() starlark.Value { return w.object(client, p) }, &m)
		}
	}
	for i := range spec.ClientMethods {
		try("incus."+spec.ClientMethods[i].Name, func() starlark.Value { return client }, &spec.ClientMethods[i])
	}
	if tried < 40 {
		t.Errorf("only %d calls", tried)
	}

	// A change counts what the object has.
	certificate := w.call(w.attr(w.attr(client, "certificates"), "get"), starlark.Tuple{starlark.String("abc123")}, nil)
	projects := kwargs(map[string]starlark.Value{"projects": starlark.NewList([]starlark.Value{starlark.String("web")})})
	restricted := append(slices.Clone(projects), starlark.Tuple{starlark.String("restricted"), starlark.True})
	override := func(fields map[string]any) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.override = fields
	}
	for _, change := range []string{"update", "replace"} {
		w.call(w.attr(certificate, change), nil, restricted)
		override(map[string]any{"restricted": true})
		certificate = w.call(w.attr(certificate, "refresh"), nil, nil)
		w.call(w.attr(certificate, change), nil, projects)
		override(map[string]any{"restricted": false})
		certificate = w.call(w.attr(certificate, "refresh"), nil, nil)
	}
}
