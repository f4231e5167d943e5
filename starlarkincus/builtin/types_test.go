package builtin_test

import (
	"strings"
	"testing"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// TestTypes checks that every type has a name, and accepts its own values and no others, unless either is Any.
func TestTypes(t *testing.T) {
	w := newWorld(t)
	var all builtin.Type
	for i, k := range kinds {
		if want := builtin.Type(1) << i; k.kind != want {
			t.Errorf("%s is %b, want %b: a type is missing here", k.name, k.kind, want)
		}
		all |= k.kind
		if name := k.kind.String(); name != k.name && k.kind != builtin.Other {
			t.Errorf("got %s, want %s", name, k.name)
		}
		for _, v := range w.values[k.kind] {
			if kindOf(v) != k.kind {
				t.Errorf("%v is a %s, want a %s", v, v.Type(), k.kind)
			}
		}
		for _, o := range kinds {
			both := k.kind | o.kind
			if k.kind.Allows(o.kind) != (k.kind == o.kind) || !both.Allows(o.kind) || !both.Allows(k.kind) {
				t.Errorf("%s allows %s: %v", k.kind, o.kind, k.kind.Allows(o.kind))
			}
			if got := both.String(); strings.Contains(got, " or ") != (k.kind != o.kind) || !strings.Contains(got, o.kind.String()) {
				t.Errorf("%s and %s are %s", k.kind, o.kind, got)
			}
			of := k.kind.Of(o.kind)
			if of.Elem() != o.kind || !of.Allows(k.kind) || !k.kind.Allows(of) || of.String() != k.kind.String()+" of "+o.kind.String() {
				t.Errorf("%s of %s is %s", k.kind, o.kind, of)
			}
		}
		if !builtin.Any.Allows(k.kind) || !k.kind.Allows(builtin.Any) || k.kind.Elem() != builtin.Any {
			t.Errorf("%s and any value", k.kind)
		}
	}
	if beyond := all + 1; beyond.String() != "any value" || builtin.Any.String() != "any value" {
		t.Errorf("there is a type beyond those here: %s", beyond)
	}
}

func TestDescribed(t *testing.T) {
	w := newWorld(t)
	for _, k := range kinds {
		for _, v := range w.values[k.kind] {
			want := v.Type()
			switch k.kind {
			case builtin.None:
				want = "None"
			case builtin.String:
				want = "the string " + v.String()
			case builtin.Bool, builtin.Int, builtin.Float:
				want += " " + v.String()
			case builtin.Class:
				want = "the class Error"
			}
			if got := builtin.Described(v); got != want {
				t.Errorf("%v: got %s, want %s", v, got, want)
			}
			text := v.String()
			if s, ok := starlark.AsString(v); ok {
				text = s
			} else if b, ok := v.(starlark.Bytes); ok {
				text = string(b)
			}
			if got := builtin.PlainText(v); got != text {
				t.Errorf("%v is printed as %s, want %s", v, got, text)
			}
		}
	}
	long := starlark.String(strings.Repeat("x", 41))
	if builtin.Described(long) != "string" || builtin.Described(long[1:]) != "the string "+long[1:].String() {
		t.Error("a long string")
	}
	if got := builtin.Described(own{}); got != "the instance web" {
		t.Errorf("a value with a description: %s", got)
	}
}

// own is a value with its own description.
type own struct{ starlark.NoneType }

func (own) Type() string      { return "Instance" }
func (own) Described() string { return "the instance web" }
