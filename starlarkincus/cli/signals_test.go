package cli

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Two signals at once, as the command timeout sends them, are one; a person's second Ctrl-C is another.
func TestRepeatedSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 3)
		out := distinct(signals)
		var got []int
		for i, after := range []time.Duration{0, 0, time.Millisecond, 50 * time.Millisecond, 9 * time.Millisecond, time.Second} {
			time.Sleep(after)
			signals <- syscall.SIGTERM
			synctest.Wait()
			select {
			case <-out:
				got = append(got, i)
			default:
			}
		}
		if want := []int{0, 3, 5}; !slices.Equal(got, want) {
			t.Errorf("the signals %v counted, want %v", got, want)
		}
		close(signals)
		for range out {
			t.Error("another signal")
		}
	})
}
