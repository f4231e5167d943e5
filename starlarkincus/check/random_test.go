package check

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/host"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "the seed of random scripts; 0 for one of the clock")
	scriptFlag = flag.Int("scripts", 30, "how many random scripts are made")
)

// A writer writes random scripts.
type writer struct {
	*rand.Rand
	vars  []string
	funcs []string
	marks int
}

func (w *writer) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w *writer) variable() string {
	if len(w.vars) == 0 || w.IntN(4) == 0 {
		name := fmt.Sprintf("v%d", w.IntN(6))
		return name
	}
	return w.pick(w.vars...)
}

func (w *writer) expr(depth int) string {
	if depth == 0 || w.IntN(5) == 0 {
		if len(w.vars) > 0 && w.IntN(2) == 0 {
			return w.pick(w.vars...)
		}
		return w.pick("1", "0", "2.5", `"a"`, `"b,c"`, "None", "True", "[]", "[1, 2]", `["x"]`, "{}", `{"a": 1}`, "(1, 2)", `("a", 1)`, `b"xy"`, "range(3)",
			"set([1])", `struct(a = 1, b = "x")`, "IncusConflictError(\"a\")", "time.second", "time.now()", `re.compile("a")`, `re.search("a", "xa")`, "args", "IncusNotFoundError", "json", "len", "try_(len, [1])")
	}
	e := func() string { return w.expr(depth - 1) }
	switch w.IntN(13) {
	case 0, 1:
		return "(" + e() + " " + w.pick("+", "-", "*", "//", "%", "|", "&", "<", "==", "in", "not in", "/", "<<", "^") + " " + e() + ")"
	case 2:
		return e() + "[" + e() + "]"
	case 3:
		return e() + "[" + w.pick("", "1", "-1", e()) + ":" + w.pick("", "1", e()) + "]"
	case 4:
		return e() + "." + w.pick("a", "b", "message", "status", "value", "error", "ok", "seconds", "year", "pattern", "unix", "name", "cause", "class_")
	case 5, 6:
		return e() + "." + w.method()
	case 7:
		return w.pick("len", "str", "sorted", "list", "tuple", "dict", "set", "reversed", "enumerate", "max", "min", "bool", "repr", "type", "int", "float", "abs", "any", "all", "zip", "range", "hash.sha256", "json.encode", "json.decode", "math.sqrt", "re.findall", "base64.encode") + "(" + w.args(depth) + ")"
	case 8:
		return "[" + e() + ", " + e() + "]"
	case 9:
		return "{" + w.pick(`"a"`, "1", e()) + ": " + e() + "}"
	case 10:
		return "(" + e() + ", " + e() + ")"
	case 11:
		w.marks++
		return fmt.Sprintf("[(print(\"@%d\"), %s)[1] for e in %s]", w.marks, strings.ReplaceAll(e(), w.pick("1", `"a"`, "v0"), "e"), e())
	}
	if len(w.funcs) > 0 {
		return w.pick(w.funcs...) + "(" + w.args(depth) + ")"
	}
	return w.pick("-", "~", "+", "not ") + e()
}

func (w *writer) args(depth int) string {
	n := w.pick("0", "1", "1", "1", "2")
	switch n {
	case "0":
		return ""
	case "1":
		return w.expr(depth - 1)
	}
	return w.expr(depth-1) + ", " + w.expr(depth-1)
}

func (w *writer) method() string {
	return w.pick("upper", "split", "join", "strip", "replace", "format", "find", "startswith", "elems", "get", "keys", "items", "values", "pop", "index", "append",
		"union", "group", "groups", "findall", "search", "sub", "is_a", "format", "lower", "copy", "setdefault", "update", "insert") + "(" + w.args(2) + ")"
}

