package repl

import (
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
			"a = incus.instances\nclient1 = incus.use(project = \"p\")\nb = client1.instances\ndef f(): return client1.profiles\nf()\n"},
		{"twice", []string{use, use, "c = incus.connect"}, "client1 = incus.use(project = \"p\")\nclient2 = client1.use(project = \"p\")\nc = client2.connect\n"},
		{"a load", []string{"load('lib.star', 'double')", "load('lib.star', 'double')", "print(double(2))"}, "load(\"../lib.star\", 'double')\npass\nprint(double(2))\n"},
		{"names of arguments", []string{use, "print(dict(incus = 1))", "struct(incus = 2).incus + abs(1)"}, "client1 = incus.use(project = \"p\")\nprint(dict(incus = 1))\nstruct(incus = 2).incus + abs(1)\n"},
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
				} else if failed := h.ErrorValue(err); failed != nil {
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
			if found, err := checker.Run([]string{path}, checker.Options{}); err != nil || len(found) > 0 {
				t.Errorf("check: %v (%v)\n%s", found, err, got)
			}
			if err := host.New(host.Options{Predeclared: client.Names()}).RunFile(t.Context(), path); err != nil {
				t.Errorf("%v\n%s", err, got)
			}
		})
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

// TestSavedReads checks that calls that only read from the server are left out, unless a later entry uses their values.
func TestSavedReads(t *testing.T) {
	entries := []worked{
		{"incus.instances.list()\n", true}, {"incus.instances.get('a').snapshots.list()\n", true}, {"incus.storage_pools.get('p').name\n", true},
		{"incus.instances.get(f('a'))\n", true}, {"incus.instances.get('a').stop()\n", true}, {"x.list()\n", true},
		{"incus.instances.get('b')\n", true}, {"_.start()\n", true},
	}
	const want = "#!/usr/bin/env incus-star\nincus.instances.get(f('a'))\nincus.instances.get('a').stop()\nx.list()\nvalue1 = incus.instances.get('b')\nvalue1.start()\n"
	if got := scriptOf(entries, "x.star"); got != want {
		t.Errorf("got\n%s", got)
	}
}
