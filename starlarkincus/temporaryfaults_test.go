package starlarkincus_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus/host"
)

// TestTemporaryFaults loses each request, or its answer, of calls that make something temporary. Nothing of it may be left
// afterwards, unless the error names it. Only the server knows an offer if the answer to its request was lost.
func TestTemporaryFaults(t *testing.T) {
	for _, name := range []string{"instance.publish, force", "instance.publish, snapshot", "image.copy, pull", "image.copy, push", "lock"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script, kept := temporaries[name], strings.HasSuffix(name, ", kept")
			whole := &temporaryWorld{at: -1, kept: kept, lingers: time.Millisecond}
			if report := whole.run(t, script, host.Options{}); report != "" {
				t.Fatalf("without a fault: %s", report)
			}
			var all sync.WaitGroup
			defer all.Wait()
			turns := make(chan struct{}, 16) // they mostly wait
			requests := whole.count()
			for at := range requests {
				for _, fault := range []fault{faultDropped, faultUnanswered, faultServedLate, faultUnavailable} {
					turns <- struct{}{}
					all.Go(func() {
						defer func() { <-turns }()
						m := &temporaryWorld{at: at, kept: kept, fault: fault, lingers: 100 * time.Millisecond}
						report := m.run(t, script, host.Options{Grace: time.Minute})
						m.late.Wait()
						for _, s := range m.servers {
							for _, left := range s.left() {
								offered := strings.HasPrefix(name, "image.copy") && strings.HasPrefix(m.last, "POST ")
								if !offered && !strings.Contains(report, left) {
									t.Errorf("request %d of %d, %s, %s: %s is left: %s", at, requests, m.last, fault, left, report)
								}
							}
						}
					})
				}
			}
		})
	}
}
