package cli

import (
	"testing"
	"time"
)

// Two signals at once, as the command timeout sends them, are one; a person's second Ctrl-C is another.
func TestRepeatedSignals(t *testing.T) {
	var m moment
	now := time.Now()
	for i, test := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {0, true}, {time.Millisecond, true}, {50 * time.Millisecond, false}, {9 * time.Millisecond, true}, {time.Second, false}} {
		now = now.Add(test.after)
		if got := m.repeated(now); got != test.want {
			t.Errorf("signal %d, %v after the one before: %v", i, test.after, got)
		}
	}
}
