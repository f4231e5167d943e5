package repl

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	checker "incus-star/starlarkincus/check"
	"incus-star/starlarkincus/host"
)

// sessionNames are the names of a random session, each for one kind of value.
var sessionNames = struct{ numbers, functions, lists []string }{
	[]string{"a", "b", "c"}, []string{"f", "g", "h"}, []string{"l", "m"},
}

// A randomSession writes entries as a person may: also wrong ones, which are then typed anew.
type randomSession struct {
	*rand.Rand
	number int
}

func (r *randomSession) one(of ...string) string { return of[r.IntN(len(of))] }

// expression returns a number.
func (r *randomSession) expression() string {
	n := sessionNames
	switch r.IntN(7) {
	case 0, 1:
		r.number++
		return fmt.Sprint(r.number)
	case 2, 3:
		return r.one(n.numbers...)
	case 4:
		return r.one(n.functions...) + "(" + r.expression() + ")"
	case 5:
		return "len(" + r.one(n.lists...) + ")"
	}
	return r.expression() + " + " + r.one(n.numbers...)
}

// function returns the definition of a function, which may call those that stand before it in the alphabet.
func (r *randomSession) function(i int) string {
	name, param := sessionNames.functions[i], "x"
	if r.IntN(4) == 0 {
		param = "x = " + r.one(append(sessionNames.numbers, "len([l.append(4)])")...)
	}
	body := "x + " + r.one(append([]string{"1", "len(l)", "_", "_1"}, sessionNames.numbers...)...)
	if i > 0 && r.IntN(2) == 0 {
		body = sessionNames.functions[r.IntN(i)] + "(" + body + ")"
	}
	if r.IntN(5) == 0 {
		body = "(lambda " + r.one("x", "_", "f", "a") + " = 3: " + body + ")()"
	}
	return fmt.Sprintf("def %s(%s):\n    return %s\n", name, param, body)
}

// entries returns the next entries.
func (r *randomSession) entries() []string {
	n := sessionNames
	i := r.IntN(len(n.functions))
	name := n.functions[i]
	switch r.IntN(15) {
	case 0, 1:
		return []string{r.function(i)}
	case 2, 3: // a wrong one, its failure, and the right one
		wrong := r.one("return x.nothing", "fail('no')", "y = 1 // 0", "return [1][x + 9]")
		return []string{fmt.Sprintf("def %s(x):\n    %s\n", name, wrong), r.one("", r.one(n.numbers...)+" = ") + name + "(1)", r.function(i)}
	case 4:
		return []string{fmt.Sprintf("def %s(x): return undefined(x)", name), "undefined"}
	case 5, 6:
		return []string{r.one(n.numbers...) + " = " + r.expression()}
	case 7:
		return []string{r.expression()}
	case 8:
		return []string{r.expression(), r.one(n.numbers...) + " = _ + " + r.one("1", "a", "_")}
	case 9:
		return []string{r.one(n.lists...) + ".append(" + r.expression() + ")"}
	case 10:
		return []string{r.one(n.numbers...) + " += " + r.expression()}
	case 11: // some statements, the last of which may fail
		return []string{r.function(i) + r.one(n.numbers...) + " = " + r.expression() + r.one("\n", "; fail('end')\n") + "print(a)\n"}
	case 12:
		return []string{"fail('x')", r.one("e = err_.message", "e = 1", "err_", "len(err_.message)"), "30", "31"} // no script has the value of an error
	}
	if r.IntN(2) == 0 {
		return []string{fmt.Sprintf("%s = lambda x: x + %s", name, r.one("_", "_1", "a", "(lambda y = _: y)()")), r.one("", r.one(n.numbers...)+" = ") + name + "(1)"}
	}
	return []string{"load('lib.star', " + r.one("'f'", "g = 'f'", "k = 'f'") + ")"}
}

// TestSavedSessions saves random sessions, whose scripts check accepts and have the same values at their end.
func TestSavedSessions(t *testing.T) {
	r := &randomSession{Rand: newRand(t)}
	folder := t.TempDir()
	check(t, os.WriteFile(filepath.Join(folder, "lib.star"), []byte("def f(x = 1): return 100 * x\n"), 0o600))
	t.Chdir(folder)
	path := filepath.Join(folder, "saved.star")
	for range *programs {
		inputs := []string{"a, b, c = 1, 2, 3", "l = []; m = [1]", "10", "20"} // else a right function is an error
		for i := range sessionNames.functions {
			inputs = append(inputs, r.function(i))
		}
		for range 1 + r.IntN(12) {
			inputs = append(inputs, r.entries()...)
		}
		h := host.New(host.Options{Stdout: io.Discard, MaxSteps: maxSteps})
		p := &prompt{Options: Options{Host: h, Stdout: io.Discard, Stderr: io.Discard}, session: h.NewSession()}
		for _, text := range inputs {
			_ = p.run(t.Context(), text+"\n", false)
		}
		const values = "[a, b, c, l, m, f(1), g(2), h(3)]"
		saved := scriptOf(p.worked, path)
		session := strings.Join(inputs, "\n") + "\nis saved as\n" + saved
		check(t, os.WriteFile(path, []byte(saved), 0o600))
		if found, err := checker.Run([]string{path}, checker.Options{}); err != nil || len(found) > 0 {
			t.Fatalf("check: %v (%v)\n%s", found, err, session)
		}
		want := "fails" // such as a function that the last entry broke
		if v, err := p.session.Eval(t.Context(), values); err == nil {
			want = v.String()
		}
		var out bytes.Buffer
		got := "fails"
		script := host.New(host.Options{Stdout: &out, MaxSteps: maxSteps})
		if script.RunSource(t.Context(), path, []byte(saved+"print("+values+")\n")) == nil {
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			got = lines[len(lines)-1]
		}
		if got != want {
			t.Fatalf("%s\ngot  %s\nwant %s", session, got, want)
		}
	}
}
