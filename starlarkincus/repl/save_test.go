package repl

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	checker "incus-star/starlarkincus/check"
	"incus-star/starlarkincus/host"
)

// TestSavedScript runs entries in a session, and checks that the saved script is what it should be, that check accepts it,
// and that it runs.
func TestSavedScript(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "lib.star"), []byte("def double(x): return 2 * x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	const use = `incus = incus.use(project = "p")`
	for _, test := range []struct {
		name    string
		entries []string
		want    string
	}{
		{"in order", []string{"x = 1", "x + 1", "print(x)"}, "x = 1\nprint(x)\n"},
		{"a mistake", []string{"x = 1", "print(y)", "fail('x')", "print(x)"}, "x = 1\nprint(x)\n"},
		{"a block", []string{"def f(x):\n\n    return x\n\n", "print(f(1))"}, "def f(x):\n\n    return x\nprint(f(1))\n"},
		{"the last value", []string{"6 * 7", "print(_)"}, "value1 = 6 * 7\nprint(value1)\n"},
		{"a chain", []string{"1 + 1", "_ + 1", "_ * _1", "print(_)"}, "value1 = 1 + 1\nvalue2 = value1 + 1\nvalue3 = value2 * value1\nprint(value3)\n"},
		{"a value after others", []string{"'é'; 5", "value1 = 0", "print('é', _)"}, "'é'; value2 = 5\nvalue1 = 0\nprint('é', value2)\n"},
		{"a variable _", []string{"7", "for _ in range(2): print('x')", "[_ for _ in [1]].append(2)"}, "for _ in range(2): print('x')\n[_ for _ in [1]].append(2)\n"},
		{"help", []string{"help('len')", "len", "print(1)"}, "print(1)\n"},
		{"another project", []string{"a = incus.instances", use, "b = incus.instances", "def f(): return incus.profiles", "f()"},
			"client = incus\na = client.instances\nclient = client.use(project = \"p\")\nb = client.instances\ndef f(): return client.profiles\nf()\n"},
		{"twice", []string{use, use, "c = incus.connect"}, "client = incus\nclient = client.use(project = \"p\")\nclient = client.use(project = \"p\")\nc = client.connect\n"},
		{"a load", []string{"load('lib.star', 'double')", "load('lib.star', 'double')", "print(double(2))"}, "load(\"../lib.star\", \"double\")\nprint(double(2))\n"},
		{"names of arguments", []string{use, "print(dict(incus = 1))", "print(struct(incus = 2).incus + abs(1))"}, "client = incus\nclient = client.use(project = \"p\")\nprint(dict(incus = 1))\nprint(struct(incus = 2).incus + abs(1))\n"},
		{"a project that functions see", []string{"client = 1", "def f(): return incus", use, "f()", "[incus for incus in [1]].clear()"},
			"client1 = incus\nclient = 1\ndef f(): return client1\nclient1 = client1.use(project = \"p\")\nf()\n[incus for incus in [1]].clear()\n"},
		{"a function that was wrong", []string{"def f(x): return x.nothing", "f(1)", "def f(x): return x", "print(f(1))"}, "def f(x): return x\nprint(f(1))\n"},
		{"a function that was used", []string{"def f(x): return x", "print(f(1))", "def f(x): return 2 * x", "print(f(1))"},
			"def f(x): return x\nprint(f(1))\ndef f(x): return 2 * x\nprint(f(1))\n"},
		{"a function that another one calls", []string{"def f(x): return x", "def g(): return f(1)", "print(g())", "def f(x): return 2 * x", "def f(x): return 3 * x"},
			"def f(x): return x\ndef g(): return f(1)\nprint(g())\ndef f(x): return 3 * x\n"},
		{"a value of a default", []string{"n = 1", "def f(x = n): return x", "n = 2", "n = 3", "print(n)"}, "n = 1\ndef f(x = n): return x\nn = 3\nprint(n)\n"},
		{"a default that does something", []string{"l = []", "def f(x = l.append(1)): return x", "def f(x = l.append(2)): return x", "def f(x = lambda: l.append(3)): return x", "def f(): return l"},
			"l = []\ndef f(x = l.append(1)): return x\ndef f(x = l.append(2)): return x\ndef f(): return l\n"},
		{"some of a paste", []string{"def f(): return 1\n\n# about g\ndef g(): return [].x\n", "g()", "def g(): return 2", "print(f() + g())"},
			"def f(): return 1\ndef g(): return 2\nprint(f() + g())\n"},
		{"the part before an error", []string{"x = 1\ny = 2; fail('x')\nz = 3", "x = 5; fail()", "print(x, y)"}, "y = 2\nx = 5\nprint(x, y)\n"},
		{"a user's _", []string{"1", "_ = 5", "print(_)", "2", "print(_)"}, "_ = 5\nprint(_)\nvalue1 = 2\nprint(value1)\n"},
		{"a user's _ from the value", []string{"1", "_ = [_]", "2", "_ += 1; print(_)", "3", "for _ in range(2): print(_)", "print(_)", "4", "for _ in range(2): print(_)", "5", "_, x = 6, 7", "print(_, x)"},
			"value1 = 1\n_ = value1\n_ = [_]\nvalue2 = 2\n_ = value2\n_ += 1; print(_)\nvalue3 = 3\n_ = value3\nfor _ in range(2): print(_)\nprint(_)\nfor _ in range(2): print(_)\n_, x = 6, 7\nprint(_, x)\n"},
		{"what needs an error", []string{"fail('x')", "x = err_.message", "def f(): return x", "f()", "print(1)"}, "print(1)\n"},
		{"a name that is loaded and defined", []string{"load('lib.star', 'double')", "print(double(1))", "def double(x): return x", "print(double(1))", "load('lib.star', d = 'double')"},
			"load(\"../lib.star\", loaded1 = \"double\")\ndouble = loaded1\nprint(double(1))\ndef double(x): return x\nprint(double(1))\nload(\"../lib.star\", d = \"double\")\n"},
		{"a value of the time of a call", []string{"5", "def f(): return _", "print(f())", "6", "print(f())", "g = lambda x = _: x", "7", "print(g())"},
			"value1 = 5\n_ = value1\ndef f(): return _\nprint(f())\nvalue2 = 6\n_ = value2\nprint(f())\ng = lambda x = value2: x\nvalue3 = 7\n_ = value3\nprint(g())\n"},
		{"a value before", []string{"5", "6", "f = lambda: _1 + 1", "7", "print(f(), _)"},
			"value1 = 5\nvalue2 = 6\n_1 = value1\nf = lambda: _1 + 1\nvalue3 = 7\n_1 = value2\nprint(f(), value3)\n"},
		{"a function that was never called", []string{"5", "def f(): return _", "def f(): return 1", "6", "print(f())"}, "value1 = 5\ndef f(): return 1\nprint(f())\n"},
		{"a call with the value of an error", []string{"1", "def f(): return _", "fail('x')", "err_.message", "print(f())", "2", "print(f())"},
			"value1 = 1\n_ = value1\ndef f(): return _\nvalue2 = 2\n_ = value2\nprint(f())\n"},
		{"a value that is shown again", []string{"5", "6", "_1", "_1", "_", "print(_1, _)"}, "value1 = 5\nvalue2 = 6\nprint(value1, value2)\n"},
		{"an error", []string{"fail('x')", "print(err_.message)", "print(1)"}, "print(1)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := starlarkincus.New(starlarkincus.Options{})
			defer client.Close()
			h := host.New(host.Options{Predeclared: client.Names()})
			p := &prompt{Options: Options{Host: h}, session: h.NewSession()}
			p.session.Set("help", p.help().Function())
			p.Stdout = io.Discard
			for _, text := range test.entries {
				v, err := p.session.Eval(t.Context(), text+"\n")
				if err == nil {
					p.keep(text+"\n", v)
				} else {
					p.keepFailed(text+"\n", err)
				}
				if failed := h.ErrorValue(err); err != nil && failed != nil {
					p.session.Set("err_", failed)
				}
			}
			path := filepath.Join(folder, "sub", "saved.star")
			_ = os.MkdirAll(filepath.Dir(path), 0o700)
			got := scriptOf(p.worked, path)
			if got != "#!/usr/bin/env incus-star\n"+test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if err := writeScript(path, got, true); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode()&0o100 == 0 {
				t.Errorf("%v isn't executable (%v)", info.Mode(), err)
			}
			if found, err := checker.Run([]string{path}, checker.Options{}); err != nil || len(found) > 0 {
				t.Errorf("check: %v (%v)\n%s", found, err, got)
			}
			if err := host.New(host.Options{Predeclared: client.Names()}).RunFile(t.Context(), path); err != nil {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// TestSavedFailures checks that :save names the entries that failed halfway, which the script hasn't.
func TestSavedFailures(t *testing.T) {
	h := host.New(host.Options{Stdout: io.Discard})
	var out bytes.Buffer
	p := &prompt{Options: Options{Host: h, Stdout: &out, Stderr: io.Discard}, session: h.NewSession()}
	for _, text := range []string{
		"l = []", "for i in range(3):\n    l.append(1 // (1 - i))\n", "def f(x):\n    l.append(x)\n    fail()\n", "f(2)", "print('é'); y = [f(x) for x in [3]]; z = 1",
		"fail('one step')", "undefined", "for i in [1]: undefined()", "if True: 1 +", "if True:\n    fail('é'); fail()\n",
	} {
		_ = p.run(t.Context(), text+"\n", false)
	}
	path := filepath.Join(t.TempDir(), "s.star")
	if err := p.write(path, false); err != nil {
		t.Fatal(err)
	}
	const left = "left out, because it failed, with what it did before: "
	want := left + "for i in range(3): …\n" + left + "f(2)\n" + left + "y = [f(x) for x in [3]]\n" + left + "if True: …\nwrote " + path + "\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestSavedPrograms saves sessions of random programs, whose scripts print the same.
func TestSavedPrograms(t *testing.T) {
	r := newRand(t)
	for range *programs {
		g := &grammar{Rand: r}
		text := strings.Join(g.program(1+r.IntN(6)), "")
		want, failure := runFile(t, text)
		if failure != "" {
			continue
		}
		var s splitter
		var entries []worked
		for line := range strings.Lines(text) {
			for _, statement := range s.add(line) {
				entries = append(entries, worked{text: statement})
			}
		}
		entries = append(entries, worked{text: s.end()})
		saved := scriptOf(entries, "x.star")
		if got, failure := runFile(t, saved); got != want || failure != "" {
			t.Fatalf("%s\nis saved as\n%s\ngot %q, %q", text, saved, got, failure)
		}
	}
}
