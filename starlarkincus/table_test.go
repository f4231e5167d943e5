package starlarkincus

import (
	"testing"

	"incus-star/starlarkincus/spec"
)

// Each declared method has a behavior, and each behavior has a function and a method.
func TestEveryMethodHasABehavior(t *testing.T) {
	declared := make(map[spec.Behavior]bool)
	count, times := 0, 0
	var visit func(r *spec.Resource)
	check := func(owner string, methods []spec.Method) {
		for _, m := range methods {
			count++
			declared[m.Does] = true
			for _, f := range m.Arguments() { // each that is a time takes seconds and durations
				switch f.Script() {
				case "timeout", "interval", "delay", "pause":
					times++
					if f.Type != spec.Seconds && f.Type != spec.WholeSeconds {
						t.Errorf("%s.%s: %s takes %s, want seconds or a duration", owner, m.Name, f.Script(), f.Type)
					}
				}
			}
			for _, of := range []*spec.Resource{m.Returns.Of, m.Handle} {
				if of != nil {
					visit(of)
				}
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
	for b := spec.Behavior(1); b < spec.Behaviors; b++ {
		if behaviors[b] == nil || !declared[b] {
			t.Errorf("behavior %d: has a function: %v; is a method's: %v", b, behaviors[b] != nil, declared[b])
		}
	}
	if declared[0] {
		t.Error("a method has no behavior")
	}
	if count < 200 || times < 20 {
		t.Errorf("only %d methods, with %d times", count, times)
	}
}
