package check

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	declare "incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// kinds has an expression of each class of values, and for streams one of each type.
var kinds = []string{"None", "True", "1", "2.5", `"a"`, `b"a"`, `["a"]`, `("a",)`, `{"a": "b"}`, `set(["a"])`, "range(3)", "struct(a = 1)", "fn", "len", `"a".upper`, "json",
	"try_(fn)", "IncusError", `IncusExecError("a")`, "env", `re.compile("a")`, "time.now()", "time.second", "incus", `fleet("a")`, "incus.instances", "i", "incus.instances.get",
	"incus.server", "i.fields", "i.export_stream()", "incus.events()", `run_stream(["a"])`, `i.exec(["a"], wait = False).lines()`, `i.exec(["a"], wait = False)`}

const kindsPrelude = "def fn(*args, **kwargs):\n    return None\n" + instanceI + "\n"

// checked returns the findings of a script by their lines, which follow the prelude.
func checked(t *testing.T, lines []string) map[int][]Finding {
	path := filepath.Join(t.TempDir(), "kinds.star")
	if err := os.WriteFile(path, []byte(kindsPrelude+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := Run([]string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[int][]Finding)
	for _, f := range found {
		if !strings.Contains(f.Message, "not used, so") {
			line := f.Line - 1 - strings.Count(kindsPrelude, "\n")
			out[line] = append(out[line], f)
		}
	}
	return out
}

// random returns a source of random numbers, and its seed, which it logs.
func random(t *testing.T) (*rand.Rand, uint64) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1)), seed
}

// ran runs a line, and returns the message of its failure; empty for none.
func ran(t *testing.T, client starlark.Value, line string) string {
	h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}, ReadOnly: true, Servers: sampleServers})
	_, err := h.NewSession().Eval(t.Context(), kindsPrelude+line+"\n")
	if err == nil {
		return ""
	}
	var b bytes.Buffer
	h.Report(&b, err)
	return firstMessage(b.String())
}

