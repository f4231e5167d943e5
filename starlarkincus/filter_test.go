package starlarkincus

import (
	"strings"
	"testing"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// filterable returns the filter= arguments of all lists.
func filterable() map[string]*spec.Field {
	out := make(map[string]*spec.Field)
	var visit func(path string, r *spec.Resource)
	visit = func(path string, r *spec.Resource) {
		for _, m := range r.CollectionMethods() {
			if f := spec.Find(m.Args, "filter"); f != nil && m.Does == spec.DoList {
				out[path+r.Name] = f
			}
		}
		for _, child := range r.Children {
			visit(path+r.Name+".", child)
		}
	}
	for _, r := range spec.Collections {
		visit("", r)
	}
	return out
}

func TestFiltersNameFieldsThatThereAre(t *testing.T) {
	all := filterable()
	if len(all) < 18 {
		t.Errorf("only %d lists have a filter", len(all))
	}
	for name, f := range all {
		known := f.Fields[0].Name
		for _, typo := range []string{known + "s", "stats", "last_message_", "x.y"} {
			if spec.Find(f.Fields, typo) != nil {
				continue
			}
			dict := starlark.NewDict(1)
			dict.SetKey(starlark.String(typo), starlark.String("x"))
			values := []starlark.Value{dict}
			if f.Type == spec.Filter {
				values = append(values, starlark.String("not "+typo+" eq 'a b' and "+known+" eq x"), starlark.String(known+" eq \"a b\" or "+typo+" ne x"))
			}
			for _, v := range values {
				if _, err := newFilter(f, "filter", v); err == nil || !strings.Contains(err.Error(), "unknown field") {
					t.Errorf("%s: %v: %v", name, v, err)
				} else if typo == known+"s" && !strings.Contains(err.Error(), "did you mean "+f.Fields[0].Script()+"?") {
					t.Errorf("%s: %v: %v suggests nothing", name, v, err)
				}
			}
		}
	}
}

func TestExpressionFields(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"name":                           "",
		"name eq":                        "",
		"name eq web.*":                  "name",
		"not name eq 'a b c' and x ne y": "name x",
		`config.user.a eq "a b" or not status eq Running and type eq container`: "config.user.a status type",
		"not not": "",
	} {
		if got := strings.Join(expressionFields(text), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// No filter takes None, which would match nothing, and those by a key say how to find objects without the key.
func TestFiltersRefuseNone(t *testing.T) {
	keys := 0
	for name, f := range filterable() {
		for _, field := range f.Fields {
			path, byKey := field.Name, false
			switch field.Type {
			case spec.Config:
				path, byKey = path+".user.x", true
			case spec.Devices:
				path, byKey = path+".eth0.mtu", true
			case spec.Object, spec.Any:
				path += ".x"
			}
			dict := starlark.NewDict(1)
			dict.SetKey(starlark.String(path), starlark.None)
			_, err := newFilter(f, "filter", dict)
			if err == nil || byKey && !strings.Contains(err.Error(), `is None: "" finds objects without the key`) {
				t.Errorf("%s: %s: %v", name, path, err)
			}
			if byKey {
				keys++
			}
		}
	}
	if keys < 10 {
		t.Errorf("only %d fields have keys", keys)
	}
}
