package repl

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// newLooking returns a prompt whose client has no server.
func newLooking(t *testing.T) *prompt {
	client := starlarkincus.New(starlarkincus.Options{})
	t.Cleanup(client.Close)
	h := host.New(host.Options{Predeclared: client.Names()})
	return &prompt{Options: Options{Host: h, Stdout: io.Discard, Stderr: io.Discard}, session: h.NewSession()}
}

// everyMethod calls do with an expression of each method of the incus module.
func everyMethod(do func(expr string, m *spec.Method)) {
	for i := range spec.ClientMethods {
		do("incus."+spec.ClientMethods[i].Name, &spec.ClientMethods[i])
	}
	var walk func(on string, r *spec.Resource)
	walk = func(on string, r *spec.Resource) {
		all, object := on+"."+r.Name, on+"."+r.Name+".get('a')"
		methods := r.CollectionMethods()
		switch has := func(name string) bool {
			return slices.ContainsFunc(methods, func(m spec.Method) bool { return m.Name == name })
		}; {
		case r.Lists == spec.Single:
			object = all + "()"
		case !has("get") && has("list"):
			object = all + ".list()[0]"
		case !has("get"):
			object = ""
		}
		for i := range methods {
			do(all+"."+methods[i].Name, &methods[i])
		}
		ofObject := r.ObjectMethods()
		for i := range ofObject {
			if object != "" {
				do(object+"."+ofObject[i].Name, &ofObject[i])
			}
		}
		for _, child := range r.Children {
			if child.Stands == spec.OnCollection {
				walk(all, child)
			} else if object != "" {
				walk(object, child)
			}
		}
	}
	for _, r := range spec.Collections {
		walk("incus", r)
	}
}

// TestDeedsOfMethods calls every method of the module in entries of several forms. Those that only read are left out.
func TestDeedsOfMethods(t *testing.T) {
	p := newLooking(t)
	counts := make(map[deed]int)
	everyMethod(func(expr string, m *spec.Method) {
		want := acts
		switch {
		case m.Effect == spec.Reads && !m.WritesFiles && !slices.Contains([]string{"wait", "wait_ready", "refresh", "lines"}, m.Name):
			want = looks
		}
		counts[want]++
		forms := []string{"%s()", "%s('a', x = 1)", "len(%s())", "sorted(%s(), key = lambda x: x.name)", "[i.name for i in %s()]", "[%s() for i in [1]]", "{'a': %s()}", "try_(%s, 'a')", "%s() or 1", "str(%s()).upper()"}
		for _, form := range forms {
			if got := p.deeds(fmt.Sprintf(form, expr) + "\n"); len(got) != 1 || got[0] != want {
				t.Errorf("%s of %s, which %s: %v, want %v", form, expr, m.Effect, got, want)
			}
		}
	})
	if t.Log(counts); counts[acts] < 100 || counts[looks] < 100 {
		t.Error("too few")
	}
}

// doing are the functions of the host and of Starlark that do something, wait, or end the script.
var doing = strings.Fields(`Fleet.map Fleet.rollout events.close defer die error_class exit fail finally_ flag fs.mkdir fs.remove fs.rename fs.temp_dir
	log log.debug log.error log.info log.warning print raise_ retry run run_stream sleep table wait_until write_file
	dict.clear dict.pop dict.popitem dict.setdefault dict.update list.append list.clear list.extend list.insert list.pop list.remove
	set.add set.clear set.discard set.pop set.remove set.update`)

