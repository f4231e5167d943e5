package starlarkincus_test

import (
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// A deletion by force that the server refuses ends soon, and its outcome tells whether the instance was stopped for it. One
// of an instance that can't be deleted doesn't stop it.
func TestRefusedForce(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	const stop, remove = "PUT /1.0/instances/abc123/state", "DELETE /1.0/instances/abc123"
	for _, c := range []struct {
		name, status, protected, refusal string
		outcome                          errors.Outcome
		sent                             []string
	}{
		{"protected", "Running", "true", "", errors.NotSent, nil},
		{"protected and stopped", "Stopped", "1", "", errors.NotSent, nil},
		{"refused when stopped", "Stopped", "", "400 Instance has delete protection enabled", errors.Refused, []string{remove, remove, remove}},
		{"refused after the stop", "Running", "", "400 Instance is running", errors.Unknown, []string{stop, remove, stop, remove, stop, remove}},
		{"forbidden after the stop", "Running", "false", "403 not authorized", errors.Unknown, []string{stop, remove}},
		{"forbidden", "Stopped", "", "403 not authorized", errors.Refused, []string{remove}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a.reset()
			a.mu.Lock()
			a.override = map[string]any{"status": c.status, "expanded_config": map[string]any{"security.protection.delete": c.protected}}
			if c.refusal != "" {
				a.failing = map[string]string{remove: c.refusal}
			}
			a.mu.Unlock()
			h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}})
			err := h.RunSource(t.Context(), "script", []byte(`incus.instances.delete("abc123", force = True)`))
			var sent []string
			for _, r := range a.take() {
				if r.method != "GET" {
					sent = append(sent, r.method+" "+r.path)
				}
			}
			e := (*errors.Error)(nil)
			if !errors.As(err, &e) || e.Outcome != c.outcome || strings.Contains(e.Message, "it was stopped") != (c.outcome == errors.Unknown) || !slices.Equal(sent, c.sent) {
				t.Errorf("%v, %v, sent %q", err, e.Outcome, sent)
			}
		})
	}
}
