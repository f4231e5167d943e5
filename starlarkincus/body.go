package starlarkincus

import (
	"maps"
	"net/http"
	"slices"
	"strings"

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

// put sets the object whole: its fields as they were before, each given one combined with it.
func (o *Object) put(c *call, method string, before *starlark.Dict, given map[string]any, etag string, combine func(t spec.Type, before, given any) any) (*rest.Reply, error) {
	v, err := value.ToGo(before)
	if err != nil {
		return nil, err
	}
	body := v.(map[string]any)
	for name, v := range given {
		t := spec.Any
		if f := spec.Find(o.on.res.Fields, name); f != nil {
			t = f.Type
		}
		body[name] = combine(t, body[name], v)
	}
	if method == "PATCH" {
		emptyNulls(o.on.res, body)
	} else {
		dropNulls(o.on.res, body)
	}
	c.args.body = body
	r := c.request(c.on, method)
	r.IfMatch = etag
	return c.do(r)
}

// merged is configuration or devices with the given keys set; anything else is just what is given.
func merged(t spec.Type, before, given any) any {
	old, _ := before.(map[string]any)
	m, ok := given.(map[string]any)
	if !ok || t != spec.Config && t != spec.Devices {
		return given
	}
	out := make(map[string]any, len(old)+len(m))
	maps.Copy(out, old)
	maps.Copy(out, m)
	return out
}

// patchable says whether PATCH can make the change, and prepares the body for it: Incus holds strings, and an empty
// one unsets a key of a config. A device can't be taken away like that.
func patchable(r *spec.Resource, body map[string]any) bool {
	if r.PatchSets || r.PatchFails {
		return false
	}
	for _, f := range r.Fields {
		m, _ := body[f.Name].(map[string]any)
		if (f.Type == spec.Devices || f.Type == spec.Config && f.Name != "config") && slices.Contains(slices.Collect(maps.Values(m)), nil) {
			return false
		}
	}
	emptyNulls(r, body)
	return true
}

// emptyNulls makes unset keys of a config empty, which is what unsets them where a server merges.
func emptyNulls(r *spec.Resource, body map[string]any) {
	for _, f := range r.Fields {
		v, given := body[f.Name]
		if !given || f.Type != spec.Config {
			continue
		}
		if v == nil {
			body[f.Name] = map[string]any{} // a null can break the server's merging
		}
		m, _ := v.(map[string]any)
		for key, v := range m {
			if v == nil {
				m[key] = ""
			}
		}
	}
}

// dropNulls takes unset keys out of configuration and devices that are sent whole.
func dropNulls(r *spec.Resource, body map[string]any) {
	for _, f := range r.Fields {
		if m, ok := body[f.Name].(map[string]any); ok && (f.Type == spec.Config || f.Type == spec.Devices) {
			maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
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
