package starlarkincus

import (
	"context"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
)

// lacksDevices returns the errors about custom volumes and networks that an instance in the collection, a copy of an original, would
// need for its devices and that aren't there. Some servers notice a missing volume only at its start. They all notice missing pools at
// once, and none needs the volumes of the devices of snapshots. Own are the devices that aren't a profile's.
func (in ref) lacksDevices(ctx context.Context, original *Object, devices, own map[string]any, where string) (lacks []*errors.Error, err error) {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		var at ref
		var what, advice string
		device := mapOf(devices[name])
		if pool, volume := volumeOf(device); volume != "" {
			at = in.client.collection(spec.StoragePools).item(pool).join("volumes/custom").item(volume)
			what, advice = "volume "+volume+" in the pool "+pool, "copy or move the volume there first"
		} else if network, _ := device["network"].(string); network != "" && device["type"] == "nic" {
			at = in.client.collection(spec.Networks).item(network)
			what, advice = "network "+network, "create it"
		} else {
			continue
		}
		at.project, at.target = in.project, "" // on any member
		if err := at.readInto(ctx, at.query(spec.Get), new(any)); !errors.Is(err, errors.NotFound) {
			if err != nil && !errors.Is(err, errors.API) {
				return nil, err
			}
			continue
		}
		without := "None"
		if own[name] == nil {
			without = `{"type": "none"}`
		}
		e := errors.New(errors.NotFound, "%s has no %s, which the device %s of %s needs there: %s, or leave the device out with devices={%q: %s}",
			where, what, name, original, advice, name, without)
		e.Method, e.Path, e.Object = "GET", at.path, errors.About(&errors.Request{Path: at.path})
		lacks = append(lacks, e)
	}
	return lacks, nil
}

// inOne returns an error with the messages of all, and otherwise like the first one; nil for none.
func inOne(all []*errors.Error) error {
	if len(all) == 0 {
		return nil
	}
	e := *all[0]
	for _, other := range all[1:] {
		e.Message += "; " + other.Message
	}
	return &e
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
