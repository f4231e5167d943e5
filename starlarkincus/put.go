package starlarkincus

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// writable returns the fields for a PUT of the object, with their last read values: changeable fields, fields that
// servers require, and fields unknown to the table, which newer servers might clear otherwise.
func (o *Object) writable() *starlark.Dict {
	out := new(starlark.Dict)
	for k, v := range o.fields.Entries() {
		name, _ := starlark.AsString(k)
		f := spec.Find(o.ref.res.Fields, name)
		if f == nil && (o.kind.object[name] != nil || o.kind.children[name] != nil) {
			continue // objects below this one, read with recursion=
		}
		if f == nil || f.Use&(spec.Change|spec.Kept) != 0 {
			out.SetKey(k, v) // can't fail: a new dict with string keys
		}
	}
	return out
}

// put replaces the object, with the fields of now combined with the given ones, and updates its path.
func (o *Object) put(ctx context.Context, now *Object, given map[string]any, combine func(t spec.Type, before, given any) any, w patience) (outcome, error) {
	v, err := value.ToGo(now.writable())
	if err != nil {
		return outcome{}, err
	}
	body := v.(map[string]any)
	for _, f := range o.ref.res.Fields {
		if v, found := body[f.Name]; found && v == nil {
			body[f.Name] = emptyOf(f.Type) // servers replace null by defaults
		}
	}
	for name, v := range given {
		t := spec.Any
		if f := spec.Find(o.ref.res.Fields, name); f != nil {
			t = f.Type
		}
		if t == spec.Devices {
			if body[name], err = o.withProfiles(ctx, o.ref, body[name], given); err != nil {
				return outcome{}, err
			}
		}
		body[name] = combine(t, body[name], v)
	}
	for name := range given {
		f := spec.Find(o.ref.res.Fields, name)
		if f == nil || f.Beside == "" {
			continue
		}
		if other := spec.Find(o.ref.res.Fields, f.Beside); effective(f, body[name]) && !effective(other, body[other.Name]) {
			return outcome{}, fmt.Errorf("%s: %s", o, Lacking(f, other))
		}
	}
	body = withoutUnset(o.ref.res, body)
	out, err := o.ref.change(ctx, body, now.etag, w)
	if out.reply != nil {
		o.rekey(given)
	}
	if err != nil {
		err = o.ref.changedAnything(ctx, now, body, given, err)
	}
	return out, err
}

// changedAnything returns the failure of a PUT with its outcome. Some servers save a change before a later step fails,
// such as the update of instances that use a profile, so the object is read again and compared.
func (r ref) changedAnything(ctx context.Context, before *Object, body, given map[string]any, err error) error {
	var e *errors.Error
	switch {
	case !errors.As(err, &e), e.Outcome != errors.Refused && e.Outcome != errors.Unknown, e.Class.IsA(errors.PreconditionFailed):
		return err
	case e.Class.IsA(errors.Connection), e.Class.IsA(errors.OperationTimeout): // the server may still be working on it
		return err
	}
	after := newObject(r)
	if after.read(ctx) != nil {
		return err
	}
	if same, bad := before.sameAs(after); same || bad != nil {
		return err
	}
	e.Outcome = errors.Unknown // a partial change, or one by another client
	v, bad := value.ToGo(after.writable())
	if bad != nil {
		return err
	}
	now := v.(map[string]any)
	for name := range given {
		if text(steady(body[name])) != text(steady(now[name])) {
			return err
		}
	}
	e.Outcome = errors.Done
	return err
}

// steady returns a field without volatile keys and empty values.
func steady(field any) any {
	m, ok := field.(map[string]any)
	if !ok {
		return field
	}
	out := maps.Clone(m)
	maps.DeleteFunc(out, func(key string, v any) bool { return v == nil || v == "" || isVolatile(key) })
	return out
}

// emptyOf returns the empty value of a dict, list or time, and nil for other types.
func emptyOf(t spec.Type) any {
	switch t {
	case spec.Config, spec.Devices, spec.Object:
		return map[string]any{}
	case spec.Strings, spec.Objects:
		return []any{}
	case spec.Time:
		return zeroTime
	}
	return nil
}

