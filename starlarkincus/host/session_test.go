package host

import (
	"context"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

func mustEval(t *testing.T, s *Session, src string) string {
	t.Helper()
	v, err := s.Eval(context.Background(), src)
	if err != nil {
		t.Errorf("%s: %v", src, err)
		return ""
	}
	return v.String()
}

func TestSession(t *testing.T) {
	var out strings.Builder
	s := newHost(&out).NewSession()
	for _, step := range []struct{ src, want string }{
		{"1 + 1", "2"},
		{"", "None"},
		{"# nothing", "None"},
		{"x = 1", "None"},
		{"x", "1"},
		{"x += 1", "None"},
		{"x = x + 1\nx", "3"},
		{"x, y = 7, x\n(x, y)", "(7, 3)"},
		{"(x), [y, (k, v)] = x, [7, (1, 2)]\n(x, y, v)", "(7, 7, 2)"},
		{"x = 7", "None"},
		{"for i in range(3): x += i", "None"},
		{"x", "10"},
		{"if x > 5:\n    z = x\nelse:\n    z = 0", "None"},
		{"z", "10"},
		{"while z: z -= 1", "None"},
		{"z", "0"},
		{"a = [1]\nb = a\nb += [2]\na", "[1, 2]"},
		{"d = {}\nd['k'] = 1\nd", `{"k": 1}`},
		// Redefinitions are seen by earlier functions, of earlier entries and of the same one.
		{"def f(): return 1", "None"},
		{"def g(): return f()", "None"},
		{"def f(): return 2", "None"},
		{"g()", "2"},
		{"def f(): return 3\ndef g(): return f()", "None"},
		{"def f(): return 4\ng()", "4"},
		{"n = 1\ndef h(): return n", "None"},
		{"n = 5", "None"},
		{"h()", "5"},
		{"n += 1\nh()", "6"},
		{"later = lambda: n", "None"},
		{"n = 7\nlater()", "7"},
		// A function may use one that the same entry defines after it, and itself.
		{"def p(): return q()\ndef q(): return 'q'\np()", `"q"`},
		{"def fact(n): return 1 if n < 2 else n * fact(n - 1)\nfact(5)", "120"},
		// The host's names may be hidden.
		{"args = 1\nargs", "1"},
		{"load('testdata/lib/raises.star', 'shared', mine='append')", "None"},
		{"mine(3)\nshared", "[3]"},
		{"load('testdata/lib/raises.star', 'shared')\nshared", "[3]"},
		{"_ = 3\n_ + 1", "4"},
	} {
		if got := mustEval(t, s, step.src); got != step.want {
			t.Errorf("%s: got %s, want %s", step.src, got, step.want)
		}
	}
	if s.Get("n").String() != "7" || s.Get("nothing") != nil || s.Get("len") == nil {
		t.Error("Get")
	}
	s.Set("_", starlark.String("last"))
	if got := mustEval(t, s, "_"); got != `"last"` {
		t.Error(got)
	}
	names := s.Names()
	for _, name := range []string{"x", "try_", "IncusNotFoundError", "len", "fake", "_"} {
		if !slices.Contains(names, name) {
			t.Errorf("Names has no %s", name)
		}
	}
	if !slices.IsSorted(names) || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, " ") }) {
		t.Errorf("Names: %q", names)
	}
}

func TestSessionErrors(t *testing.T) {
	var out strings.Builder
	h := newHost(&out)
	s := h.NewSession()
	for _, step := range []struct {
		src, want string
		status    int
	}{
		{"x = 1\nfail('stop')\nx = 2", "ScriptError: stop", 1},
		{"y = 1\nzz", "<prompt:2>:2:1: undefined: zz", 2}, // nothing of it runs
		{"colour = 1", "", 0},
		{"color", "<prompt:4>:1:1: undefined: color (did you mean colour?)", 2},
		{"x = )", "<prompt:5>:1:5: unexpected ')'", 2},
		{"exit(3)", "exit(3)", 3},
		{"fake.get('missing')", "IncusNotFoundError (404): Instance not found", 3},
		{"x +\n", "got newline, want primary expression", 2},
		{"x\x00", "<prompt:9>: line 1: has a NUL byte: this is not a script", 2},
		{"fake.panic()", "internal error: the sky fell", 1},
		{"load('testdata/lib/cycle_a.star', 'x')", "a cycle: ", 1},
		{"load('testdata/lib/cycle_a.star', 'x')", "a cycle: ", 1}, // a failed module isn't kept
		{"def f(): return g()\n1 // 0\ndef g(): return 1", "division by zero", 1},
	} {
		_, err := s.Eval(context.Background(), step.src)
		if (err == nil) != (step.want == "") || err != nil && !strings.Contains(err.Error(), step.want) || ExitStatus(err) != step.status {
			t.Errorf("%q: got %v (status %d), want %q (status %d)", step.src, err, ExitStatus(err), step.want, step.status)
		}
	}
	if got := mustEval(t, s, "catch(ScriptError, f).error.message"); got != `"undefined: g"` {
		t.Error(got)
	}
	if got := mustEval(t, s, "x"); got != "1" {
		t.Errorf("what came before the error is gone: %s", got)
	}
	if s.Get("y") != nil {
		t.Error("an entry that doesn't resolve ran")
	}
	// After an interrupt the session goes on.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Eval(ctx, "x = 9"); ExitStatus(err) != 130 {
		t.Errorf("got %v", err)
	}
	if got := mustEval(t, s, "x + 1"); got != "2" {
		t.Error(got)
	}
}
