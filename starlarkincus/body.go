package starlarkincus

import (
	"maps"
	"net/http"
	"strings"

	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// writable returns the fields that a PUT of the object sends, as they were read: those that can be changed, those that
// servers want back, and those that the table doesn't know, because a newer server may clear what it isn't sent back.
func (o *Object) writable() *starlark.Dict {
	out := new(starlark.Dict)
	for k, v := range o.fields.Entries() {
		name, _ := starlark.AsString(k)
		f := spec.Find(o.on.res.Fields, name)
		if f == nil && (o.kind.object[name] != nil || o.kind.children[name] != nil) {
			continue // what is below the object, of a read with recursion=
		}
		if f == nil || f.Use&(spec.Change|spec.Kept) != 0 {
			out.SetKey(k, v) // a new dict with strings as keys takes anything
		}
	}
	return out
}

// put sets the object whole: its fields as they were before, each given one combined with it.
func (o *Object) put(c *call, before *starlark.Dict, etag string, combine func(t spec.Type, before, given any) any) (*rest.Reply, error) {
	v, err := value.ToGo(before)
	if err != nil {
		return nil, err
	}
	given, body := c.args.body, v.(map[string]any)
	for _, f := range o.on.res.Fields {
		if v, found := body[f.Name]; found && v == nil {
			body[f.Name] = emptyOf(f.Type) // servers put defaults in the place of a null
		}
	}
	for name, v := range given {
		t := spec.Any
		if f := spec.Find(o.on.res.Fields, name); f != nil {
			t = f.Type
		}
		if t == spec.Devices {
			if body[name], err = o.withProfiles(body[name], v); err != nil {
				return nil, err
			}
		}
		body[name] = combine(t, body[name], v)
	}
	dropNulls(o.on.res, body)
	whole := *c.args
	whole.body = body
	sending := *c
	sending.args = &whole
	r := sending.request(c.on, "PUT")
	r.IfMatch = etag
	return c.do(r)
}

// emptyOf returns the empty value of a dict or list, and nil for other types.
func emptyOf(t spec.Type) any {
	switch t {
	case spec.Config, spec.Devices, spec.Object:
		return map[string]any{}
	case spec.Strings, spec.Objects:
		return []any{}
	}
	return nil
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
	for key, v := range m {
		if t == spec.Devices {
			v = mergedDevice(old[key], v)
		}
		out[key] = v
	}
	return out
}

// mergedDevice returns a device with the given keys set, and None unsetting one. A given device of another type takes
// the place of the old one.
func mergedDevice(before, given any) any {
	old, there := before.(map[string]any)
	m, ok := given.(map[string]any)
	if !ok || !there || m["type"] != nil && m["type"] != old["type"] {
		return given
	}
	return merged(spec.Config, old, m)
}

// withProfiles returns an object's own devices, and of its profiles' those that are given without a type: such a device
// is changed for the object alone, as it can't be a new one.
func (o *Object) withProfiles(own, given any) (any, error) {
	mine, _ := own.(map[string]any)
	wanted, _ := given.(map[string]any)
	v, _, _ := o.fields.Get(starlark.String("expanded_devices"))
	expanded, ok := v.(*starlark.Dict)
	if !ok {
		return own, nil
	}
	out := maps.Clone(mine)
	for name, device := range wanted {
		m, ok := device.(map[string]any)
		inherited, found, _ := expanded.Get(starlark.String(name))
		if !ok || !found || mine[name] != nil || m["type"] != nil {
			continue
		}
		device, err := value.ToGo(inherited)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make(map[string]any)
		}
		out[name] = device
	}
	return out, nil
}

// dropNulls takes unset keys out of configuration and devices that are sent whole, or empties them where the table says
// that a server would keep them.
func dropNulls(r *spec.Resource, body map[string]any) {
	for _, f := range r.Fields {
		if m, ok := body[f.Name].(map[string]any); ok && (f.Type == spec.Config || f.Type == spec.Devices) {
			for name, v := range m {
				if v == nil && f.Emptied {
					m[name] = ""
				}
			}
			maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
			for name, v := range m {
				if device, ok := v.(map[string]any); ok {
					m[name] = withoutNulls(device)
				}
			}
		}
	}
}

// withoutNulls returns a device without its unset keys.
func withoutNulls(device map[string]any) map[string]any {
	out := maps.Clone(device)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

// response is what request returns.
func response(r rest.Request, reply *rest.Reply, state *rest.State, op *Object) (starlark.Value, error) {
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
		return nil, unreadable(r.Method, r.Path, reply, err)
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
