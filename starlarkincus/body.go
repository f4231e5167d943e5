package starlarkincus

import (
	"net/http"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// changeable are the object's fields that replace sends, as they were read.
func (o *Object) changeable() *starlark.Dict {
	out := new(starlark.Dict)
	for _, f := range spec.With(o.on.res.Fields, spec.Change) {
		if v, found, _ := o.fields.Get(starlark.String(f.Name)); found {
			out.SetKey(starlark.String(f.Name), v) // a new dict with strings as keys takes anything
		}
	}
	return out
}

func jsonFields(fields *starlark.Dict) (map[string]any, error) {
	v, err := value.ToGo(fields)
	m, _ := v.(map[string]any)
	return m, err
}

// unset turns the nulls of configuration into what unsets a key: Incus holds strings, and an empty one is no value.
func unset(body map[string]any) {
	for name, v := range body {
		if m, ok := v.(map[string]any); ok && (name == "config") {
			for key, v := range m {
				if v == nil {
					m[key] = ""
				}
			}
		}
	}
}

// response is what request returns.
func response(reply *rest.Reply, state *rest.State, op *Object) (starlark.Value, error) {
	metadata := starlark.Value(starlark.None)
	var err error
	switch {
	case op != nil:
		metadata = op
	case state != nil:
		metadata, err = value.Decode(state.Raw)
	case len(reply.Metadata) > 0:
		metadata, err = value.Decode(reply.Metadata)
	}
	if err != nil {
		return nil, err
	}
	headers := new(starlark.Dict)
	for name := range reply.Header {
		headers.SetKey(starlark.String(http.CanonicalHeaderKey(name)), starlark.String(strings.Join(reply.Header[name], ", ")))
	}
	return starlarkstruct.FromStringDict(starlark.String("Response"), starlark.StringDict{
		"status": starlark.MakeInt(reply.Status), "metadata": metadata, "etag": starlark.String(reply.ETag), "headers": headers,
	}), nil
}

// addProgress gives an operation what its metadata says of its progress, under one name for all kinds of work.
func addProgress(fields *starlark.Dict) error {
	v, _, _ := fields.Get(starlark.String("metadata"))
	metadata, ok := v.(*starlark.Dict)
	if !ok {
		return nil
	}
	progress, found, _ := metadata.Get(starlark.String("progress"))
	for k, v := range metadata.Entries() {
		if name, _ := starlark.AsString(k); !found && strings.HasSuffix(name, "_progress") {
			progress, found = v, true
		}
	}
	if !found {
		return nil
	}
	return fields.SetKey(starlark.String("progress"), progress)
}

// setCancelled takes the cancelled operation as the server rendered it.
func (o *Object) setCancelled(e *errors.Error) error {
	v, err := value.FromGo(e.Response)
	if err != nil {
		return err
	}
	if d, ok := v.(*starlark.Dict); ok {
		fields := new(starlark.Dict)
		for k, v := range d.Entries() {
			if err := fields.SetKey(k, v); err != nil {
				return err
			}
		}
		return o.set(fields, "")
	}
	return nil
}
