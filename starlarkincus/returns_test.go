package starlarkincus_test

import (
	"context"
	"fmt"
	"slices"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// dataKind returns the type of a string or bytes, as a value has it.
func dataKind(v starlark.Value) string {
	if v.Type() == "bytes" {
		return "bytes"
	}
	return "string"
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
	case spec.Truth:
		kind = "bool"
	case spec.Operation:
		kind = "Operation"
	case spec.Data:
		kind = dataKind(got)
	case spec.StructList:
		kind, elem = "list", "struct"
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
	case spec.ByteStream:
		kind = "stream"
	case spec.LineStream:
		kind = "lines"
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

// called calls a method. A stream that it returns is closed unread.
func called(method starlark.Value, args []starlark.Tuple) (starlark.Value, error) {
	v, err := starlark.Call(new(starlark.Thread), method, nil, args)
	if stream, ok := v.(builtin.Stream); ok {
		err = stream.Close(context.Background(), err)
	}
	return v, err
}
