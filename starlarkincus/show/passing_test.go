package show

import (
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// passed is a value that is read once.
type passed struct {
	starlark.NoneType
	kind string
}

func (p passed) Type() string   { return p.kind }
func (p passed) String() string { return "<" + p.kind + ">" }

// TestPassingValues checks that a value for one loop is shown with a loop that Starlark accepts.
func TestPassingValues(t *testing.T) {
	for _, kind := range []string{"events", "lines", "stream"} {
		shown := Text(passed{kind: kind}, Style{Width: 80})
		checkLines(t, kind, shown, Style{Width: 80})
		first, note, _ := strings.Cut(shown, "\n")
		loop, _, found := strings.Cut(note, ") ")
		if first != "<"+kind+">" || !found {
			t.Errorf("%q", shown)
		}
		if _, err := new(syntax.FileOptions).Parse("", loop+")\n", 0); err != nil || !strings.Contains(loop, "in _:") {
			t.Errorf("%q: %v", loop, err)
		}
	}
}
