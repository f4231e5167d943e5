package nesting

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.starlark.net/syntax"
)

// forms are texts that nest n deep, each in another way.
var forms = map[string]func(n int) string{
	"brackets":    func(n int) string { return "x = " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) },
	"lists":       func(n int) string { return "x = " + strings.Repeat("[", n) + strings.Repeat("]", n) },
	"dicts":       func(n int) string { return "x = " + strings.Repeat("{1:", n) + "1" + strings.Repeat("}", n) },
	"terms":       func(n int) string { return "x = 1" + strings.Repeat("+1", n) },
	"minus":       func(n int) string { return "x = " + strings.Repeat("-", n) + "1" },
	"not":         func(n int) string { return "x = " + strings.Repeat("not ", n) + "1" },
	"lambdas":     func(n int) string { return "x = " + strings.Repeat("lambda: ", n) + "1" },
	"conditions":  func(n int) string { return "x = 1" + strings.Repeat(" if 1 else 1", n) },
	"attributes":  func(n int) string { return "x = f" + strings.Repeat(".a", n) },
	"calls":       func(n int) string { return "x = f" + strings.Repeat("()", n) },
	"elifs":       func(n int) string { return "if 1:\n  pass\n" + strings.Repeat("elif 1:\n  pass\n", n) },
	"lines":       func(n int) string { return "x = (1" + strings.Repeat(" +\n1", n) + ")" },
	"continued":   func(n int) string { return "x = 1" + strings.Repeat(" + \\\n1", n) },
	"in a string": func(n int) string { return "x = 'a' + \"b\" + '''c\n'''" + strings.Repeat("+1", n) },
}

// TestLimit checks that every form is rejected between a third of the limit and the limit.
func TestLimit(t *testing.T) {
	for name, form := range forms {
		if line, err := Check(form(maxDepth / 3)); err != nil {
			t.Errorf("%s: a third of the limit: line %d: %v", name, line, err)
		}
		line, err := Check(form(maxDepth + 1))
		if err == nil || line < 1 {
			t.Errorf("%s: more than the limit: line %d, %v", name, line, err)
		}
		if strings.Contains(form(1), "\n") && name != "in a string" && line < 2 {
			t.Errorf("%s: line %d of many", name, line)
		}
	}
	digits := strings.Repeat("9", maxDigits)
	if _, err := Check("x = " + digits); err != nil {
		t.Error(err)
	}
	if line, err := Check("\n\nx = 1" + digits); line != 3 || err == nil || !strings.Contains(err.Error(), fmt.Sprint("a number of ", maxDigits+1, " digits")) {
		t.Errorf("a long number: line %d, %v", line, err)
	}
	if _, err := Check("x = a" + digits); err != nil {
		t.Errorf("a long name: %v", err)
	}
}

// TestLongTexts checks that long texts with little nesting are accepted.
func TestLongTexts(t *testing.T) {
	n := 3 * maxDepth
	for name, text := range map[string]string{
		"statements":      strings.Repeat("x = 1 + 2\n", n),
		"elements":        "x = [" + strings.Repeat("1,", n) + "]",
		"semicolons":      strings.Repeat("x = -1;", n) + "\n",
		"comments":        strings.Repeat("# ((((\n", n) + "#" + strings.Repeat("(", n),
		"a comment of #":  strings.Repeat("#", n),
		"a string":        `x = "` + strings.Repeat("(", n) + `"`,
		"a raw string":    `x = r'` + strings.Repeat(`\(`, n) + `'`,
		"a long string":   `x = """` + strings.Repeat("(\n\"", n) + `"""`,
		"an escaped end":  `x = "` + strings.Repeat(`\"(`, n) + `"`,
		"broken strings":  strings.Repeat("x = \"(\n", n),
		"closed brackets": strings.Repeat(")", n),
		"functions":       strings.Repeat("def f():\n  if 1:\n    pass\n  else:\n    pass\n", n),
		"tabs":            strings.Repeat("def f():\n\tpass\n\n", n),
		"arguments":       "f(" + strings.Repeat("a=-1, ", n) + ")",
		"blank lines":     strings.Repeat("   \n\t\n", n),
	} {
		if line, err := Check(text); err != nil {
			t.Errorf("%s: line %d: %v", name, line, err)
		}
	}
}

// TestRandom checks that any text is scanned to its end, and that its depth doesn't exceed its length.
func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	parts := []string{"(", ")", "[", "]", "{", "}", "+", "-", "not ", "if ", "elif", "else", "lambda:", "def f():", "\n", "  ", "\t", "\\\n", "\\", "'", `"`, `"""`, "'''", "#", ",", ";", "x", "1", "é", ":", ".", "\r"}
	for range 3000 {
		var b strings.Builder
		for range r.IntN(60) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		if line, err := Check(b.String()); err != nil || line != 0 {
			t.Errorf("%q: line %d, %v", b.String(), line, err)
		}
		for _, end := range []string{"\r", "\r\n"} {
			if _, err := Check("#" + b.String() + end + strings.Repeat("(", 2*maxDepth)); err == nil && !strings.ContainsAny(b.String(), `'"`) {
				t.Errorf("a comment %q that ends in %q hides what comes after it", b.String(), end)
			}
		}
		// A deeply nested text appended to it is found if Starlark would parse it as such.
		deep := b.String() + "\nx = " + strings.Repeat("(", 2*maxDepth)
		if _, err := new(syntax.FileOptions).Parse("", b.String()+"\n", 0); err == nil {
			if _, err := Check(deep); err == nil {
				t.Errorf("%q hides what comes after it", b.String())
			}
		}
	}
}
