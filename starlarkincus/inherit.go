package starlarkincus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// withInherited returns the fields for a new object in the collection. A device of an instance that is given without a type
// overrides keys of the profiles' device, as with the incus command; servers take only whole devices. Own are the devices
// of the original of a copy, which are merged elsewhere. Profiles are those of the instance, if the fields name none.
func (r ref) withInherited(ctx context.Context, given, own map[string]any, profiles []string) (map[string]any, error) {
	devices := mapOf(given["devices"])
	var inherited map[string]any
	out := maps.Clone(devices)
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		device, isDevice := devices[name].(map[string]any)
		if _, has := own[name]; has || !isDevice || device["type"] != nil && device["type"] != "" || r.res != spec.Instances {
			continue
		}
		if inherited == nil {
			if named, has := given["profiles"].([]string); has {
				profiles = named
			}
			var err error
			if inherited, err = r.profileDevices(ctx, profiles); err != nil {
				return nil, err
			}
		}
		if inherited[name] == nil {
			in := "no profile"
			if len(profiles) > 0 {
				in = "no profile of the instance (" + strings.Join(profiles, ", ") + ")"
			}
			e := errors.New(errors.BadRequest, `devices[%q] has no type, and %s has a device %[1]s to override: name its type, as in {"type": "nic"}`, name, in)
			e.Outcome = errors.NotSent
			return nil, e
		}
		out[name] = mergedDevice(inherited[name], device)
	}
	if inherited == nil {
		return given, nil
	}
	given = maps.Clone(given)
	given["devices"] = out
	return given, nil
}

// withInherited returns the fields for a copy of the object in a collection.
func (o *Object) withInherited(ctx context.Context, in ref, given map[string]any) (map[string]any, error) {
	devices, _, _ := o.fields.Get(starlark.String("devices"))
	own := make(map[string]any)
	if d, ok := devices.(*starlark.Dict); ok {
		for name := range d.Entries() {
			text, _ := starlark.AsString(name)
			own[text] = true
		}
	}
	var profiles []string
	list, _, _ := o.fields.Get(starlark.String("profiles"))
	if list, ok := list.(*starlark.List); ok {
		profiles, _ = value.Strings("profiles", list)
	}
	return in.withInherited(ctx, given, own, profiles)
}

// profileDevices returns the devices of profiles. Those of later profiles replace earlier ones of the same name.
func (r ref) profileDevices(ctx context.Context, profiles []string) (map[string]any, error) {
	devices := make(map[string]any)
	for _, name := range profiles {
		if err := checkName("profiles", name); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		profile := newObject(ref{client: r.client, res: spec.Profiles, path: spec.Profiles.Path, project: r.project}.item(name))
		if err := profile.read(ctx); err != nil {
			return nil, err
		}
		v, _, _ := profile.fields.Get(starlark.String("devices"))
		if v == nil {
			continue
		}
		own, err := value.ToGo(v)
		if err != nil {
			return nil, err
		}
		maps.Copy(devices, mapOf(own))
	}
	return devices, nil
}
