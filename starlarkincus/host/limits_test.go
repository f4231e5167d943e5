package host

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkSteps measures the cost of counting steps: a loop of a few steps a round.
func BenchmarkSteps(b *testing.B) {
	for name, limit := range map[string]uint64{"unlimited": 0, "limited": 1 << 60} {
		b.Run(name, func(b *testing.B) {
			h := New(Options{MaxSteps: limit})
			script := fmt.Sprintf("def f():\n    x = 0\n    for i in range(%d):\n        x = x + i\nf()\n", b.N)
			b.ResetTimer()
			if err := h.RunSource(context.Background(), "x.star", []byte(script)); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// Starlark's own limits hold: a script that asks for too much at once gets an error.
func TestOwnLimits(t *testing.T) {
	for script, want := range map[string]string{
		`"a" * (1 << 40)`:             "repeat count 1099511627776 too large",
		`[0] * (1 << 30)`:             "excessive repeat",
		`1 << 1000`:                   "shift count too large",
		"def f(): return f()\nf()":    "Starlark stack overflow",
		"x = []\nx.append(x)\nx == x": "comparison exceeded maximum recursion depth",
		"x = []\nfor i in range(100): x = [x]\nhash(str(x)); x == [x]": "comparison exceeded maximum recursion depth",
		`list(range(1 << 40))`:                   "list: got 1,099,511,627,776 elements, want fewer than 1,073,741,824",
		`sorted(range(1 << 40))`:                 "sorted: got 1,099,511,627,776",
		`print(zip(range(1 << 40), [1]), zip())`: "[(0, 1)] []\n",
		`zip(range(1 << 40), range(1 << 41))`:    "zip: got 2,199,023,255,552",
		`for i in range(1 << 40): break`:         "",
		`json.decode("[" * 10000000)`:            "nests more than 10,000 levels",
	} {
		out := ran(t, script)
		if want == "" && out != "" || !strings.Contains(out, want) {
			t.Errorf("%s: got %q, want %q", script, out, want)
		}
	}
}
