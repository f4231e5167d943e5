package repl

import (
	"slices"
	"strings"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// items returns the keys of the value of the tokens from start up to end. prefix is the text before the cursor.
func (c *completion) items(start, end int, prefix string) []candidate {
	if start < 0 {
		return nil
	}
	described := c.described(start, end, prefix)
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
	return append(keysOf(v), described...)
}

// described returns the keys that the server describes for the dict of the tokens from start up to end: the config of an
// object, as in inst.config, or one of its devices, as in inst.devices["eth0"].
func (c *completion) described(start, end int, prefix string) []candidate {
	o, f, device := c.fieldAt(start, end)
	switch {
	case o == nil:
	case f.HasKeys():
		return c.configKeys(o.Client(), o.Resource().Keys, c.byOf(o), prefix)
	case f.Type == spec.Devices && device == nil && o.IsSample():
		return usualDevices
	case device != nil:
		kind, _ := starlark.AsString(c.index(device, starlark.String("type")))
		return c.keysOfDevice(o.Client(), kind)
	}
	return nil
}

// fieldAt returns the object and its field that the tokens from start up to end are, and the device, if they are one of
// the field's; nil if they are none.
func (c *completion) fieldAt(start, end int) (o *starlarkincus.Object, f *spec.Field, device starlark.Value) {
	ts := c.tokens
	before, name := 0, ""
	switch {
	case ts.is(end-2, ".") && ts.name(end-1) != "":
		before, name = end-2, ts.name(end-1)
	case ts.is(end-1, "]") && end-3 > start && ts.is(end-3, "[") && ts.list[end-2].kind == textToken:
		before, name = end-3, ts.textValue(end-2)
	default:
		return nil, nil, nil
	}
	o, ok := c.range_(start, before).(*starlarkincus.Object)
	if ok {
		if f = spec.Find(o.Resource().Fields, name); f == nil {
			return nil, nil, nil
		}
		return o, f, nil
	}
	if o, f, device = c.fieldAt(start, before); f == nil || f.Type != spec.Devices || device != nil {
		return nil, nil, nil
	}
	if device = c.index(c.range_(start, before), starlark.String(name)); device == nil {
		device = new(starlark.Dict)
	}
	return o, f, device
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
		if !p.field.HasKeys() {
			return nil
		}
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

// usualDevices are the names of the devices that most instances have.
var usualDevices = []candidate{{"root", "device"}, {"eth0", "device"}}

// deviceKeys returns the keys of devices, and of a dict of devices.
func (c *completion) deviceKeys(p *place) []candidate {
	if !p.device {
		out := slices.Clone(usualDevices)
		if o := p.method.Object(); o != nil {
			out = append(out, keysOf(c.attr(o, "devices"))...)
		}
		return out
	}
	return c.keysOfDevice(p.client, p.kind)
}

// keysOfDevice returns the keys of devices of a type, or of all if that is unknown.
func (c *completion) keysOfDevice(client *starlarkincus.Client, kind string) []candidate {
	out := []candidate{{"type", "key"}}
	for _, t := range spec.DeviceTypes {
		if kind == "" || kind == t.Name {
			for _, f := range t.Keys {
				out = append(out, candidate{f.Name, f.Type.String()})
			}
		}
	}
	for _, n := range c.read(client.ConfigKeys()) {
		if spec.DescribesDevice(n.Of, kind) {
			out = append(out, keyOf(n))
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
			out = append(out, keyOf(n))
		}
	}
	return out
}

// keyOf returns a described key as a candidate: up to the part that is the user's choice, as user. of user.*.
func keyOf(n starlarkincus.Name) candidate {
	text, _ := spec.FixedPart(n.Text)
	return candidate{text, n.Kind}
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
