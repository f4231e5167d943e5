package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"

	"go.starlark.net/syntax"
)

// deepSources are scripts that nest as deep as their size allows, by all that may be in itself.
func deepSources(n int) map[string]string {
	rep := strings.Repeat
	var ifs strings.Builder
	for i := range min(n, 2500) {
		ifs.WriteString(rep(" ", i) + "if 1:\n")
	}
	ifs.WriteString(rep(" ", min(n, 2500)) + "pass\n")
	var fors strings.Builder
	for i := range min(n, 2500) {
		fors.WriteString(rep("\t", i) + "for x in y:\n")
	}
	return map[string]string{
		"terms":           "x = 1" + rep("+1", n),
		"terms, spaced":   "x = (1" + rep(" +\n1", n) + ")",
		"and":             "x = 1" + rep(" and 1", n),
		"or, not":         "x = 1" + rep(" or not 1", n),
		"in":              "x = 1" + rep(" in 1", n),
		"compared":        "x = 1" + rep("==1", n),
		"parentheses":     rep("(", n) + "1" + rep(")", n),
		"open":            rep("(", n),
		"lists":           rep("[", n) + rep("]", n),
		"lists of two":    rep("[1, ", n) + rep("]", n),
		"dicts":           rep("{1:", n) + "1" + rep("}", n),
		"mixed":           rep("([{1:", n) + "1" + rep("}])", n),
		"minus":           "x = " + rep("-", n) + "1",
		"minus, spaced":   "x = " + rep("- ", n) + "1",
		"tilde":           "x = " + rep("~", n) + "1",
		"not":             "x = " + rep("not ", n) + "1",
		"lambda":          "x = " + rep("lambda: ", n) + "1",
		"conditions":      "x = 1" + rep(" if 1 else 1", n),
		"calls in calls":  "x = " + rep("f(", n) + "1" + rep(")", n),
		"calls in a row":  "x = f" + rep("()", n),
		"calls, lines":    "x = (f" + rep("()\n", n) + ")",
		"indexes":         "x = f" + rep("[0]", n),
		"slices":          "x = f" + rep("[0:1]", n),
		"attributes":      "x = f" + rep(".a", n),
		"methods":         "x = f" + rep(".a()", n),
		"comprehensions":  rep("[x for x in ", n) + "y" + rep("]", n),
		"clauses":         "x = [1" + rep(" for x in y", n) + "]",
		"clauses with if": "x = [1 for x in y" + rep(" if x", n) + "]",
		"elif":            "if 1:\n    pass\n" + rep("elif 1:\n    pass\n", n),
		"elif in def":     "def f():\n    if 1:\n        pass\n" + rep("    elif 1:\n        pass\n", n),
		"ifs":             ifs.String(),
		"fors":            fors.String(),
		"defaults":        rep("def f(x=", n),
		"a long number":   "x = " + rep("9", n),
		"a long hex":      "x = 0x" + rep("f", n),
		"continued":       "x = 1" + rep(" + \\\n1", n),
		"after a string":  `x = "a" % 1 # "` + "\n" + `y = '''"''' + ` + "1" + rep("+1", n),
	}
}

