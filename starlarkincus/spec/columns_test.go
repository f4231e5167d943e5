package spec_test

import (
	"slices"
	"testing"

	"incus-star/starlarkincus/spec"
)

// everyMethod calls visit for each method of the table. For methods of a client, r is nil.
func everyMethod(visit func(who string, r *spec.Resource, m *spec.Method)) {
	seen := make(map[*spec.Resource]bool)
	var walk func(r *spec.Resource)
	walk = func(r *spec.Resource) {
		if r == nil || seen[r] {
			return
		}
		seen[r] = true
		for _, m := range slices.Concat(r.CollectionMethods(), r.ObjectMethods()) {
			visit(r.Kind+"."+m.Name, r, &m)
			walk(m.Returns.Of)
		}
		for _, child := range r.Children {
			walk(child)
		}
	}
	for _, r := range spec.Collections {
		walk(r)
	}
	for i := range spec.ClientMethods {
		m := &spec.ClientMethods[i]
		visit("incus."+m.Name, nil, m)
		walk(m.Returns.Of)
	}
}

// TestEveryMethodHasItsColumns checks that every method declares its behavior, result and effect, and that these agree
// with its requests.
func TestEveryMethodHasItsColumns(t *testing.T) {
	count := 0
	everyMethod(func(who string, r *spec.Resource, m *spec.Method) {
		count++
		if m.Does <= 0 || m.Does >= spec.Behaviors || m.Returns.Shape == 0 || m.Effect == 0 {
			t.Errorf("%s: lacks a behavior, a result or an effect: %d, %v, %d", who, m.Does, m.Returns, m.Effect)
		}
		object := slices.Contains([]spec.Shape{spec.Itself, spec.One, spec.ListOf, spec.Struct, spec.Stream}, m.Returns.Shape)
		if object != (m.Returns.Of != nil) {
			t.Errorf("%s returns %v", who, m.Returns)
		}
		if m.Returns.Maybe && m.Returns.Shape != spec.Itself || m.Returns.Shape == spec.Itself && m.Collection {
			t.Errorf("%s can't return %v", who, m.Returns)
		}
		if m.Takes != nil && m.Effect != spec.Deletes && m.Effect != spec.Changes {
			t.Errorf("%s takes objects with it, and its effect is %d", who, m.Effect)
		}
		changes := slices.ContainsFunc(m.Sends(r), func(q spec.Request) bool { return q.HTTP != "GET" && q.HTTP != "HEAD" })
		switch {
		case m.Does == spec.DoWaitReady: // the command that it runs only waits
		case m.Effect == spec.AsAsked:
		case changes != (m.Effect != spec.Reads):
			t.Errorf("%s: its effect is %d, and it sends %v", who, m.Effect, m.Sends(r))
		}
	})
	if count < 400 {
		t.Errorf("only %d methods", count)
	}
}

// keptBelow lists the children that outlive their parent, with the reason.
var keptBelow = map[string]string{
	"Pool.volumes": "a pool with volumes can't be deleted",
	"Pool.buckets": "nor one with buckets",
}

// TestDeletesTakeChildren checks that all children that can be created below an object are declared to be deleted with
// it, or to stay.
func TestDeletesTakeChildren(t *testing.T) {
	var walk func(r *spec.Resource)
	walk = func(r *spec.Resource) {
		for _, child := range r.Children {
			made := child.Verbs&spec.New != 0 && child.Verbs&spec.Get != 0 && r.Verbs&spec.Delete != 0
			if made && child.Name != "templates" && child.Name != "nvram" && slices.Contains(r.Takes, child) != (keptBelow[r.Kind+"."+child.Name] == "") {
				t.Errorf("a deleted %s takes its %s along: %v", r.One(), child.Name, slices.Contains(r.Takes, child))
			}
			walk(child)
		}
	}
	for _, r := range spec.Collections {
		walk(r)
	}
}
