package builtin_test

import (
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// TestMisnamedArguments calls each function of scripts with a slip of the pen in the name of each parameter: the error suggests the
// parameter. A name that is far from all isn't suggested another one.
func TestMisnamedArguments(t *testing.T) {
	w := newWorld(t)
	tried := 0
	for name, d := range host.Declarations() {
		if d.Call == nil || slices.ContainsFunc(d.Params, func(p builtin.Param) bool { return p.Passing == builtin.Keywords }) {
			continue
		}
		call := func(argument string) string {
			_, err := starlark.Call(w.thread, d.Function(), nil, []starlark.Tuple{{starlark.String(argument), starlark.None}})
			if err == nil {
				return ""
			}
			return err.Error()
		}
		for _, p := range d.Params {
			if p.Passing == builtin.ByPosition || p.Passing == builtin.Rest || len(p.Name) < 4 {
				continue
			}
			slip := p.Name[:2] + p.Name[3:] // without the third letter
			if slices.ContainsFunc(d.Params, func(p builtin.Param) bool { return p.Name == slip }) {
				continue
			}
			tried++
			if got := call(slip); !strings.HasPrefix(got, d.Name+": unexpected keyword argument ") || !strings.HasSuffix(got, "(did you mean "+p.Name+"?)") {
				t.Errorf("%s(%s = None): %s", name, slip, got)
			}
		}
		if got := call("qqqqqqqq"); got != d.Name+`: unexpected keyword argument "qqqqqqqq"` {
			t.Errorf("%s: %s", name, got)
		}
	}
	if tried < 80 {
		t.Errorf("only %d names", tried)
	}
}
