package repl

import (
	"slices"
	"strings"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// items returns the keys of the value of the tokens from start up to end.
func (c *completion) items(start, end int) []candidate {
	if start < 0 {
		return nil
	}
	v := c.range_(start, end)
	switch v := v.(type) {
	case *starlarkincus.Collection:
		return c.list(v.Names())
	case *starlarkincus.Object:
		var out []candidate
		for _, f := range v.Resource().Fields {
			if f.Use&spec.Read != 0 {
				out = append(out, candidate{f.Name, f.Type.String()})
			}
		}
		return append(out, keysOf(v)...)
	}
	out := keysOf(v)
	if len(out) > 0 {
		return out
	}
	// A dict of an object that isn't at hand.
	ts := c.tokens
	if name := ts.name(end - 1); name != "" && ts.is(end-2, ".") {
		if o, ok := c.range_(start, end-2).(*starlarkincus.Object); ok && o.IsSample() {
			if f := spec.Find(o.Resource().Fields, name); f != nil && f.Type == spec.Config {
				return c.configKeys(o.Client(), o.Resource().Keys, "", "")
			}
		}
	}
	return nil
}

// keysOf returns the keys of a mapping that are strings.
func keysOf(v starlark.Value) []candidate {
	mapping, ok := v.(starlark.IterableMapping)
	if !ok {
		return nil
	}
	var out []candidate
	iter := mapping.Iterate()
	defer iter.Done()
	for key := starlark.Value(nil); iter.Next(&key) && len(out) < maxCandidates; {
		if text, ok := key.(starlark.String); ok {
			out = append(out, candidate{string(text), "key"})
		}
	}
	return out
}

// dictKeys returns the candidates for a key of the dict at the place.
func (c *completion) dictKeys(p *place, prefix string) []candidate {
	var out []candidate
	switch p.field.Type {
	case spec.Config:
		out = c.configKeys(p.client, p.keys, p.by, prefix)
	case spec.Devices:
		out = c.deviceKeys(p)
	case spec.Object, spec.Objects, spec.Filter, spec.Conditions:
		for i := range p.field.Fields {
			if f := &p.field.Fields[i]; f.Name != spec.AnyKey {
				out = append(out, candidate{f.Name, f.Type.String()})
			}
		}
	}
	return slices.DeleteFunc(out, func(k candidate) bool { return slices.Contains(p.others, k.text) })
}

// deviceKeys returns the keys of devices, and of a dict of devices.
func (c *completion) deviceKeys(p *place) []candidate {
	if !p.device {
		out := []candidate{{"root", "device"}, {"eth0", "device"}}
		if o := p.method.Object(); o != nil {
			out = append(out, keysOf(c.attr(o, "devices"))...)
		}
		return out
	}
	out := []candidate{{"type", "key"}}
	for _, t := range spec.DeviceTypes {
		if p.kind == "" || p.kind == t.Name {
			for _, f := range t.Keys {
				out = append(out, candidate{f.Name, f.Type.String()})
			}
		}
	}
	for _, n := range c.read(p.client.ConfigKeys()) {
		of, ok := strings.CutPrefix(n.Of, "device_")
		kind, _, _ := strings.Cut(of, "-")
		if ok && (p.kind == "" || of == p.kind || kind == p.kind || of == "unix-char-block" && strings.HasPrefix(p.kind, "unix-") && p.kind != "unix-hotplug") {
			out = append(out, candidate{n.Text, n.Kind})
		}
	}
	return out
}

// configKeys returns the keys of configuration that the server describes. Those that it sets itself need a prefix.
func (c *completion) configKeys(client *starlarkincus.Client, keys spec.Keys, by, prefix string) []candidate {
	if keys.Kind == "" || client == nil {
		return nil
	}
	var out []candidate
	for _, n := range c.read(client.ConfigKeys()) {
		if keys.Describes(n.Of, by) && (!strings.HasPrefix(n.Text, "volatile.") || strings.HasPrefix(prefix, "volatile")) {
			out = append(out, candidate{n.Text, n.Kind})
		}
	}
	return out
}

// names returns the names that the field at the place refers to.
func (c *completion) names(p *place, prefix string) []candidate {
	if p.method == nil {
		return nil
	}
	if p.field.Refers == spec.ToPlace && strings.HasPrefix(prefix, "@") {
		var out []candidate
		for _, n := range c.read(p.client.NamesOf(spec.ToGroup)) {
			out = append(out, candidate{"@" + n.Text, n.Kind})
		}
		return out
	}
	out := c.list(p.method.Names(p.field.Refers, p.given))
	if p.field.Refers == spec.ToImage {
		for _, n := range c.read(p.client.RemoteNames()) {
			out = append(out, candidate{n.Text + ":", n.Kind})
		}
	}
	return out
}
