package repl

import (
	"fmt"
	"slices"
	"testing"

	"incus-star/starlarkincus/spec"
)

// TestChangesOfMethods goes over every method of the module, alone and followed by calls that return the same object or another.
func TestChangesOfMethods(t *testing.T) {
	p := newLooking(t)
	yes := 0
	everyMethod(func(expr string, m *spec.Method) {
		want := slices.Contains([]spec.Effect{spec.Creates, spec.Changes, spec.Deletes}, m.Effect)
		if want {
			yes++
		}
		for _, form := range []string{"%s()", "(%s('a', x = 1))", "1\n%s()"} {
			text := fmt.Sprintf(form, expr) + "\n"
			if got := p.changes(text); got != want {
				t.Errorf("%s, which %s: %v", text, m.Effect, got)
			}
		}
	})
	if yes < 100 {
		t.Error("only ", yes, " change")
	}
	for text, want := range map[string]bool{
		"incus.instances.launch('a').wait_ready(network=True)": true, "incus.instances.get('a').start().refresh()": true,
		"incus.instances.get('a').start().state()": false, "incus.instances.get('a').wait_ready()": false, "incus.instances.get('a')": false,
		"incus.instances.get('a').start": false, "x = incus.instances.launch('a')": false, "unknown().start()": false, "x = (": false, "": false, "1; 2": false,
	} {
		if got := p.changes(text + "\n"); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
