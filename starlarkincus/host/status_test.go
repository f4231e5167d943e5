package host

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// A page has a table of the exit statuses with their classes: its status of a class, or else of the nearest one above,
// is the one that ExitStatus returns.
func TestDocsListTheStatuses(t *testing.T) {
	const page = "docs/command.md"
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(text), "## Exit status\n")
	list, _, _ = strings.Cut(list, "\n## ")
	if !found {
		t.Fatal(page + " has no list of exit statuses")
	}
	status := make(map[string]int)
	for part := range strings.SplitSeq(list, "\n") {
		n, err := strconv.Atoi(regexp.MustCompile(`^\| (\d+)|$`).FindStringSubmatch(part)[1])
		if err != nil {
			continue
		}
		for _, class := range regexp.MustCompile(`\((\w*Error)\)`).FindAllStringSubmatch(part, -1) {
			status[class[1]] = n
		}
	}
	for _, s := range statusOf {
		if status[s.class.Name()] == 0 {
			t.Errorf("%s doesn't say the status of %s, %d", page, s.class.Name(), s.status)
		}
	}
	for _, class := range errors.Classes() {
		above := class
		for status[above.Name()] == 0 && above.Base() != nil {
			above = above.Base()
		}
		if got := ExitStatus(errors.New(class, "x")); got != status[above.Name()] {
			t.Errorf("%s: the status is %d, %s says %d", class.Name(), got, page, status[above.Name()])
		}
	}
}

// A Go program finds the class in an error that a script would catch, whatever reported it and wherever it happened.
func TestRunTimeErrorsHaveAClass(t *testing.T) {
	haveClasses(t, map[string]*errors.Class{
		"1 // 0":                                 errors.Script,
		"[][0]":                                  errors.Script,
		"{}['x']":                                errors.Script,
		"None.x":                                 errors.Script,
		"len(1)":                                 errors.Script,
		"'a' + 1":                                errors.Script,
		"None()":                                 errors.Script,
		"int('x')":                               errors.Script,
		"x.y = 1":                                errors.Script,
		"a, b = [1]":                             errors.Script,
		"for i in 1:\n    pass":                  errors.Script,
		"def f(a): pass\nf()":                    errors.Script,
		"def f():\n    y = z\n    z = 1\nf()":    errors.Script,
		"list(range(1 << 40))":                   errors.Script,
		"sleep('x')":                             errors.Script,
		"re.compile('(')":                        errors.Script,
		"load('nowhere.star', 'x')":              errors.Script,
		"fail('x')":                              errors.Script,
		"raise_(ScriptError, 'x')":               errors.Script,
		"finally_(lambda: 1 // 0, lambda: None)": errors.Script,
		"defer(lambda: 1 // 0)":                  errors.Script,
		"parallel(lambda i: i // 0, [1])":        errors.Script,
		"retry(lambda: 1 // 0)":                  errors.Script,
		"raise_(Error, 'x')":                     errors.Base,
		"raise_(IncusNotFoundError, 'x')":        errors.NotFound,
		"read_file('nowhere')":                   errors.Base,
	})
	for _, script := range []string{"if:", "undefined", "exit(1)", "die('x')", "load('testdata/lib/bad.star', 'x')", "flag('--x', 1)"} {
		if err := New(Options{}).RunSource(context.Background(), "x.star", []byte(script)); err == nil || errors.Is(err, errors.Base) {
			t.Errorf("%s: got %v, which has a class", script, err)
		}
	}
}

func TestEndlessRecursionHasAClass(t *testing.T) {
	slowWhenRaced(t)
	haveClasses(t, map[string]*errors.Class{"def f(): return f()\nf()": errors.Script})
}

// haveClasses runs scripts, as a whole and as an entry, and compares the classes of their errors.
func haveClasses(t *testing.T, scripts map[string]*errors.Class) {
	t.Helper()
	ctx := context.Background()
	for script, class := range scripts {
		if strings.HasPrefix(script, "x.y") {
			script = "x = struct()\n" + script
		}
		h := New(Options{})
		s := h.NewSession()
		_, entered := s.Eval(ctx, script+"\n\n")
		for kind, err := range map[string]error{"run": h.RunSource(ctx, "x.star", []byte(script)), "entry": errors.Join(entered, s.Close(ctx))} {
			var failure *errors.Error
			var trace *starlark.EvalError
			if !errors.Is(err, class) || !errors.Is(err, errors.Base) || !errors.As(err, &failure) || failure.Class != class || failure.Message == "" {
				t.Errorf("%s, %q: got %#v, want %s", kind, script, err, class.Name())
			}
			if !errors.As(err, &trace) {
				t.Errorf("%s, %q: got no backtrace", kind, script)
			}
			if class == errors.Script && (errors.Is(err, errors.Incus) || ExitStatus(err) != 1) {
				t.Errorf("%s, %q: got %v, status %d", kind, script, err, ExitStatus(err))
			}
		}
	}
}
