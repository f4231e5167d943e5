package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// linked makes files, and links to others where the text begins with "-> ".
func linked(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if target, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A script that is run through a link loads modules beside the script, not beside the link.
func TestLoadThroughLinks(t *testing.T) {
	dir := linked(t, map[string]string{
		"app/bin/web.star":   "load('../lib/a.star', 'a')\nload('b.star', 'b', 'seen')\nload('../lib/again.star', again='seen')\nprint(a, b, seen == again, len(seen))",
		"app/bin/b.star":     "b = 'beside the script'\nseen = []\nseen.append(1)",
		"app/lib/a.star":     "a = 'the library'",
		"app/lib/again.star": "-> ../bin/b.star",
		"app/bin/fails.star": "load('../lib/fail.star', 'f')\nf()",
		"app/lib/fail.star":  "def f():\n    fail('no')",
		"app/bin/cycle.star": "load('../lib/cycle.star', 'x')",
		"app/lib/cycle.star": "load('../../usr/cycle', 'x')",

		"usr/web":           "-> ../app/bin/web.star",
		"usr/twice":         "-> web",
		"usr/b.star":        "b, seen = 'beside the link', []",
		"usr/fails":         "-> ../app/bin/fails.star",
		"usr/cycle":         "-> ../app/bin/cycle.star",
		"lib/a.star":        "a = 'not the library'",
		"current":           "-> app/bin",
		"tests/x_test.star": "-> ../app/bin/web.star",
	})
	for _, path := range []string{"app/bin/web.star", "usr/web", "usr/twice", "current/web.star", "tests/x_test.star"} {
		for _, run := range []func(*Host, string) error{
			func(h *Host, path string) error { return h.RunFile(context.Background(), path) },
			func(h *Host, path string) error {
				return h.RunWith(context.Background(), path, func(*Script) error { return nil })
			},
		} {
			var out strings.Builder
			h := newHost(&out)
			if err := run(h, filepath.Join(dir, path)); err != nil || out.String() != "the library beside the script True 1\n" {
				t.Errorf("%s: got %q, %v", path, out.String(), err)
			}
		}
	}
	// A backtrace shows the script as it was named, and other files where they are.
	var out strings.Builder
	h := newHost(&out)
	h.Report(&out, h.RunFile(context.Background(), filepath.Join(dir, "usr/fails")))
	for _, want := range []string{filepath.Join(dir, "usr/fails") + `", line 2, in <toplevel>`, filepath.Join(dir, "app/lib/fail.star") + `", line 2, in f`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s in it", out.String(), want)
		}
	}
	err := newHost(&out).RunFile(context.Background(), filepath.Join(dir, "usr/cycle"))
	if err == nil || !strings.Contains(err.Error(), "a cycle: ") {
		t.Errorf("got %v, want a cycle", err)
	}
	// By a relative path, all are shown as relative ones.
	t.Chdir(filepath.Join(dir, "usr"))
	out.Reset()
	h = newHost(&out)
	h.Report(&out, h.RunFile(context.Background(), "fails"))
	for _, want := range []string{`File "fails", line 2`, `File "../app/lib/fail.star", line 2`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s in it", out.String(), want)
		}
	}
}
