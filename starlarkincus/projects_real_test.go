package starlarkincus_test

import (
	"os"
	"testing"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// Each reading verb is called for each resource of a missing project.
func TestRealMissingProject(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") != "" {
		t.Skip("for a single server")
	}
	var names []starlark.Value
	var visit func(all []*spec.Resource)
	visit = func(all []*spec.Resource) {
		for _, r := range all {
			if r.Scope != spec.OfServer {
				names = append(names, starlark.String(r.Name))
			}
			visit(r.Children)
		}
	}
	visit(spec.Collections)
	runScript(t, "testdata/with/projects.star", starlark.StringDict{"of_projects": starlark.NewList(names)})
}
