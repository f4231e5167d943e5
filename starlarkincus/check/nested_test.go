package check

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus/host"
)

// A nesting puts a container, %s, into another one, v, and names the path to it.
type nesting struct{ make, path string }

var nestings = []nesting{
	{"v = %s", "v"},
	{"v = struct(c = %s, d = 1)", "v.c"},
	{"v = [%s]", "v[0]"},
	{"v = [1, %s]", "v[-1]"},
	{"v = {\"c\": %s}", "v[\"c\"]"},
	{"v = {\"c\": %s}", "v.c"},
	{"v = {\"c\": %s}", "v.get(\"c\")"},
	{"v = (%s, 1)", "v[0]"},
	{"v = try_(lambda: %s)", "v.value"},
	{"v = try_(lambda: %s)", "v[0]"},
	{"w = %s\nv = lambda: w", "v()"},
	{"w = %s\nv = struct(get = lambda: w)", "v.get()"},
	{"w = %s\nv = [w]", "w"},
	{"w = %s\nv = struct(c = w)", "w"},
	{"w = %s\nv = struct(c = w)", "v.c"},
	{"def maker(w = %s):\n    return w\nv = maker()", "v"},
	{"v = struct(a = 1) + struct(c = %s)", "v.c"},
	{"v = [c for c in [%s]]", "v[0]"},
	{"v = dict(c = %s)", "v[\"c\"]"},
	{"v = list(reversed([%s]))", "v[0]"},
}

// A change changes a container so that a read of its element gives a string.
type change struct {
	start string // the container before
	text  string // $ is the path
	reads []string
}

var (
	listReads = []string{"$[0].upper()", "$[-1].upper()", "r = $\nr[0].upper()", "[e for e in $ if e][0].upper()", "for e in $:\n    if e != None:\n        e.upper()", "def reader(c):\n    return c[0].upper()\nreader($)",
		"list($)[0].upper()", "$.pop().upper()", "$[:][0].upper()", "max($).upper()", "\"\".join($).upper()", "[a.upper() for a, b in zip($, $)]", "r = [e for e in $]\nr[0].upper()", "tuple($)[0].upper()", "reversed($)[0].upper()"}
	dictReads = []string{"$[\"k\"].upper()", "$.get(\"k\").upper()", "$.k.upper()", "r = $\nr[\"k\"].upper()", "[e.upper() for k, e in $.items()]", "[e.upper() for e in $.values()]", "$.pop(\"k\").upper()", "dict($)[\"k\"].upper()",
		"def reader(c):\n    return c[\"k\"].upper()\nreader($)", "$.popitem()[1].upper()", "$.setdefault(\"k\", 1).upper()", "($ | {})[\"k\"].upper()"}
	setReads = []string{"[e.upper() for e in $]", "list($)[0].upper()", "sorted($)[0].upper()", "$.pop().upper()", "for e in $:\n    e.upper()"}
	changes  = []change{
		{"[None]", "$[0] = \"web\"", listReads},
		{"[1]", "a = $\na[0] = \"web\"", listReads},
		{"[1]", "def changer(c):\n    c[0] = \"web\"\nchanger($)", listReads},
		{"[1]", "(lambda c: c.insert(0, c.clear() or \"web\"))($)", listReads},
		{"[]", "$.append(\"web\")", listReads},
		{"[]", "$.insert(0, \"web\")", listReads},
		{"[]", "$.extend([\"web\"])", listReads},
		{"[]", "add = $.append\nadd(\"web\")", listReads},
		{"[]", "a = $\na += [\"web\"]", listReads},
		{"[None]", "for c in [$]:\n    c[0] = \"web\"", listReads},
		{"[None]", "b = {\"x\": $}\nb[\"x\"][0] = \"web\"", listReads},
		{"[None]", "b = struct(x = $)\nb.x[0] = \"web\"", listReads},
		{"[None]", "try_(lambda: $.clear()).value or try_(lambda: $.append(\"web\")).value", listReads},
		{"[2]", "$[0], z = \"web\", 1", listReads},
		{"[2]", "for $[0] in [\"web\"]:\n    pass", listReads},
		{"{\"k\": None}", "$[\"k\"] = \"web\"", dictReads},
		{"{\"k\": 1}", "a = $\na[\"k\"] = \"web\"", dictReads},
		{"{\"k\": 1}", "$.update({\"k\": \"web\"})", dictReads},
		{"{\"k\": 1}", "$.update(k = \"web\")", dictReads},
		{"{\"k\": 1}", "$.update([(\"k\", \"web\")])", dictReads},
		{"{}", "$.setdefault(\"k\", \"web\")", dictReads},
		{"{\"k\": 1}", "a = $\na |= {\"k\": \"web\"}", dictReads},
		{"{\"k\": 1}", "def changer(c):\n    c[\"k\"] = \"web\"\nchanger($)", dictReads},
		{"{\"k\": 1}", "b = [$]\nb[0].k = \"web\"", dictReads},
		{"{\"k\": 1}", "b = [$]\nb[0].update(k = \"web\")", dictReads},
		{"set()", "$.add(\"web\")", setReads},
		{"set([])", "a = $\na.update([\"web\"])", setReads},
		{"set([])", "a = $\na |= set([\"web\"])", setReads},
		{"set([1])", "$.clear()\n$.add(\"web\")", setReads},
	}
)

// nestedScripts returns a script for each container in one or two others, changed and read.
func nestedScripts() []string {
	var all []string
	for i, outer := range nestings {
		for k := -1; k < len(nestings); k++ {
			make, path := outer.make, outer.path
			if k >= 0 {
				inner := nestings[k]
				if (i+k)%3 != 0 || strings.Contains(inner.make, "\n") || !strings.HasPrefix(inner.make, "v = ") {
					continue // a third of the pairs
				}
				make = fmt.Sprintf(make, strings.TrimPrefix(inner.make, "v = "))
				path = strings.Replace(inner.path, "v", path, 1)
			}
			for _, c := range changes {
				for _, read := range c.reads {
					text := fmt.Sprintf(make, c.start) + "\n" + c.text + "\n" + read + "\n"
					all = append(all, strings.ReplaceAll(text, "$", path))
				}
			}
		}
	}
	return all
}

// inFunction returns a script as a function and its call.
func inFunction(name, text string) string {
	return "def " + name + "():\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n\n" + name + "()\n"
}

// TestNestedContainers checks that random scripts that change a container inside of others, and run, have no findings.
func TestNestedContainers(t *testing.T) {
	const batch = 40
	ran, failed := 0, 0
	var right []string
	dir := t.TempDir()
	flush := func() {
		var paths []string
		for i, text := range right {
			path := filepath.Join(dir, fmt.Sprintf("%d.star", i))
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
		found, err := Run(paths, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			src, _ := os.ReadFile(f.File)
			t.Errorf("%d: %s\n%s", f.Line, f.Message, src)
		}
		right = nil
	}
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	all := nestedScripts()
	for range 40 * *scriptFlag {
		text := all[r.IntN(len(all))]
		for _, script := range []string{text, inFunction("main", text)} {
			h := host.New(host.Options{MaxSteps: 100_000})
			if h.RunSource(t.Context(), "nested.star", []byte(script)) != nil {
				failed++
				continue
			}
			ran++
			if right = append(right, script); len(right) == batch {
				flush()
			}
		}
	}
	flush()
	t.Logf("%d scripts run, %d fail", ran, failed)
	if ran < 10*failed {
		t.Error("too few scripts run")
	}
}
