package starlarkincus

import (
	"testing"

	"incus-star/starlarkincus/spec"
)

// Each declared method has a behavior, and each behavior has a function and a method.
func TestEveryMethodHasABehavior(t *testing.T) {
	declared := make(map[spec.Behavior]string) // a method with the behavior
	count, times := 0, 0
	var visit func(r *spec.Resource)
	check := func(owner string, methods []spec.Method) {
		for _, m := range methods {
			count++
			declared[m.Does] = owner + "." + m.Name
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
		switch {
		case declared[b] == "":
			t.Errorf("no method has behavior %d of spec/behavior.go", b)
		case behaviors[b] == nil:
			t.Errorf("the behavior of %s has no function in behaviors, in verbs.go", declared[b])
		}
	}
	if declared[0] != "" {
		t.Errorf("%s has no behavior in the column Does", declared[0])
	}
	if count < 200 || times < 20 {
		t.Errorf("only %d methods, with %d times", count, times)
	}
}
