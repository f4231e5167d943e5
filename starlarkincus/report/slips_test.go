package report_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/report"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// standIns are values for the names by which hints call the reader's own.
var standIns = map[string]starlark.Value{
	"s": starlark.String(""), "x": starlark.NewList(nil), "list": starlark.NewList(nil), "d": new(starlark.Dict), "b": starlark.Bytes(""),
}

// TestHintsNameWhatExists looks up every function that a hint has called.
func TestHintsNameWhatExists(t *testing.T) {
	client := starlarkincus.New(starlarkincus.Options{})
	t.Cleanup(client.Close)
	names := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}}).NewSession()
	hints := report.Hints()
	instances, err := client.Attr("instances")
	if err != nil {
		t.Fatal(err)
	}
	ofInstance := make(map[string]bool)
	for _, m := range instances.(*starlarkincus.Collection).Resource().ObjectMethods() {
		ofInstance[m.Name] = true
	}
	for _, child := range instances.(*starlarkincus.Collection).Resource().Children {
		ofInstance[child.Name] = true
	}
	calls := regexp.MustCompile(`((?:[a-z_]\w*|", "|"")\.)?([a-z_]\w*(?:\.\w+)*)\(`)
	own := regexp.MustCompile(`^(?:f|fn|main|decorator|def|list|get|exists|delete|create|update|load|wait)$`)
	looked := 0
	for _, hint := range hints {
		for _, found := range calls.FindAllStringSubmatch(hint, -1) {
			path := strings.Split(strings.TrimSuffix(found[0], "("), ".")
			if len(path) == 1 && own.MatchString(path[0]) {
				continue
			}
			looked++
			var v starlark.Value
			switch first := path[0]; {
			case strings.HasPrefix(first, `"`):
				v = starlark.String("")
			case first == "instance" || first == "object":
				if !ofInstance[path[1]] {
					t.Errorf("%q: an instance has no %s", hint, path[1])
				}
				continue
			case first == "t":
				continue // a time
			case standIns[first] != nil && len(path) > 1:
				v = standIns[first]
			default:
				v = names.Get(first)
			}
			for _, name := range path[1:] {
				if owner, ok := v.(starlark.HasAttrs); ok && !strings.Contains(name, "$") {
					v, _ = owner.Attr(name)
				}
			}
			if v == nil {
				t.Errorf("%q: there is no %s", hint, found[0])
			}
		}
	}
	if t.Logf("%d hints, %d calls", len(hints), looked); looked < 50 {
		t.Error("too few")
	}
}

// TestCollectionsWithoutClient checks the error for the name of every collection without its client.
func TestCollectionsWithoutClient(t *testing.T) {
	for _, r := range spec.Collections {
		h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": starlark.None}})
		_, err := h.NewSession().Eval(t.Context(), r.Name+".list()")
		if want := "undefined: " + r.Name + ": write " + r.Reach(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't have %q", err, want)
		}
		_, err = h.NewSession().Eval(t.Context(), r.Name+"s = 1\n"+r.Name)
		if want := "did you mean " + r.Name + "s?"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't have %q", err, want)
		}
	}
}

// TestArgumentsOfCopiesAndMoves gives each method that copies or moves an object the names that its siblings have for the new project,
// pool and cluster member: the hint has an argument of the method.
func TestArgumentsOfCopiesAndMoves(t *testing.T) {
	written := regexp.MustCompile(`: write (\w+) = `)
	hints := 0
	for _, r := range []*spec.Resource{spec.Instances, child(t, spec.Instances, "snapshots"), child(t, spec.StoragePools, "volumes"), spec.Images} {
		for _, m := range r.ObjectMethods() {
			if m.Name != "copy" && m.Name != "move" {
				continue
			}
			for _, name := range []string{"project", "to_project", "target_project", "pool", "to_pool", "target_pool", "storage_pool", "storage", "target", "member", "to_member", "target_member", "location"} {
				if spec.Find(m.Args, name) != nil || r == spec.Images && !strings.Contains(name, "project") {
					continue
				}
				hint := report.WithHint(r.Singular() + "." + m.Name + ": unknown argument " + name + ": there are a, b")
				found := written.FindStringSubmatch(hint)
				if hints++; found == nil || spec.Find(m.Args, found[1]) == nil {
					t.Errorf("%s", hint)
				}
			}
		}
	}
	if hints < 40 {
		t.Errorf("only %d", hints)
	}
}