// TestDeedsOfFunctions goes through the functions of the host and of Starlark: each either only looks or does something.
func TestDeedsOfFunctions(t *testing.T) {
	p := newLooking(t)
	receivers := map[string]string{"string": "''", "bytes": "b''", "list": "[]", "dict": "{}", "set": "set()"}
	names := builtin.NativeNames()
	for name, d := range host.Declarations() {
		if d.Callable() && !strings.HasPrefix(name, "Incus") && name != "Error" && name != "ScriptError" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if does := slices.Contains(doing, name); pure(name) == does && name != "None" && name != "True" && name != "False" {
			t.Errorf("%s: only looks: %v, does something: %v", name, pure(name), does)
		}
		owner, method, _ := strings.Cut(name, ".")
		expr := name
		if receivers[owner] != "" && method != "" {
			expr = receivers[owner] + "." + method
		} else if p.valueAt(strings.Split(name, ".")) == nil {
			continue
		}
		want := map[bool]deed{true: looks, false: acts}[pure(name)]
		if _, callable := p.valueAt(strings.Split(name, ".")).(starlark.Callable); expr == name && !callable {
			continue
		}
		if got := p.deeds(expr + "(1)\n"); got[0] != want {
			t.Errorf("%s(1): %v", expr, got)
		}
	}
	if names = slices.Sorted(maps.Keys(host.Declarations())); len(names) < 50 {
		t.Error("too few")
	}
}

// TestDeedsOfValues tries entries with names of the session.
func TestDeedsOfValues(t *testing.T) {
	p := newLooking(t)
	if _, err := p.session.Eval(t.Context(), "l = [1]\ni = incus.instances\nstart = incus.operations\ndef f(): return 1\ng = f\n"); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]deed{
		"i.list()": looks, "[x.name for x in i.list() if x.state()]": looks, "[x.stop() for x in i.list()]": acts, "[(n, x.stop()) for n, x in enumerate(i.list())]": acts,
		"[x.state() for n, x in [(1, i.get('a'))]]": looks, "f()": acts, "sorted(l, key = f)": acts, "sorted(l, key = len)": looks, "sorted(l, key = unknown)": acts,
		"l.append(1)": acts, "len(l)": looks, "l": looks, "1 + 1": looks, "x = i.list()": acts, "parallel(f, l)": acts, `fleet("*")`: looks, `len(fleet(["a", "b"]))`: looks, `fleet("*").map(lambda s: s.instances.get("a").stop())`: acts, "parallel(i.get, ['a'])": looks,
		"parallel(i.get('a').stop, l)": acts, "parallel(lambda x: i.get(x).stop(), l)": acts, "try_(i.get('a').state)": looks, "catch(IncusNotFoundError, i.get, 'a')": looks, "catch(Error, i.get('a').start)": acts,
		"(lambda: 1)()": acts, "incus.server()": looks, "incus.request('GET', '/1.0')": looks, "incus.request('POST', '/1.0')": acts, "incus.request(m, '/1.0')": acts,
		"i.get('a').files.read('/x')": looks, "i.get('a').files.pull('/x', 'y')": acts, "i.get('a').addresses()": looks, "i.get('a').shell()": acts, "print(i.get('a').shell())": acts,
		"[i.list() for i in [1]]": acts, "i.list(f())": acts, "i.get('a').start": looks, "i.get('a')[f()]": acts, "sorted(l, key = lambda x, y = f(): x)": acts,
	} {
		if got := p.deeds(text + "\n"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string][]deed{"i.list(); i = {}": {acts, acts}, "1\n2; l.clear()\n": {looks, looks, acts}, "x = (": nil} {
		if got := p.deeds(text + "\n"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestSavedReads checks that entries that only read are left out, unless a later entry uses their values.
func TestSavedReads(t *testing.T) {
	p := newLooking(t)
	if _, err := p.session.Eval(t.Context(), "w = incus.instances\ndef f(x): return x\n"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"w.list()", "w.get('a').snapshots.list(); w.get('a').state()", "w.get(f('a'))", "w.get('a').stop()", "len(w.names())", "w.get('b')", "_.start()",
		"w.names(); w.get('c').delete()\n"} {
		p.worked = append(p.worked, worked{text: text + "\n", valued: true, deeds: p.deeds(text + "\n")})
		p.session.Set("_", p.session.Get("w"))
	}
	const want = "#!/usr/bin/env incus-star\nw.get(f('a'))\nw.get('a').stop()\nvalue1 = w.get('b')\nvalue1.start()\nw.names(); w.get('c').delete()\n"
	if got := scriptOf(p.worked, "x.star"); got != want {
		t.Errorf("got\n%s", got)
	}
}
