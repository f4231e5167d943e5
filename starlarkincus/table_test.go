package starlarkincus

import (
	"testing"

	"incus-star/starlarkincus/spec"
)

// Every declared method has an implementation, and every implementation a declaration.
func TestEveryMethodIsImplemented(t *testing.T) {
	declared := make(map[string]bool)
	count, times := 0, 0
	var visit func(r *spec.Resource)
	check := func(owner string, methods []spec.Method) {
		for _, m := range methods {
			count++
			declared[m.Impl] = true
			if implementations[m.Impl] == nil {
				t.Errorf("%s.%s: no implementation %q", owner, m.Name, m.Impl)
			}
			for _, f := range m.Arguments() { // each that is a time takes seconds and durations
				switch f.Script() {
				case "timeout", "interval", "delay", "pause":
					times++
					if f.Type != spec.Seconds && f.Type != spec.WholeSeconds {
						t.Errorf("%s.%s: %s takes %s, want seconds or a duration", owner, m.Name, f.Script(), f.Type)
					}
				}
			}
			if m.Result != nil {
				visit(m.Result)
			}
		}
	}
	seen := make(map[*spec.Resource]bool)
	visit = func(r *spec.Resource) {
		if seen[r] {
			return
		}
		seen[r] = true
		check(r.Name, r.CollectionMethods())
		check(r.Kind, r.ObjectMethods())
		for _, child := range r.Children {
			visit(child)
		}
	}
	for _, r := range spec.Collections {
		visit(r)
	}
	check("incus", spec.ClientMethods)
	for name := range implementations {
		if !declared[name] {
			t.Errorf("the implementation %q has no declaration", name)
		}
	}
	if count < 200 || times < 20 {
		t.Errorf("only %d methods, with %d times", count, times)
	}
}
