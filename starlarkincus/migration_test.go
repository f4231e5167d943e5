package starlarkincus_test

import (
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// If the answer to the creation of a copy is lost, or its refresh fails, the error names the copy.
func TestFailedCopiesAreNamed(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	here, there := w.client(), w.client()
	pool := `incus.storage_pools.get("abc123").volumes.get("abc123", type = "custom")`
	for kind, get := range map[string]string{"/1.0/instances": `incus.instances.get("abc123")`, "/1.0/storage-pools/abc123/volumes/custom": pool} {
		for _, mode := range []string{"pull", "push", "relay"} {
			for _, refresh := range []string{"False", "True"} {
				copied := func() *errors.Error {
					h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": here, "there": there}})
					err := h.RunSource(t.Context(), "script", []byte(get+`.copy("other", to = there, mode = "`+mode+`", refresh = `+refresh+`)`))
					var e *errors.Error
					if !errors.As(err, &e) {
						t.Fatalf("%s, mode=%s, refresh=%s: %v", kind, mode, refresh, err)
					}
					return e
				}
				a.reset()
				a.mu.Lock()
				a.free, a.failing = true, map[string]string{"POST " + kind: "lost"}
				a.mu.Unlock()
				if e := copied(); e.Class != errors.Connection || e.Outcome != errors.Unknown ||
					!strings.HasSuffix(e.Message, "; the copy other may be on the other server, whole or in part") {
					t.Errorf("%s, mode=%s, refresh=%s: %v, %s", kind, mode, refresh, e, e.Outcome)
				}
				if refresh == "False" { // a failed copy that can't be looked for
					a.reset()
					a.mu.Lock()
					a.free, a.failed, a.failing = true, "disk failure", map[string]string{"GET " + kind + "/other": "lost"}
					a.mu.Unlock()
					if e := copied(); e.Class != errors.Operation || e.Outcome != errors.Unknown || !strings.HasSuffix(e.Message, "; the copy other may be on the other server, whole or in part") {
						t.Errorf("%s, mode=%s: %v, %s", kind, mode, e, e.Outcome)
					}
					continue
				}
				a.reset()
				a.mu.Lock()
				a.failed = "disk failure"
				a.mu.Unlock()
				if e := copied(); e.Class != errors.Operation || e.Outcome != errors.Unknown || !strings.HasSuffix(e.Message, "; the copy other may be refreshed in part: refresh it again") {
					t.Errorf("%s, mode=%s: %v, %s", kind, mode, e, e.Outcome)
				}
			}
		}
	}
}