// A text that nests deeper than anybody writes is an error with its line, and never the end of the process.
func TestDeepSources(t *testing.T) {
	dir := t.TempDir()
	for name, src := range deepSources(100_000) {
		h := New(Options{})
		var usage *UsageError
		err := h.RunSource(t.Context(), "x.star", []byte(src))
		small := name == "ifs" || name == "fors"
		if small {
			continue // they don't end the process: all that is asked of them
		}
		if !errors.As(err, &usage) || !strings.HasPrefix(usage.Message, "line ") || ExitStatus(err) != 2 {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := h.Parse("x.star", []byte(src)); !errors.As(err, &usage) {
			t.Errorf("%s parses: %v", name, err)
		}
		if _, err := h.NewSession().Eval(t.Context(), src); !errors.As(err, &usage) {
			t.Errorf("%s at the prompt: %v", name, err)
		}
		file := filepath.Join(dir, "deep.star")
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		err = New(Options{}).RunSource(t.Context(), filepath.Join(dir, "x.star"), []byte(`load("deep.star", "x")`))
		if err == nil || !strings.Contains(err.Error(), "deep.star: line ") {
			t.Errorf("load of %s: %v", name, err)
		}
	}
}

// Nesting just below the limit runs, or is an error of the language; a long script that isn't deep is none.
func TestAlmostDeepSources(t *testing.T) {
	for name, src := range deepSources(1600) {
		err := New(Options{}).RunSource(t.Context(), "x.star", []byte(src))
		var usage *UsageError
		if errors.As(err, &usage) && !strings.Contains(name, "mixed") && !strings.HasPrefix(name, "c") && !strings.HasPrefix(name, "methods") && !strings.HasPrefix(name, "or") {
			t.Errorf("%s: %v", name, err)
		}
	}
	rep := strings.Repeat
	for name, src := range map[string]string{
		"a long list":   "x = [] if 1 else [" + rep("-1, len([1])[0].a + 2,\n", 10_000) + "]",
		"a long dict":   "x = lambda: {" + rep(`"a": {"b": [1, (2, 3)], "c": not 1},`+"\n", 5_000) + "}",
		"long code":     "def f(x):\n    pass\n" + rep("    if x: x += 1 - 2 * 3\n    elif not x: pass\n    else: x.a.b()\n", 5_000),
		"strings":       "x = [" + rep(`"((((++++", '[[[', """{{{`+"\n"+`""", r"\"((", b'(('`+",\n", 5_000) + "]",
		"comments":      rep("# ((((((((( + + + + not not not\n", 50_000),
		"branches":      rep("if 1:\n    pass\nelif 1:\n    pass\n", 5_000),
		"many brackets": "x = 1\n" + rep("x = (x)\n", 50_000),
	} {
		if err := New(Options{}).RunSource(t.Context(), "x.star", []byte(src)); err != nil {
			var parse syntax.Error
			t.Errorf("%s: %.200v (%v)", name, err, errors.As(err, &parse))
		}
	}
}

// Sources have a size limit, and a pipe that nobody writes to ends with the context.
func TestSourceLimits(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("large.star", make([]byte, 17<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"large.star": "large.star: is larger than the limit of 16 MiB",
		"/dev/zero":  "/dev/zero: is larger than the limit of 1 MiB",
	} {
		if err := New(Options{}).RunFile(t.Context(), path); err == nil || err.Error() != want || ExitStatus(err) != 2 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := New(Options{}).RunSource(t.Context(), "-c", make([]byte, 17<<20)); err == nil || err.Error() != "-c: is larger than the limit of 16 MiB" {
		t.Error(err)
	}
	for script, want := range map[string]string{
		`print(try_(read_file, "/dev/zero").error.message)`:                       "read_file: /dev/zero: is larger than the limit of 1 MiB\n",
		`print(try_(read_file, "/dev/urandom", binary=True).error.message)`:       "read_file: /dev/urandom: is larger than the limit of 1 MiB\n",
		`print(read_file("/dev/null") == "", len(read_file("large.star", True)))`: "True 17825792\n",
		`load("large.star", "x")`: "large.star: is larger than the limit of 16 MiB\n",
	} {
		if got := ran(t, script); !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
	if err := syscall.Mkfifo("pipe.star", 0o600); err != nil {
		t.Skip(err)
	}
	for name, run := range map[string]func(ctx context.Context) error{
		"script": func(ctx context.Context) error { return New(Options{}).RunFile(ctx, "pipe.star") },
		"load": func(ctx context.Context) error {
			return New(Options{}).RunSource(ctx, "-c", []byte(`load("pipe.star", "x")`))
		},
		"read_file": func(ctx context.Context) error {
			return New(Options{}).RunSource(ctx, "-c", []byte(`try_(read_file, "pipe.star")`))
		},
		"RunWith": func(ctx context.Context) error {
			return New(Options{}).RunWith(ctx, "pipe.star", func(*Script) error { return nil })
		},
	} {
		for cause, status := range map[error]int{ErrTimeout: 124, ErrInterrupted: 130} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, cause)
			start := time.Now()
			err := run(ctx)
			cancel()
			if ExitStatus(err) != status || time.Since(start) > 30*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		}
	}
	// The reads that were given up end with the pipe.
	if f, err := os.OpenFile("pipe.star", os.O_WRONLY, 0); err == nil {
		f.Close()
	}
	// A pipe with a writer is a script like any.
	if err := syscall.Mkfifo("other.star", 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { _ = os.WriteFile("other.star", []byte("exit(7)"), 0o600) }()
	if err := New(Options{}).RunFile(t.Context(), "other.star"); ExitStatus(err) != 7 {
		t.Error(err)
	}
}
