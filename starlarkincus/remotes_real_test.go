package starlarkincus_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.starlark.net/starlark"
)

// TestRealRemotes joins a real server with tokens, with a configuration that the calls make.
func TestRealRemotes(t *testing.T) {
	needsIncus(t)
	t.Setenv("INCUS_CONF", filepath.Join(t.TempDir(), "incus"))
	runScript(t, "testdata/with/remotes.star", starlark.StringDict{"endpoint": starlark.String(os.Getenv("INCUS_STAR_TESTBED_ENDPOINT"))})
}
