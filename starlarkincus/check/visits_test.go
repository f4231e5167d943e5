package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVisitsStayFew checks that the functions followed in scripts of many functions, which call each other, grow
// with their number only.
func TestVisitsStayFew(t *testing.T) {
	kinds := map[string]string{
		"two calls":     "def f%d(x):\n    return f%d(x) + f%d(x)\n",
		"passed on":     "def f%d(x):\n    return f%d(x) + f%d(f0)\n",
		"three calls":   "def f%d(x):\n    f%d(x)\n    f%d(x)\n    f0(x)\n",
		"variables":     "def f%d(x):\n    y = f%d(x)\n    return f%d(y)\n",
		"tried":         "def f%d(x):\n    return try_(f%d, x) and try_(f%d, x)\n",
		"nested":        "def f%d(x):\n    def inner(y):\n        return f%d(y)\n    return inner(x) + f%d(x)\n",
		"lambdas":       "f%d = lambda x: f%d(x) + f%d(x)\n",
		"in containers": "def f%d(x):\n    return [f%d(x), struct(a = f%d(x))]\n",
	}
	for name, kind := range kinds {
		count := func(n int) int {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, kind, i, (i+1)%n, (i+3)%n)
			}
			b.WriteString("print(f0(1))\n")
			path := filepath.Join(t.TempDir(), "many.star")
			if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			c := newChecker(Options{})
			c.module(path).findings()
			return c.visits
		}
		for _, n := range []int{20, 300} {
			if got := count(n); got > 200*n {
				t.Errorf("%s: %d functions: %d are followed, want at most %d", name, n, got, 200*n)
			}
		}
	}
}