// statement returns a statement of one or more lines.
func (w *writer) statement() string {
	v := w.variable()
	e := func() string { return w.expr(w.IntN(3)) }
	mark := func() string {
		w.marks++
		return fmt.Sprintf("print(\"@%d\")", w.marks)
	}
	switch w.IntN(12) {
	case 0:
		return v + " " + w.pick("+", "-", "*", "|") + "= " + e()
	case 1:
		return v + "[" + e() + "] = " + e()
	case 2:
		return v + "." + w.pick("append", "extend", "insert", "update", "setdefault", "add") + "(" + w.args(2) + ")"
	case 3:
		return "a, b = " + e()
	case 4:
		return fmt.Sprintf("for x in %s:\n    %s\n    %s = %s", e(), mark(), v, strings.ReplaceAll(e(), w.pick("1", `"a"`), "x"))
	case 5:
		return fmt.Sprintf("for x in [0, \"s\"]:\n    if x:\n        %s\n        %s = %s\n    else:\n        %s\n        %s = %s", mark(), v, e(), mark(), v, e())
	case 6:
		name := fmt.Sprintf("f%d", len(w.funcs))
		body := strings.ReplaceAll(e(), w.pick("1", `"a"`, "[1, 2]"), "p")
		w.funcs = append(w.funcs, name)
		return fmt.Sprintf("def %s(p, q = %s):\n    if p:\n        %s\n        return %s\n    %s\n    return %s\n\n%s = [%[1]s(%s), %[1]s(None)]", name, w.pick("1", `"d"`, "None"), mark(), body, mark(), w.pick("q", "[p, q]", "\"x\" % p", "p"), v, e())
	case 7:
		return fmt.Sprintf("%s = [z for z in sorted(%s, key = lambda y: (%s, %s, 1)[2])]", v, e(), mark(), strings.ReplaceAll(e(), "1", "y"))
	}
	return v + " = " + e()
}

// TestRandomScripts checks that random statements that run without an error have no findings, and counts the findings
// for those that fail.
func TestRandomScripts(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	path := filepath.Join(t.TempDir(), "random.star")
	failed, found, passed := 0, 0, 0
	for n := range *scriptFlag {
		w := &writer{Rand: rand.New(rand.NewPCG(seed, uint64(n)))}
		script := ""
		for range 30 {
			funcs, marks := len(w.funcs), w.marks
			next := script + w.statement() + "\n"
			var out bytes.Buffer
			h := host.New(host.Options{Stdout: &out, MaxSteps: 100_000})
			err := h.RunSource(t.Context(), "random.star", []byte(next))
			if err := os.WriteFile(path, []byte(next), 0o600); err != nil {
				t.Fatal(err)
			}
			findings, unread := Run([]string{path}, Options{})
			if unread != nil {
				t.Fatal(unread)
			}
			reached := true
			for i := marks + 1; i <= w.marks; i++ {
				reached = reached && strings.Contains(out.String(), fmt.Sprintf("@%d\n", i))
			}
			if err != nil || !reached {
				w.funcs = w.funcs[:funcs]
				if err != nil {
					failed++
					if len(findings) > 0 {
						found++
					}
				}
				continue
			}
			for _, f := range findings {
				if !strings.Contains(f.Message, "never equal") {
					t.Errorf("-seed %d: %s\n%s", seed, f, next)
				}
			}
			if t.Failed() {
				return
			}
			script = next
			passed++
			for i := range 6 {
				if name := fmt.Sprintf("v%d", i); strings.Contains(script, name+" = ") && !strings.Contains(strings.Join(w.vars, " "), name) {
					w.vars = append(w.vars, name)
				}
			}
		}
	}
	t.Logf("%d statements run and have no findings; of %d that fail %d are found", passed, failed, found)
	if passed < 4**scriptFlag || found*3 < failed {
		t.Error("too few statements were tried, or found")
	}
}

// TestTornScripts checks that check ends without a panic for scripts of the corpus with some words replaced by others.
func TestTornScripts(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	r := rand.New(rand.NewPCG(seed, 0))
	_, wrong := chunks(t, "mistakes.txt")
	_, right := chunks(t, "right.txt")
	texts := append(wrong, right...)
	words := regexp.MustCompile(`\w+|\s+|[^\w\s]`)
	path := filepath.Join(t.TempDir(), "torn.star")
	parsed := 0
	for range 20 * *scriptFlag {
		tokens := words.FindAllString(texts[r.IntN(len(texts))], -1)
		other := words.FindAllString(texts[r.IntN(len(texts))], -1)
		for range 1 + r.IntN(3) {
			i, j := r.IntN(len(tokens)), r.IntN(len(other))
			if strings.TrimSpace(tokens[i]) != "" && strings.TrimSpace(other[j]) != "" {
				tokens[i] = other[j]
			}
		}
		text := strings.Join(tokens, "") + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if failure := recover(); failure != nil {
					t.Errorf("-seed %d: %v\n%s\n%s", seed, failure, text, debug.Stack())
				}
			}()
			findings, _ := Run([]string{path}, Options{})
			if !slices.ContainsFunc(findings, func(f Finding) bool { return strings.HasPrefix(f.Message, "got ") }) {
				parsed++
			}
		}()
		if t.Failed() {
			return
		}
	}
	t.Logf("-seed %d: %d of %d torn scripts parsed", seed, parsed, 20**scriptFlag)
}
