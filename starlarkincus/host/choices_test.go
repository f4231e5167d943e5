package host

import (
	"fmt"
	"strings"
	"testing"
)

// TestFlagChoices gives a flag of each type, as one value and as a list, with its default written out and computed, each of its choices
// and other values.
func TestFlagChoices(t *testing.T) {
	for _, kind := range []struct {
		choices, listed, first string   // as in the script, in messages, and the first one
		good                   []string // on the command line, and then as they are printed
		shown                  []string
		bad                    map[string]string // what the message says of a value
	}{
		{`["pull", "push", "relay", "a b", ""]`, `pull, push, relay, "a b" or ""`, `"pull"`, []string{"push", "a b", ""}, []string{`"push"`, `"a b"`, `""`},
			map[string]string{"pul": ` (did you mean pull?)`, "relais": ` (did you mean relay?)`, "xyz": "", "pull ": ` (did you mean pull?)`}},
		{`[1, 2, 100000000000000000000]`, `1, 2 or 100000000000000000000`, `1`, []string{"2", "100000000000000000000", "+1"}, []string{"2", "100000000000000000000", "1"},
			map[string]string{"3": "", "-1": "", "100000000000000000001": ""}},
		{`[0.5, 1]`, `0.5 or 1`, `0.5`, []string{"1", "0.50"}, []string{"1.0", "0.5"}, map[string]string{"2": "", "nan": "", "0.51": ""}},
		{`["one"]`, `one`, `"one"`, []string{"one"}, []string{`"one"`}, map[string]string{"two": "", "ones": " (did you mean one?)"}},
	} {
		for _, list := range []bool{false, true} {
			for _, computed := range []bool{false, true} {
				text := func(v string) string {
					if list {
						return "[" + v + "]"
					}
					return v
				}
				script := fmt.Sprintf("print(repr(flag('x', %s, choices = %s)))", text(kind.first), kind.choices)
				if computed {
					script = fmt.Sprintf("print(repr(flag('x', (lambda: %s)(), choices = %s)))", text(kind.first), kind.choices)
				}
				if out, status := given(t, script); out != text(kind.first)+"\n" || status != 0 {
					t.Errorf("%s: %s, status %d", script, out, status)
				}
				for i, value := range kind.good {
					if out, status := given(t, script, "--x="+value); out != text(kind.shown[i])+"\n" || status != 0 {
						t.Errorf("%s --x=%s: %s, status %d", script, value, out, status)
					}
				}
				for value, advice := range kind.bad {
					want := fmt.Sprintf("x.star: --x: got %q, want %s%s\n", value, kind.listed, advice)
					if out, status := given(t, script, "--x="+value); out != want || status != 2 {
						t.Errorf("%s --x=%s: %s, status %d, want %s", script, value, out, status, want)
					}
				}
				if list {
					if out, status := given(t, script, "--x="+kind.good[0], "--x=no"); !strings.HasPrefix(out, "x.star: --x: got \"no\"") || status != 2 {
						t.Errorf("%s: %s, status %d", script, out, status)
					}
				}
				if out, _ := given(t, script, "--help"); !strings.Contains(out, " ("+kind.listed+")") {
					t.Errorf("%s --help: %s", script, out)
				}
				// A mistake in the script is found before it runs if it can be.
				for wrong, message := range map[string]string{
					strings.Replace(script, kind.first, `"other"`, 1): "flag: ",
					strings.Replace(script, "[", "(1, ", 1):           "",
				} {
					if out, status := given(t, wrong); status == 0 || !strings.Contains(out, message) {
						t.Errorf("%s: %s, status %d", wrong, out, status)
					}
				}
			}
		}
	}
	for script, want := range map[string]string{
		`flag("x", choices = ["a"])`:                                        "None",
		`flag("x", "b", choices = ["a"])`:                                   `x.star:1:5: flag: the default is "b", which isn't one of the choices a`,
		`flag("x", "".join(["b"]), choices = ["a"])`:                        `flag: the default is "b", which isn't one of the choices a`,
		`flag("x", ["a", "b"], choices = ["a"])`:                            `x.star:1:5: flag: the default has "b", which isn't one of the choices a`,
		`flag("x", "b", required = True, choices = ["a"])`:                  `x.star: missing --x (--help lists the flags)`,
		`flag("x", 1, choices = ["a"])`:                                     `x.star:1:5: flag: choices has the string "a", and the flag, which has the type of its default, is an int`,
		`flag("x", 1, choices = [1, 2.5])`:                                  `x.star:1:5: flag: choices has float 2.5, and the flag, which has the type of its default, is an int`,
		`flag("x", [], choices = [1])`:                                      `x.star:1:5: flag: choices has int 1, and the flag, which has the type of its default, is a string`,
		`flag("x", True, choices = [True])`:                                 `x.star:1:5: flag: choices has bool True, and the flag, which has the type of its default, is a bool`,
		`flag("x", choices = [])`:                                           `x.star:1:5: flag: choices is empty`,
		`flag("x", choices = "ab")`:                                         `x.star:1:5: flag: choices is the string "ab", want a list`,
		`flag("x", choices = ("a", "b"))`:                                   `x.star:1:5: flag: write out choices, as in choices = ["a", "b"]`,
		"all = ['a']\nflag('x', choices = all)":                             `x.star:2:5: flag: write out choices, as in choices = ["a", "b"]`,
		`flag("x", "a", "help", False, ["a", None])`:                        `x.star:1:5: flag: choices has None, and the flag, which has the type of its default, is a string`,
		`flag("x", "a", choices = None)`:                                    "a",
		`flag("x", -1, choices = [-1, 1])`:                                  "-1",
		`flag("x", "a", choices = ["a" + "b", "a"])`:                        "a",
		`flag("x", len("a"), choices = ["a"])`:                              `flag: choices has the string "a", and the flag`,
		`try_(flag, "x", 1, choices = [1]).value`:                           `flag: call flag at the top level`,
		`catch(ScriptError, flag, "x", 1, choices = [2]).error.message[:9]`: "flag: the",
	} {
		last := strings.LastIndex(script, "\n") + 1
		if out, _ := given(t, script[:last]+"x = "+script[last:]+"\nprint(x)"); !strings.Contains(out, want) {
			t.Errorf("%s: %s, want %s", script, out, want)
		}
	}
	s := New(Options{}).NewSession()
	if got := mustEval(t, s, `flag("x", "a", choices = ["a", "b"])`); got != `"a"` {
		t.Error(got)
	}
	if _, err := s.Eval(t.Context(), `flag("x", "c", choices = ["a", "b"])`); err == nil || !strings.Contains(err.Error(), "isn't one of the choices a or b") {
		t.Error(err)
	}
}
