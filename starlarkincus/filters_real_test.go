package starlarkincus_test

import (
	"os"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// Each field is used as a filter with each value of an object.
func TestRealFilters(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") != "" {
		t.Skip("for a single server")
	}
	types := map[spec.Type]string{spec.Config: "config", spec.Devices: "devices", spec.Object: "object", spec.Any: "object",
		spec.Objects: "objects", spec.String: "string", spec.Name: "string"}
	fields := starlark.NewBuiltin("fields", func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		var out []starlark.Value
		r := args[0].(*starlarkincus.Collection).Resource()
		for _, f := range spec.With(r.Fields, spec.Read) {
			out = append(out, starlark.Tuple{starlark.String(f.Script()), starlark.String(types[f.Type])})
		}
		return starlark.NewList(out), nil
	})
	runScript(t, "testdata/with/filters.star", starlark.StringDict{"fields": fields})
}
