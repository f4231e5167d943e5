package repl

import (
	"io"
	"os"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
)

// TestSavedWithoutShells saves entries that opened a shell in each form. They are left out with those that need them, and said.
func TestSavedWithoutShells(t *testing.T) {
	t.Chdir(t.TempDir())
	check(t, os.WriteFile("lib.star", []byte("def within(fn): return fn()\n"), 0o600))
	const shell = "w.shell()"
	for _, c := range []struct {
		entry string
		binds bool // r
		left  string
	}{
		{shell, false, ""},
		{"# about it\n" + shell, false, ""},
		{"r = " + shell, true, ""},
		{"r, s = " + shell + ", 1", true, ""},
		{"r = [" + shell + " for x in range(2)]", true, ""},
		{"for x in range(2):\n    r = " + shell + "\n", true, ""},
		{"if r == 0:\n    r = " + shell + "\n", true, ""},
		{"while r == 0: r = " + shell, true, ""},
		{"r = f(w)", true, ""},
		{"f(w)", false, ""},
		{"r = g()", true, ""},
		{"within(w.shell)", false, ""},
		{"r = try_(w.shell)", true, ""},
		{"r = catch(Error, w.shell, 'x')", true, ""},
		{"r = retry(w.shell, times = 2)", true, ""},
		{"r = finally_(w.shell, lambda: None)", true, ""},
		{"finally_(lambda: 1, w.shell)", false, ""},
		{"r = parallel(lambda x: " + shell + ", [1, 2])", true, ""},
		{"r = parallel(lambda x: parallel(lambda y: f(w), [1]), [1, 2])", true, ""},
		{"wait_until(w.shell)", false, ""},
		{"l.append(" + shell + ")", false, ""},
		{"print(" + shell + ")", false, ""},
		{"r = 'x' if " + shell + " else 'y'", true, ""},
		{"s = 2; " + shell + "; l.append('é'); l.append(3)", false, "s = 2\nl.append('é'); l.append(3)\n"},
		{"r = " + shell + "; l.append(4)", true, "l.append(4)\n"},
		{"l.append(5); l.append(6); r = " + shell, true, "l.append(5); l.append(6)\n"},
		{"r = " + shell + "; l.append(r)", true, ""},
	} {
		client := starlarkincus.New(starlarkincus.Options{})
		t.Cleanup(client.Close)
		names := client.Names()
		names["shell"] = starlark.NewBuiltin("shell", func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			builtin.Of(thread).Typed++
			return starlark.String("done"), nil
		})
		h := host.New(host.Options{Predeclared: names, Stdout: io.Discard, MaxSteps: maxSteps})
		p := &prompt{Options: Options{Host: h, Stdout: io.Discard, Stderr: io.Discard}, session: h.NewSession()}
		run := func(text string) {
			if err := p.run(t.Context(), text+"\n", false); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		const begin = "load(\"lib.star\", \"within\")\nl = []\nw = struct(shell = lambda *args: shell())\ndef f(x): return x.shell()\nr = 0\ndef g(): return f(w)\n"
		run(begin)
		run(c.entry)
		want := begin + c.left
		if run("l.append(r)"); !c.binds {
			want += "l.append(r)\n"
		}
		if p.worked[1].valued {
			run("l.append(_)")
		}
		run("l.append(7)")
		want += "l.append(7)\n"
		if got := strings.TrimPrefix(scriptOf(p.worked, "x.star"), "#!/usr/bin/env incus-star\n"); got != want {
			t.Errorf("%s\ngot\n%s", c.entry, got)
		}
		if got := sitting(p.worked); len(got) != 1 {
			t.Errorf("%s: %q", c.entry, got)
		}
	}
}
