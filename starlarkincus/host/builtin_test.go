package host

import (
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

func TestHelp(t *testing.T) {
	h := New(Options{})
	for name := range h.predeclared {
		if name == "range" || slices.Contains(preallocating, name) {
			continue // Starlark's own
		}
		text := Declared(name).Text()
		if !strings.HasPrefix(text, name) || len(text) < len(name)+20 {
			t.Errorf("%s: help is %q", name, text)
		}
		if strings.Contains(text, "\t") {
			t.Errorf("%s: a tab in the help", name)
		}
	}
	for name := range Declarations() {
		if d := Declared(name); d == nil || d.Help == "" {
			t.Errorf("no help for %s", name)
		}
	}
	if Declared("nothing") != nil {
		t.Error("help for an unknown name")
	}
	want := "IncusConflictError(message, **fields)\n\nThe address, port, MAC or name is in use (409, or an equivalent failure).\n\n" +
		"A class of errors under IncusAPIError, IncusError, Error."
	if got := Declared("IncusConflictError").Text(); got != want {
		t.Errorf("got %q", got)
	}
}

func TestTwice(t *testing.T) {
	for name, register := range map[string]func(){
		"a builtin":  func() { index([]*builtin.Decl{&tryDecl, {Name: "try_"}}) },
		"Starlark's": func() { index([]*builtin.Decl{{Name: "len"}}) },
		"a caller's": func() { New(Options{Predeclared: starlark.StringDict{"Error": starlark.None}}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			register()
		}()
	}
}

// Called on a thread that is no host's, a builtin says so.
func TestForeignThread(t *testing.T) {
	h := New(Options{})
	_, err := starlark.Call(new(starlark.Thread), h.predeclared["try_"], starlark.Tuple{starlark.Universe["len"]}, nil)
	if err == nil || err.Error() != "try_: called outside of a script" {
		t.Errorf("got %v", err)
	}
	v, err := starlark.Call(new(starlark.Thread), h.predeclared["IncusError"], starlark.Tuple{starlark.String("x")}, nil)
	if err != nil || v.String() != "IncusError: x" {
		t.Errorf("got %v, %v", v, err)
	}
}
