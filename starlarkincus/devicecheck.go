package starlarkincus

import (
	"context"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
)

// checkVolumes returns an error if an instance in the collection, a copy of an original, would have a device with a custom volume
// that isn't there. Some servers notice that only at its start. They all notice missing pools and networks at once, and none needs the
// volumes of the devices of snapshots. Own are the devices that aren't a profile's.
func (in ref) checkVolumes(ctx context.Context, original *Object, devices, own map[string]any, where string) error {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		pool, volume := volumeOf(mapOf(devices[name]))
		if volume == "" {
			continue
		}
		at := in.client.collection(spec.StoragePools).item(pool).join("volumes/custom").item(volume)
		at.project, at.target = in.project, "" // on any member
		if err := at.readInto(ctx, at.query(spec.Get), new(any)); !errors.Is(err, errors.NotFound) {
			if err != nil && !errors.Is(err, errors.API) {
				return err
			}
			continue
		}
		without := "None"
		if own[name] == nil {
			without = `{"type": "none"}`
		}
		e := errors.New(errors.NotFound, "%s has no volume %s in the pool %s, which the device %s of %s needs there: copy or move the volume there first, or leave the device out with devices={%q: %s}",
			where, volume, pool, name, original, name, without)
		e.Method, e.Path, e.Object = "GET", at.path, errors.About(&errors.Request{Path: at.path})
		return e
	}
	return nil
}

// volumeOf returns the pool and the name of the custom volume that a device needs; empty for another device, for one that may be
// missing, and for a volume that moves along with its instance.
func volumeOf(device map[string]any) (pool, volume string) {
	text := func(key string) string {
		s, _ := device[key].(string)
		return s
	}
	dispensable := slices.Contains([]string{"false", "0", "no", "off"}, strings.ToLower(text("required")))
	if pool = text("pool"); text("type") != "disk" || pool == "" || isRoot(device) || dispensable || isProtected(strings.ToLower(text("dependent"))) {
		return "", ""
	}
	volume, _, _ = strings.Cut(text("source"), "/") // then a path in it
	return pool, volume
}