// comparable reports whether a line can run without a server.
func comparable(line string) bool {
	for _, part := range []string{"stream()", "wait = False", "incus.events()", "run_stream([", "i."} {
		if strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// agree checks that a line with findings fails with the message of one of them.
func agree(t *testing.T, client starlark.Value, line string, found []Finding) {
	t.Helper()
	message := ran(t, client, line)
	if message == "" || !slices.ContainsFunc(found, func(f Finding) bool { return strings.HasSuffix(f.String(), ": "+message) }) {
		t.Errorf("%s\nfails with %q\nbut check says %v", line, message, found)
	}
}

// kindTypes returns the types that check gives to the expressions of kinds.
func kindTypes(t *testing.T) map[string]typ {
	path := filepath.Join(t.TempDir(), "kinds.star")
	text := kindsPrelude
	for n, kind := range kinds {
		text += fmt.Sprintf("v%d = %s\n", n, kind)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newChecker(Options{}).module(path)
	out := make(map[string]typ)
	for n, kind := range kinds {
		types := m.collectFacts().vars[m.globals()[fmt.Sprintf("v%d", n)]].types
		if len(types) == 0 {
			t.Fatalf("check doesn't know the type of %s", kind)
		}
		out[kind] = types[0]
	}
	return out
}

// TestKindsOfArguments calls each declared function with values of all kinds, right and wrong. A call with a finding fails
// with the same message when it runs.
func TestKindsOfArguments(t *testing.T) {
	types := kindTypes(t)
	decls := host.Declarations()
	for _, name := range declare.NativeNames() {
		if d := declare.Native(name); decls[name] == nil {
			decls[name] = d
		}
	}
	fits := func(p declare.Param) string {
		for _, kind := range kinds {
			if p.Type == declare.Any && kind == `"a"` || p.Type != declare.Any && types[kind].class != none && takes(p.Type, types[kind]) {
				return kind
			}
		}
		return "None"
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(decls)) {
		d := decls[name]
		callee := name
		if owner, method, found := strings.Cut(name, "."); owner == "Fleet" {
			if !found {
				continue
			}
			callee = `fleet("a").` + method
		} else if found && !decls[name].Callable() || found && declare.Native(name) != nil {
			receiver := map[string]string{"string": `"a"`, "bytes": `b"a"`, "list": `["a"]`, "dict": `{"a": "b"}`, "set": `set(["a"])`}[owner]
			if receiver == "" {
				continue
			}
			callee = receiver + "." + method
		} else if !d.Callable() {
			continue
		}
		if slices.Contains([]string{"exit", "die", "sleep", "flag"}, name) {
			continue // a literal, or an end
		}
		if _, calls := forwarding[name]; calls {
			continue // what it calls fails
		}
		for i := range d.Params {
			for _, kind := range kinds {
				var args []string
				for k, q := range d.Params {
					v := kind
					if k != i {
						if !q.Required {
							continue
						}
						v = fits(q)
					}
					switch {
					case q.Passing == declare.ByPosition || q.Passing == declare.Rest || q.Passing == declare.Either && k <= i && k == len(args):
						args = append(args, v)
					case q.Passing == declare.Keywords:
						args = append(args, "other = "+v)
					default:
						args = append(args, q.Name+" = "+v)
					}
				}
				lines = append(lines, callee+"("+strings.Join(args, ", ")+")")
			}
		}
	}
	r, seed := random(t)
	r.Shuffle(len(lines), func(i, k int) { lines[i], lines[k] = lines[k], lines[i] })
	lines = lines[:min(len(lines), 60**scriptFlag)]
	found := checked(t, lines)
	client := fakeClient(t)
	for _, n := range slices.Sorted(maps.Keys(found)) {
		if comparable(lines[n]) {
			agree(t, client, lines[n], found[n])
		}
	}
	t.Logf("-seed %d: %d calls, %d with findings", seed, len(lines), len(found))
}

// rightKinds has expressions for arguments of each type of the incus module.
var rightKinds = map[spec.Type][]string{
	spec.Any: {"True", "1", "2.5", `"a"`, `["a"]`, `("a",)`, `{"a": "b"}`}, spec.String: {`"a"`}, spec.Name: {`"a"`}, spec.Int: {"1"}, spec.Bool: {"True", "False"}, spec.Strings: {`["a"]`, `("a",)`, `set(["a"])`},
	spec.Time: {`"2030-01-02T03:04:05Z"`, "time.now()"}, spec.Seconds: {"1", "2.5", "time.second"}, spec.WholeSeconds: {"1", "time.second"},
	spec.Config: {"{}", `{"a": 1}`, `{"a": None, "b": True}`, "dict(a = 1)", "i.config"}, spec.Devices: {"{}", `{"a": {"type": "disk"}, "b": None}`, "i.devices"},
	spec.Object: {"{}"}, spec.Objects: {"[]"}, spec.Filter: {`"name eq a"`}, spec.Conditions: {"{}"}, spec.Certificate: {`read_file("a.crt")`, `"a.crt"`}, spec.Raw: {`"a"`, `b"a"`},
	spec.Input:    {`"a"`, `b"a"`, `["a", b"b"]`, `("a",)`, "fn", "i.fields", "len", `[x for x in ["a"]]`, "i.export_stream()", `run_stream(["a"])`, `incus.images.get("a").export_stream()`},
	spec.Callable: {"fn", "print", "[].append", "lambda a: a", "log.info"}, spec.LocalPath: {`"a"`},
	spec.LocalInput: {`"a"`, `[b"a"]`, "fn", "i.fields", "i.export_stream()", `run_stream(["a"])`}, spec.FileMode: {"0o644", `"0644"`}, spec.OtherServer: {"incus", `incus.connect("b")`, "incus.use(project = \"p\")"},
}

// TestRightArguments calls each method with right arguments of all kinds, of which none has a finding.
func TestRightArguments(t *testing.T) {
	var lines []string
	right := func(f *spec.Field) []string {
		if f.Values != nil {
			var out []string
			for _, v := range f.Values {
				if out = append(out, fmt.Sprintf("%q", v)); f.Type == spec.Strings {
					out[len(out)-1] = "[" + out[len(out)-1] + "]"
				}
			}
			return out
		}
		switch {
		case f.Absolute:
			return []string{`"/a"`}
		case f.Type == spec.Filter && f.Fields != nil:
			return []string{fmt.Sprintf("%q", f.Fields[0].Name+" eq a"), "{}"}
		}
		return rightKinds[f.Type]
	}
	unknown := map[spec.Type]string{spec.Int: `len("a")`, spec.Strings: "[str(1)]", spec.Config: "{str(1): str(2)}", spec.Devices: `{str(1): {"type": str(2)}}`, spec.Bool: "bool(1)"}
	for _, text := range []spec.Type{spec.String, spec.Name, spec.Time, spec.Filter, spec.Certificate, spec.Raw, spec.Input, spec.LocalPath, spec.LocalInput, spec.FileMode} {
		unknown[text] = "str(1)"
	}
	call := func(callee string, m spec.Method) {
		args := m.Arguments()
		line := func(given *spec.Field, v string) {
			var passed []string
			for i := range args {
				switch f := &args[i]; {
				case f == given:
					passed = append(passed, f.Script()+" = "+v)
				case f.Required, given != nil && given.Beside == f.Name:
					passed = append(passed, f.Script()+" = "+right(f)[0])
				}
			}
			lines = append(lines, callee+"("+strings.Join(passed, ", ")+")")
		}
		line(nil, "")
		for i := range args {
			f := &args[i]
			if len(right(f)) == 0 {
				t.Errorf("the test has no value for %s= of %s", f.Script(), callee)
			}
			for _, v := range right(f) {
				line(f, v)
			}
			if v := unknown[f.Type]; v != "" {
				line(f, v)
			}
			for k := range f.Fields {
				if inner := &f.Fields[k]; inner.Name != spec.AnyKey && inner.Use == 0 {
					for _, v := range right(inner) {
						if v = fmt.Sprintf("{%q: %s}", inner.Script(), v); f.Type == spec.Objects {
							v = "[" + v + "]"
						}
						if f.Type == spec.Object || f.Type == spec.Objects {
							line(f, v)
						}
					}
				}
			}
		}
	}
	everyMethod(call)
	for n, found := range checked(t, lines) {
		t.Errorf("%s: %v", lines[n], found)
	}
	t.Logf("%d calls", len(lines))
}

// everyMethod calls f with each method, and an expression for it.
func everyMethod(call func(callee string, m spec.Method)) {
	var walk func(r *spec.Resource, collection string)
	walk = func(r *spec.Resource, collection string) {
		for _, m := range r.CollectionMethods() {
			call(collection+"."+m.Name, m)
		}
		object := collection + ".get(\"a\")"
		if r.Lists == spec.Single {
			object = collection + "()"
		}
		for _, m := range r.ObjectMethods() {
			call(object+"."+m.Name, m)
		}
		for _, child := range r.Children {
			if child.Stands == spec.OnCollection {
				walk(child, collection+"."+child.Name)
			} else {
				walk(child, object+"."+child.Name)
			}
		}
	}
	for _, r := range spec.Collections {
		walk(r, "incus."+r.Name)
	}
	for _, m := range spec.ClientMethods {
		call("incus."+m.Name, m)
	}
	for _, m := range spec.Commands.Methods {
		call(`i.exec(["a"], wait = False).`+m.Name, m)
	}
}

// TestDeclaredValues passes each argument a value that its declaration excludes, which check finds.
func TestDeclaredValues(t *testing.T) {
	var lines []string
	everyMethod(func(callee string, m spec.Method) {
		args := m.Arguments()
		for i := range args {
			var wrong []string
			f := &args[i]
			switch {
			case f.Others == spec.Refused:
				wrong = []string{`"zz"`, strings.ToUpper(fmt.Sprintf("%q", f.Values[0]))}
			case f.Others == spec.Misspelt:
				wrong = []string{fmt.Sprintf("%q", f.Values[0]+"x")}
			case f.Absolute:
				wrong = []string{`"a/b"`, `""`}
			}
			for _, v := range wrong {
				if f.Type == spec.Strings {
					v = "[" + v + "]"
				}
				lines = append(lines, callee+"("+f.Script()+" = "+v+", **dict())")
			}
			if o := spec.Find(args, f.Beside); o != nil {
				off := "None"
				if o.Type == spec.Bool {
					off = "False"
				}
				line := fmt.Sprintf("%s(%s = %s, %s = %s", callee, f.Script(), rightKinds[f.Type][0], o.Script(), off)
				for _, a := range args {
					if a.Required && a.Name != f.Name {
						line += ", " + a.Script() + " = " + rightKinds[a.Type][0]
					}
				}
				lines = append(lines, line+")")
			}
			for _, other := range f.Excludes {
				if o := spec.Find(args, other); o != nil {
					lines = append(lines, fmt.Sprintf("%s(%s = %s, %s = %s, **dict())", callee, f.Script(), rightKinds[f.Type][0], o.Script(), rightKinds[o.Type][0]))
				}
			}
		}
	})
	found := checked(t, lines)
	for n, line := range lines {
		if len(found[n]) == 0 {
			t.Errorf("check finds nothing in %s", line)
		}
	}
	t.Logf("%d calls", len(lines))
}

// TestWrongArguments calls random methods with values of any kind. A call with a finding fails with the same message when
// it runs.
func TestWrongArguments(t *testing.T) {
	r, seed := random(t)
	methods := append(spec.Instances.CollectionMethods(), spec.Instances.ObjectMethods()...)
	var lines []string
	kinds := slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return kind == "i" }) // a dict of configuration too, but for what is in it
	for range 20 * *scriptFlag {
		m := methods[r.IntN(len(methods))]
		receiver := "i."
		if m.Collection {
			receiver = "incus.instances."
		}
		var passed []string
		for _, f := range m.Arguments() {
			if f.Required || r.IntN(6) == 0 {
				passed = append(passed, f.Script()+" = "+kinds[r.IntN(len(kinds)-7)])
			}
		}
		lines = append(lines, receiver+m.Name+"("+strings.Join(passed, ", ")+")")
	}
	found := checked(t, lines)
	client := fakeClient(t)
	for n, these := range found {
		if comparable(strings.TrimPrefix(lines[n], "i.")) {
			agree(t, client, lines[n], these)
		}
	}
	t.Logf("-seed %d: %d calls, %d with findings", seed, len(lines), len(found))
}
