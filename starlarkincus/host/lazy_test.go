package host

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// parallel takes its items as it goes: more of them than there is memory for end by time, by steps and by a signal.
func TestParallelOverALongRange(t *testing.T) {
	for _, test := range []struct {
		script   string
		maxSteps uint64
		limit    time.Duration
		cause    error
	}{
		{"parallel(lambda i: None, range(1 << 40))", 0, 300 * time.Millisecond, ErrTimeout},
		{"parallel(len, range(1 << 40), limit=1)", 0, 300 * time.Millisecond, nil},
		{"parallel(bool, range(1 << 40))", 0, 300 * time.Millisecond, ErrTimeout},
		{"parallel(bool, range(1 << 40))", 10_000, time.Minute, ErrSteps},
		{"parallel(lambda i: None, range(1 << 40))", 10_000, time.Minute, ErrSteps},
		{"parallel(lambda i: sleep(0.001), range(1 << 40), limit=10000)", 0, 500 * time.Millisecond, ErrTimeout},
		{"parallel(lambda i: parallel(bool, range(1 << 40)), range(1 << 40))", 0, 300 * time.Millisecond, ErrTimeout},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ctx, cancel := context.WithTimeoutCause(t.Context(), test.limit, ErrTimeout)
		start := time.Now()
		err := New(Options{MaxSteps: test.maxSteps}).RunSource(ctx, "x.star", []byte(test.script))
		cancel()
		runtime.ReadMemStats(&after)
		if test.cause == nil && err == nil || test.cause != nil && !errors.Is(err, test.cause) {
			t.Errorf("%s: %v", test.script, err)
		}
		if took := time.Since(start); took > test.limit+10*time.Second {
			t.Errorf("%s: took %v", test.script, took)
		}
		if grown := int64(after.Sys-before.Sys) >> 20; grown > 700 {
			t.Errorf("%s: took %d MiB", test.script, grown)
		}
	}
}

func TestParallelItems(t *testing.T) {
	for script, want := range map[string]string{
		"l = [1, 2]\ndef f(i):\n    if len(l) < 9:\n        l.append(i)\n    return i\nprint([r.value for r in parallel(f, l)], l)": "[1, 2] [1, 2, 1, 2]\n",
		"d = {1: 2}\nprint([r.value for r in parallel(lambda k: d.pop(k), d)], d)":                                                  "[2] {}\n",
		`print([r.value for r in parallel(lambda c: c, "ab".elems(), limit=1)])`:                                                    `["a", "b"]` + "\n",
		"print([r.value for r in parallel(lambda c: c, (1, 2))], parallel(bool, range(0)), parallel(bool, []))":                     "[1, 2] [] []\n",
		"print(len(parallel(bool, range(20000))))":                                                                                  "20000\n",
		"parallel(bool, [1], limit=10001)":                                                                                          "parallel: limit is 10001, want 1 to 10000\n",
		"parallel(bool, range(1 << 40), limit=1 << 40)":                                                                             "parallel: for parameter limit: int value out of range (want value in signed 64-bit range)\n",
	} {
		got := ran(t, script)
		if strings.Contains(want, "out of range") {
			if !strings.Contains(got, "limit") {
				t.Errorf("%s: got %q", script, got)
			}
			continue
		}
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
}
