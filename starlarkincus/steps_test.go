package starlarkincus_test

import (
	"maps"
	"slices"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// A failed operation of several steps may have made one of them, whatever reason the server gives; that of a single one has
// not.
func TestSteps(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	const instance, volume = `incus.instances.get("abc123")`, `incus.storage_pools.get("abc123").volumes.get("abc123", type = "custom")`
	calls := map[string]errors.Outcome{
		instance + `.restart()`:                          errors.Unknown,
		instance + `.restart(wait = False).wait()`:       errors.Unknown,
		instance + `.rebuild()`:                          errors.Unknown,
		instance + `.restore("s")`:                       errors.Unknown,
		volume + `.rebuild()`:                            errors.Unknown,
		`incus.cluster.members.get("abc123").evacuate()`: errors.Unknown,
		`incus.cluster.members.get("abc123").restore()`:  errors.Unknown,
		instance + `.start()`:                            errors.Refused,
		instance + `.stop()`:                             errors.Refused,
		instance + `.stop(wait = False).wait()`:          errors.Refused,
		instance + `.snapshots.create("s")`:              errors.Refused,
	}
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		for reason, busy := range map[string]bool{"The instance is already stopped": false, `Instance is busy running a "stop" operation`: true} {
			a.reset()
			a.mu.Lock()
			a.failed = reason
			a.mu.Unlock()
			h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}})
			var e *errors.Error
			if err := h.RunSource(t.Context(), "script", []byte(call)); !errors.As(err, &e) {
				t.Errorf("%s: %v", call, err)
				continue
			}
			want := calls[call]
			if busy {
				want = errors.Refused
			}
			if e.Outcome != want || !e.Class.IsA(errors.Operation) {
				t.Errorf("%s, %s: %s, want %s: %v", call, reason, e.Outcome, want, e)
			}
		}
	}
}
