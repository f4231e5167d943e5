package starlarkincus_test

import (
	"strings"
	"testing"
	"time"
)

// TestCopiesRemovedLate stops the client at each request of each kind of copy, when the server removes the unfinished copy only
// after the end of its operation, as Incus does: it isn't reported.
func TestCopiesRemovedLate(t *testing.T) {
	for _, kind := range []string{"instances", "volumes"} {
		for _, mode := range []string{"pull", "push", "relay"} {
			t.Run(kind+" "+mode, func(t *testing.T) {
				t.Parallel()
				path, script := migration(kind, mode, "copy")
				whole := &stopMoment{path: path, at: -1}
				if report := whole.run(t, script); report != "" {
					t.Fatalf("not stopped: %s", report)
				}
				whole.mu.Lock()
				defer whole.mu.Unlock()
				var moments []*stopMoment
				for at := range whole.requests {
					moments = append(moments, &stopMoment{path: path, fate: late, at: at, grace: 10 * time.Second})
				}
				runMoments(4, moments, func(m *stopMoment) {
					if report := m.run(t, script); strings.Contains(report, "is unfinished on the other server") {
						t.Errorf("request %d of %d: %s", m.at, m.requests, report)
					}
				})
			})
		}
	}
}