// TestBytesOfEncoders has each encoder write bytes somewhere in a value. One that refuses them says where they are, and how
// to write them, which then works.
func TestBytesOfEncoders(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	session := host.New(host.Options{}).NewSession()
	encoders := []string{`table.text(%s, format = "json")`, `table.text(%s, format = "csv")`, `table.text(%s)`}
	for _, name := range session.Names() {
		library, ok := session.Get(name).(builtin.Library)
		if !ok {
			continue
		}
		for _, member := range library.AttrNames() {
			if strings.HasPrefix(member, "encode") && name != "base64" {
				encoders = append(encoders, name+"."+member+"(%s)")
			}
		}
	}
	refused := make(map[string]bool)
	for range 50 {
		// A table wants rows, and a row cells.
		path, before, after := `[1]["k"]`, `[{"k": 1}, {"k": `, `}]`
		for range r.IntN(4) {
			switch r.IntN(4) {
			case 0:
				path, before, after = path+"[0]", before+"[", "]"+after
			case 1:
				path, before, after = path+"[1]", before+"(None, ", ")"+after
			case 2:
				path, before, after = path+`["in field .x: \""]`, before+`{"in field .x: \"": `, "}"+after
			case 3:
				path, before, after = path+".out", before+"struct(err = 1, out = ", ")"+after
			}
		}
		for _, encoder := range encoders {
			_, err := session.Eval(t.Context(), strings.ReplaceAll(encoder, "%s", before+`b"\xff"`+after))
			if err == nil {
				continue
			}
			refused[encoder] = true
			hint := report.WithHint(err.Error())
			if !strings.Contains(hint, path+": got bytes, want a value that has a ") || !strings.Contains(hint, "str(value)") || !strings.Contains(hint, "base64.encode(value)") {
				t.Errorf("%s of bytes at %s: %s", encoder, path, hint)
			}
			for _, write := range []string{`str(b"\xff")`, `base64.encode(b"\xff")`} {
				if _, err := session.Eval(t.Context(), strings.ReplaceAll(encoder, "%s", before+write+after)); err != nil {
					t.Errorf("%s of %s: %v", encoder, write, err)
				}
			}
		}
	}
	for _, encoder := range []string{"json.encode(%s)", "json.encode_indent(%s)", encoders[0]} {
		if !refused[encoder] {
			t.Errorf("%s takes bytes", encoder)
		}
	}
}

// child returns the resource below another one.
func child(t *testing.T, of *spec.Resource, name string) *spec.Resource {
	for _, r := range of.Children {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("%s has no %s", of.Kind, name)
	return nil
}

// TestNoneIsNamed uses None where another value is due, in each way of the language: the message says that a value is None.
func TestNoneIsNamed(t *testing.T) {
	codes := strings.Split(`x["a"]|x[0]|x[1:]|x[:]|x.a|x.name|x.get("a")|x.group(1)|x.cpu|getattr(x, "a")|x()|x(1, a = 2)|x.a()|len(x)|-x|+x|~x|print(*x)|print(**x)|a, b = x|[a, b] = x|x.a = 1|x["a"] = 1|x[0] += 1|`+
		`for i in x: pass|[i for i in x]|{i: 1 for i in x}|sorted(x)|list(x)|tuple(x)|set(x)|dict(x)|max(x)|min(x)|any(x)|all(x)|zip(x)|zip([], x)|enumerate(x)|reversed(x)|"".join(x)|[].extend(x)|{}.update(x)|sorted([1, x])|max(1, x)`, "|")
	for _, op := range strings.Fields("+ - * / // % & | ^ << >> in < <= > >=") {
		codes = append(codes, "x "+op+" x")
		for _, other := range []string{"1", "1.5", `"a"`, `b"a"`, "[1]", "(1,)", `{"a": 1}`, "set()", "range(3)", "len", "incus", "incus.instances", "struct(a = 1)", "time.now()", "time.second"} {
			codes = append(codes, "x "+op+" "+other, other+" "+op+" x")
		}
	}
	client := starlarkincus.New(starlarkincus.Options{})
	t.Cleanup(client.Close)
	h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}})
	failed := 0
	for _, code := range codes {
		err := h.RunSource(t.Context(), "none", []byte("x = None\n"+code))
		if err == nil {
			continue // None in a list
		}
		failed++
		message := report.Message(err)
		if strings.Contains(message, "NoneType") && !regexp.MustCompile(` (?:is|are|gives) None\b`).MatchString(message) {
			t.Errorf("%s: %s", code, message)
		}
	}
	if t.Logf("%d failures", failed); failed < 300 {
		t.Error("too few")
	}
}
