package host

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus/report"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/starlark"
)

var update = flag.Bool("update", false, "rewrite testdata/reports")

// TestReports runs the scripts of testdata/reports, each with its standard error after "----".
func TestReports(t *testing.T) {
	t.Setenv(report.DebugVariable, "")
	files, _ := filepath.Glob("testdata/reports/*.txt")
	if len(files) == 0 {
		t.Fatal("no reports")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			script, want, _ := strings.Cut(string(data), "----\n")
			var got strings.Builder
			h := newHost(&got)
			h.Report(&got, h.RunSource(context.Background(), "testdata/x.star", []byte(script)))
			if *update {
				if err := os.WriteFile(file, []byte(script+"----\n"+got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// newHost makes a host that has the fakes and writes all to one place.
func newHost(out *strings.Builder) *Host {
	return New(Options{Stdout: out, Stderr: out, Predeclared: starlark.StringDict{"fake": fakeModule()}})
}

// reported returns the report of an error.
func reported(h *Host, err error) string {
	var b strings.Builder
	h.Report(&b, err)
	return b.String()
}

func TestReportColours(t *testing.T) {
	h := New(Options{Color: true})
	var b strings.Builder
	h.Report(&b, h.RunSource(context.Background(), "x.star", []byte("fail('no')")))
	want := "Traceback (most recent call last):\n  File \"x.star\", line 1, in <toplevel>\n    fail('no')\n" +
		"        \x1b[31m^\x1b[m\n\x1b[1;31mScriptError\x1b[m: no\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// Errors that don't come from a run, such as a program's own, are reported too.
func TestReportForeignErrors(t *testing.T) {
	h := New(Options{})
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.Plain("disk full"), "ScriptError: disk full\n"},
		{errors.New(errors.Config, "unknown remote x"), "IncusConfigError: unknown remote x\n"},
		{&UsageError{"x.star", "no such file"}, "x.star: no such file\n"},
		{&stopError{cause: ErrInterrupted}, "interrupted\n"},
	} {
		var b strings.Builder
		h.Report(&b, test.err)
		if b.String() != test.want {
			t.Errorf("%v: got %q, want %q", test.err, b.String(), test.want)
		}
	}
}

// A function of a loaded file, of a prompt's entry and of standard input have their source lines.
func TestReportSources(t *testing.T) {
	var b strings.Builder
	h := New(Options{Stdin: strings.NewReader("fail('in')\n")})
	h.Report(&b, h.RunFile(context.Background(), "-"))
	if want := "  File \"<stdin>\", line 1, in <toplevel>\n    fail('in')\n        ^\n"; !strings.Contains(b.String(), want) {
		t.Errorf("got %q", b.String())
	}
	b.Reset()
	s := h.NewSession()
	mustEval(t, s, "def f():\n    fail('prompt')\n")
	_, err := s.Eval(context.Background(), "f()")
	h.Report(&b, err)
	want := "Traceback (most recent call last):\n  File \"<prompt:2>\", line 1, in <toplevel>\n    f()\n     ^\n" +
		"  File \"<prompt:1>\", line 2, in f\n    fail('prompt')\n        ^\nScriptError: prompt\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPanics(t *testing.T) {
	t.Setenv(report.DebugVariable, "1")
	for _, script := range []string{
		"fake.panic()",
		"try_(fake.panic)",
		"catch(Error, fake.panic)",
		"catch(Error, lambda: try_(lambda: fake.panic()))",
		"getattr(struct(), 'x', fake.panic())",
		"fake.nil()[0].x",
		"print(*fake.nil())",
	} {
		var out strings.Builder
		h := newHost(&out)
		err := h.RunSource(context.Background(), "x.star", []byte(script))
		h.Report(&out, err)
		if !strings.Contains(out.String(), "internal error: ") || !strings.Contains(out.String(), "goroutine ") {
			t.Errorf("%s: got %v: %s", script, err, out.String())
		}
		if status := ExitStatus(err); status != 1 {
			t.Errorf("%s: status %d", script, status)
		}
		// The host still works.
		if err := h.RunSource(context.Background(), "x.star", []byte("print(1)")); err != nil {
			t.Error(err)
		}
	}
	var out strings.Builder
	h := newHost(&out)
	_ = h.RunSource(context.Background(), "x.star", []byte("finally_(fake.panic, lambda: print('cleaned'))"))
	if out.String() != "cleaned\n" {
		t.Errorf("clean-up after a panic: got %q", out.String())
	}
}

func TestExitStatus(t *testing.T) {
	for script, want := range map[string]int{
		"":                                     0,
		"exit()":                               0,
		"exit(7)":                              7,
		"try_(exit, 7)":                        7,
		"catch(Error, lambda: exit(7))":        7,
		"getattr(struct(), 'x', exit(7))":      7,
		"finally_(lambda: exit(7), len)":       7,
		"finally_(fail, lambda: exit(7))":      7,
		"finally_(lambda: 1, lambda: exit(7))": 7,
		"finally_(lambda: exit(7), lambda: exit(8))": 7,
		"die('x')":                                          1,
		"die('x', status=255)":                              255,
		"try_(die, 'x', 3)":                                 3,
		"catch(Error, lambda: die('x', 3))":                 3,
		"finally_(fail, lambda: die('x', 7))":               7,
		"finally_(lambda: die('x', 7), lambda: exit(8))":    7,
		"defer(die, 'x', 9)":                                9,
		"defer(exit, 9); die('x', 7)":                       7,
		"parallel(lambda i: die('x', 6), [1, 2])":           6,
		"load('lib/dies.star', 'x')":                        5,
		"die('x', 0)":                                       1, // a ScriptError
		"fail('x')":                                         1,
		"1 // 0":                                            1,
		"raise_(Error, 'x')":                                1,
		"raise_(IncusError, 'x')":                           1,
		"raise_(error_class('E'), 'x')":                     1,
		"if:":                                               2,
		"undefined":                                         2,
		"load('lib/bad.star', 'x')":                         2,
		"load('lib/no.star', 'x')":                          1,
		"raise_(IncusConfigError, 'x')":                     2,
		"fake.get('missing')":                               3,
		"raise_(IncusUnsupportedError, '')":                 3,
		"raise_(error_class('E', IncusNotFoundError), 'x')": 3,
		"raise_(IncusTLSError, 'x')":                        4,
		"fake.create()":                                     5,
		"fake.exec()":                                       5,
		"raise_(Error, 'x', cause=try_(fake.get, 'missing').error)":           1,
		"raise_(IncusAlreadyExistsError, 'x', cause=IncusOperationError(''))": 3,
	} {
		var out strings.Builder
		err := newHost(&out).RunSource(context.Background(), "testdata/x.star", []byte(script))
		if got := ExitStatus(err); got != want {
			t.Errorf("%s: status %d, want %d (%v)", script, got, want, err)
		}
	}
}
