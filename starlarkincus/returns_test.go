package starlarkincus_test

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// returned compares a result with the help.
func returned(p *spec.Site, m *spec.Method, owner, got starlark.Value) error {
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(s string) bool { return strings.Contains(m.Doc, s) })
	}
	kind := "NoneType"
	elem := ""
	switch {
	case says("as a string", "as text"):
		kind = "string"
	case says("as bytes"):
		kind = "bytes"
	case says("returns the Operation", "returns an Operation"):
		kind = "Operation"
	case says("returns the image"):
		kind = "Image"
	case says("returns the instance"):
		kind = "Instance"
	case says("returns the copy", "Creates a") && p != nil && m.Does != spec.DoRead:
		kind = p.Kind
	case says("Reports whether"):
		kind = "bool"
	case says("returns a struct"):
		kind = "struct"
	case says("Returns its output for a loop"):
		kind = "lines"
	case says("events for a loop"):
		kind = "events"
	case says("Returns a client"):
		kind = "incus"
	case says("names of all", "list of strings", "list of paths"):
		kind, elem = "list", "string"
	case says("Returns a list of all"):
		kind, elem = "list", p.Kind
	case says(": a list, each"):
		kind, elem = "list", m.Returns.Of.Kind
	case (m.Does == spec.DoRead || m.Does == spec.DoLock) && m.Returns.Of != nil:
		kind = m.Returns.Of.Kind
	case says("returns it") && m.Collection:
		kind = p.Kind
	case says("returns it"):
		if got != owner {
			return fmt.Errorf("it returned %v, not the object itself", got)
		}
		return nil
	case says("Returns all configuration"):
		return nil
	}
	if got.Type() != kind {
		return fmt.Errorf("it returned a %s, not a %s", got.Type(), kind)
	}
	if list, ok := got.(*starlark.List); ok {
		for v := range list.Elements() {
			if v.Type() != elem {
				return fmt.Errorf("it returned a list with a %s, not of %s", v.Type(), elem)
			}
		}
	}
	return nil
}

// declared compares a result with the declared one.
func declared(m *spec.Method, owner, got starlark.Value) error {
	kind, elem := "", ""
	switch r := m.Returns; r.Shape {
	case spec.Itself:
		if got != owner {
			return fmt.Errorf("it returned %v, not the object itself", got)
		}
		kind = r.Of.Kind
	case spec.One:
		kind = r.Of.Kind
	case spec.ListOf:
		kind, elem = "list", r.Of.Kind
	case spec.StringList:
		kind, elem = "list", "string"
	case spec.Text:
		kind = "string"
	case spec.Bytes:
		kind = "bytes"
	case spec.Truth:
		kind = "bool"
	case spec.Operation:
		kind = "Operation"
	case spec.Struct:
		kind = "struct"
		for _, f := range r.Of.Fields {
			if !slices.Contains(got.(starlark.HasAttrs).AttrNames(), f.Script()) {
				return fmt.Errorf("it returned %v, without %s", got, f.Script())
			}
		}
	case spec.Nothing:
		kind = "NoneType"
	case spec.Client:
		kind = "incus"
	case spec.Stream:
		kind = "events"
	case spec.Anything:
		return nil
	}
	if got.Type() != kind {
		return fmt.Errorf("it returned a %s, and the table says %s", got.Type(), kind)
	}
	if list, ok := got.(*starlark.List); ok {
		for v := range list.Elements() {
			if v.Type() != elem {
				return fmt.Errorf("it returned a list with a %s, not of %s", v.Type(), elem)
			}
		}
	}
	return nil
}