// merged returns configuration or devices with the given keys merged; other types are replaced.
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

// mergedDevice returns a device with the given keys merged; None unsets one. A device of another type replaces it.
func mergedDevice(before, given any) any {
	old, there := before.(map[string]any)
	m, ok := given.(map[string]any)
	if !ok || !there || m["type"] != nil && m["type"] != old["type"] {
		return given
	}
	return merged(spec.Config, old, m)
}

// withProfiles returns an object's own devices, and inherited ones that are given without a type, which are to be
// overridden. These are of the given profiles in the collection of in, or else of the object's own.
func (o *Object) withProfiles(ctx context.Context, in ref, own any, given map[string]any) (any, error) {
	mine, _ := own.(map[string]any)
	var names []string
	for name, device := range mapOf(given["devices"]) {
		if m, ok := device.(map[string]any); ok && mine[name] == nil && m["type"] == nil {
			names = append(names, name)
		}
	}
	if names == nil || o.ref.res != spec.Instances {
		return own, nil
	}
	inherited, err := o.inheritedDevices(ctx, in, given)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(mine)
	for _, name := range names {
		if inherited[name] == nil {
			continue
		}
		if out == nil {
			out = make(map[string]any)
		}
		out[name] = inherited[name]
	}
	return out, nil
}

// inheritedDevices returns the devices of the given profiles, or else the object's with those of its own profiles.
func (o *Object) inheritedDevices(ctx context.Context, in ref, given map[string]any) (map[string]any, error) {
	fields, err := value.ToGo(o.fields)
	if err != nil {
		return nil, err
	}
	now := mapOf(fields)
	if profiles, named := given["profiles"].([]string); named && text(profiles) != text(now["profiles"]) {
		return in.profileDevices(ctx, profiles)
	}
	return mapOf(now["expanded_devices"]), nil
}

// withoutUnset returns fields for a PUT, without the unset keys of configuration and devices. Keys that servers would
// keep are sent empty.
func withoutUnset(r *spec.Resource, fields map[string]any) map[string]any {
	out := make(map[string]any, len(fields)+1)
	maps.Copy(out, fields)
	for _, f := range r.Fields {
		m, ok := fields[f.Name].(map[string]any)
		if !ok || f.Type != spec.Config && f.Type != spec.Devices {
			continue
		}
		kept := make(map[string]any, len(m))
		for name, v := range m {
			device, isDevice := v.(map[string]any)
			switch {
			case isDevice:
				kept[name] = withoutNulls(device)
			case v != nil:
				kept[name] = v
			case f.Emptied:
				kept[name] = ""
			}
		}
		out[f.Name] = kept
	}
	return out
}

// withoutNulls returns a device without its unset keys.
func withoutNulls(device map[string]any) map[string]any {
	out := maps.Clone(device)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

// addProgress sets the field progress from the metadata of an operation, in which the names and forms depend on the operation
// and on the line of Incus.
func addProgress(fields, operation *starlark.Dict) error {
	v, _, _ := operation.Get(starlark.String("metadata"))
	metadata, ok := v.(*starlark.Dict)
	if !ok {
		return nil
	}
	found := false
	for k := range metadata.Entries() {
		name, _ := starlark.AsString(k)
		found = found || name == "progress" || strings.HasSuffix(name, "_progress")
	}
	if !found {
		return nil
	}
	content, err := value.ToGo(metadata)
	if err != nil {
		return err
	}
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	step := (&rest.State{Metadata: data}).Step()
	progress := new(starlark.Dict)
	set := func(name string, v starlark.Value, known bool) {
		if !known {
			v = starlark.None
		}
		_ = progress.SetKey(starlark.String(name), v) // can't fail: it isn't frozen
	}
	set("stage", starlark.String(step.Stage), step.Stage != "")
	set("percent", starlark.MakeInt(step.Percent), step.Percent >= 0)
	set("processed", starlark.MakeInt64(step.Bytes), step.Bytes > 0)
	set("speed", starlark.MakeInt64(step.Speed), step.Speed > 0)
	return fields.SetKey(starlark.String("progress"), progress)
}
