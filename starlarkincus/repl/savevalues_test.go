package repl

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	checker "incus-star/starlarkincus/check"
	"incus-star/starlarkincus/host"
)

// A valuesSession writes entries that read and assign _ and its kind, in all forms of statements, without a mistake.
type valuesSession struct {
	randomSession
	block bool // a function of another entry has the values from before a block during it, which is not the saving's doing
}

func (r *valuesSession) value() string { return r.one("_", "_", "_", "_1", "_2") }

// of returns one of the forms of code, in which V is one of the names, and E and K are numbers, K one that ends loops.
func (r *valuesSession) of(forms ...string) string {
	form := r.one(forms...)
	for _, c := range []struct {
		letter string
		text   func() string
	}{{"V", r.value}, {"E", r.expression}, {"K", func() string { return r.one("0", "1", "2", "(x % 2)", "(_ % 3)") }}} {
		for strings.Contains(form, c.letter) {
			form = strings.Replace(form, c.letter, c.text(), 1)
		}
	}
	return form
}

func (r *valuesSession) expression() string {
	r.number++
	if !r.block && r.IntN(4) == 0 {
		return r.of("q(V)", "q(_ = E)", "g()", "h(V)")
	}
	return r.of(fmt.Sprint(r.number), fmt.Sprint(r.number), "V", "V", "V", "x", "V + V", "[V][0]", "(V)", "(lambda V: _ + 1)(V)", "(lambda: V)()", "(lambda V = E: _1)()",
		"[_ + 1 for V in [E, 2]][0]", "[_ for x in [V] for _ in [x, x + 1]][-1]", "{_: _ for _ in [1, V]}[1]", "(V if V % 2 else V)", "dict(_ = V)['_']")
}

func (r *valuesSession) simple() string {
	return r.of("V = E", "V = E", "V += E", "(V) += 1", "V -= V", "V, x = x, E", "(x, V) = [V, E]", "[V, x] = V, V", "V, (x, V) = E, (1, E)", "x = E", "x += V",
		"print(E)", "E", "E", "V", "say(E)", "say(V)", "l.append(E)", "l[0] = V", "l[0] += V", "print(V, l)", "h = lambda y = 0: V", "h = lambda _: _ + V")
}

func (r *valuesSession) entry() string {
	switch r.IntN(8) {
	case 0:
		return r.simple() + "; " + r.simple()
	case 1:
		return r.simple() + "\n" + r.entry()
	case 2:
		r.block = true
		defer func() { r.block = false }()
		return r.of("for V in [E, E]: pass", "for V in range(K): print(V)", "for V, x in [(E, 1)] * K: x += V", "for x in range(K): V += E", "for V in range(K):\n    if V: break",
			"if V % 2: V = E", "if V % 2:\n    V = E\nelse:\n    V, x = x, V", "if x:\n    print(V)", "while V > 1000: _, _1, _2 = _ // 2, _1 // 2, _2 // 2")
	case 3:
		return r.of("def q(_): return _ + 1", "def q(_ = E): return _ + _1", "def q(_ = 1): return V", "def g(): return V", "def g(): return V + V", "def g(): return [V for V in [V]][0]",
			"def g():\n    _ = 1\n    return V", "def h(_ = l.append(E)): return _1 + 1", "def h(_ = V): return V", "load('lib.star', V = 'number')", "load('lib.star', _ = 'number', _1 = 'number')")
	}
	return r.simple()
}

// TestSavedValues saves random sessions that use the values of entries, whose scripts print the same.
func TestSavedValues(t *testing.T) {
	r := &valuesSession{randomSession: randomSession{Rand: newRand(t)}}
	folder := t.TempDir()
	check(t, os.WriteFile(filepath.Join(folder, "lib.star"), []byte("number = 77\n"), 0o600))
	t.Chdir(folder)
	path := filepath.Join(folder, "saved.star")
	for range *programs {
		inputs := []string{"def say(x):\n    print(x)\n    return x\n", "x = 3; l = [1]", "say(7)", "say(8)", "say(9)",
			"def q(_): return _", "def g(): return 1", "def h(_): return _"}
		for range 1 + r.IntN(9) {
			inputs = append(inputs, r.entry())
		}
		inputs = append(inputs, "print(_, x, l)", "print(_1, _2)", "print(g(), q(1))")
		var want, got bytes.Buffer
		h := host.New(host.Options{Stdout: &want, MaxSteps: maxSteps})
		p := &prompt{Options: Options{Host: h, Stdout: io.Discard, Stderr: io.Discard}, session: h.NewSession()}
		session := strings.Join(inputs, "\n")
		for _, text := range inputs {
			if err := p.run(t.Context(), text+"\n", false); err != nil {
				t.Fatalf("%s\n%q: %v", session, text, err)
			}
		}
		saved := scriptOf(p.worked, path)
		session += "\nis saved as\n" + saved
		check(t, os.WriteFile(path, []byte(saved), 0o600))
		if found, err := checker.Run([]string{path}, checker.Options{}); err != nil || len(found) > 0 {
			t.Fatalf("check: %v (%v)\n%s", found, err, session)
		}
		err := host.New(host.Options{Stdout: &got, MaxSteps: maxSteps}).RunSource(t.Context(), path, []byte(saved))
		if err != nil || got.String() != want.String() {
			t.Fatalf("%s\ngot  %q (%v)\nwant %q", session, got.String(), err, want.String())
		}
	}
}
