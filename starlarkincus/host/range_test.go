package host

import (
	"bytes"
	"context"
	"testing"
	"time"

	"incus-star/errors"
)

// Each way to go over a range in one call of a builtin ends with the run's time.
func TestLongRangesEnd(t *testing.T) {
	for _, code := range []string{
		"max(%s)", "min(%s)", "all(range(1, 1 << 40))", "any([x for x in []]) or all(range(1, 1 << 40)[1:])",
		"x = [0]\nx.extend(%s)", "set(%s)", "set([1]).union(%s)", "print(*%s)", "def f(*args): pass\nf(*%s)", "json.encode(%s)", "table(%s)", "x = []\nx += %s",
	} {
		t.Run(code, func(t *testing.T) {
			code := string(bytes.ReplaceAll([]byte(code), []byte("%s"), []byte("range(1 << 40)")))
			var out bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err := New(Options{Stdout: &out}).RunSource(ctx, "long.star", []byte(code+"\nprint('went on')\n"))
			if !errors.Is(err, ErrTimeout) || bytes.Contains(out.Bytes(), []byte("went on")) {
				t.Errorf("got %v and %d bytes of output", err, out.Len())
			}
		})
	}
}

// A range is as Starlark's own in all that can be seen of it.
func TestRangesAreStarlarksOwn(t *testing.T) {
	var out bytes.Buffer
	err := New(Options{Stdout: &out}).RunSource(t.Context(), "range.star", []byte(`
r = range(1, 10, 3)
print(r, type(r), len(r), r[1], r[1:], list(r), 4 in r, 5 in r, r == range(1, 10, 3), r == r[1:], r != range(3), bool(range(0)))
print(range(3)[::-1], [x for x in range(1 << 40)[:2]], range(0) == range(5, 5), sorted(range(3), reverse = True))
`))
	want := "range(1, 10, 3) range 3 4 range(4, 10, 3) [1, 4, 7] True False True False True False\n" +
		"range(2, -1, -1) [0, 1] True [2, 1, 0]\n"
	if err != nil || out.String() != want {
		t.Errorf("got %v and %s, want %s", err, out.Bytes(), want)
	}
}
