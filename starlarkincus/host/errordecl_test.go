package host

import (
	"strings"
	"testing"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// TestDeclaredFieldsOfErrors compares the declared fields and methods of errors with those that the errors of all classes have.
func TestDeclaredFieldsOfErrors(t *testing.T) {
	has := make(map[string]bool)
	for _, class := range errors.Classes() {
		e := &errorValue{err: &errors.Error{Class: class, Message: "x"}}
		for _, name := range e.AttrNames() {
			has[name] = true
			d := errorDecl.Member(name)
			if d == nil {
				t.Errorf("%s.%s isn't declared", class.Name(), name)
				continue
			}
			if v, err := e.Attr(name); err != nil || d.Callable() != (v.Type() == "builtin_function_or_method") {
				t.Errorf("%s.%s: %v, %v", class.Name(), name, v, err)
			}
		}
	}
	for _, d := range errorDecl.Members {
		if !has[strings.TrimPrefix(d.Name, "error.")] {
			t.Errorf("no error has %s", d.Name)
		}
	}
}

// TestExplained explains errors with and without a hint, also one that the message or the cause has already.
func TestExplained(t *testing.T) {
	cause := errors.New(errors.TLS, "pin it first")
	for want, e := range map[string]*errors.Error{
		"IncusNotFoundError (404): gone":                {Class: errors.NotFound, Status: 404, Message: "gone"},
		"IncusNotFoundError: gone (hint: look again)":   {Class: errors.NotFound, Message: "gone", Hint: "look again"},
		"IncusNotFoundError: gone; look again":          {Class: errors.NotFound, Message: "gone; look again", Hint: "look again"},
		"IncusConnectionError: no server: pin it first": {Class: errors.Connection, Message: "no server", Cause: cause, Hint: "pin it first"},
	} {
		v, err := starlark.Call(new(starlark.Thread), must((&errorValue{err: e}).Attr("explain")), nil, nil)
		if got, _ := starlark.AsString(v); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func must(v starlark.Value, _ error) starlark.Value { return v }
