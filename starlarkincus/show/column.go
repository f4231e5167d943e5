package show

import (
	"fmt"
	"net/netip"
	"strings"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// Column returns the value of a column that the table of an object's kind has besides its fields, such as ipv4 of an
// instance; nil if there is none.
func Column(row starlark.Value, name string) (starlark.Value, error) {
	o, ok := row.(object)
	if !ok {
		return nil, nil
	}
	for _, c := range o.Resource().Columns {
		if c.Name() != name {
			continue
		}
		v, err := o.Attr(c.Field)
		if err != nil {
			return nil, err
		}
		if f := spec.Find(o.Resource().Fields, c.Field); f != nil && isUnread(f, v) {
			return nil, unread(name)
		}
		if c.Key != "" {
			v = keyed(v, c.Key)
		}
		switch {
		case v == nil:
			return starlark.None, nil
		case c.Form == spec.Count && starlark.Len(v) >= 0:
			return starlark.MakeInt(starlark.Len(v)), nil
		case c.Form == spec.IPv4, c.Form == spec.IPv6:
			return family(v, c.Form == spec.IPv4), nil
		}
		return v, nil
	}
	return below(o, name)
}

// isUnread reports whether a field has no value because nobody asked for it.
func isUnread(f *spec.Field, v starlark.Value) bool {
	return v == starlark.None && f.Use&spec.Derived != 0
}

// unread returns the error for a column of such a field.
func unread(name string) error {
	return fmt.Errorf("%s was not read: list(state=True) reads it", name)
}

// below returns a configuration key, or a key of a device, by the name that filters give it, such as config.limits.cpu and
// devices.eth0.network: None if it isn't set, nil if the object has no such field. Below other fields, as in
// last_state.memory.usage, it is nil if it isn't there.
func below(o object, name string) (starlark.Value, error) {
	root, rest, _ := strings.Cut(name, ".")
	f := spec.Find(o.Resource().Fields, root)
	device, key, ofDevice := strings.Cut(rest, ".")
	if f != nil && rest != "" && f.Type == spec.Object {
		v, err := o.Attr(root)
		if err == nil && isUnread(f, v) {
			err = unread(name)
		}
		return deep(v, rest), err
	}
	if f == nil || rest == "" || f.Type != spec.Config && (f.Type != spec.Devices || !ofDevice || key == "") {
		return nil, nil
	}
	v, err := o.Attr(root)
	if err != nil {
		return nil, err
	}
	if f.Type == spec.Config {
		v = keyed(v, rest)
	} else {
		v = keyed(keyed(v, device), key)
	}
	if v == nil {
		return starlark.None, nil
	}
	return v, nil
}

// deep returns the value at a path of keys with dots between them; nil if there is none.
func deep(v starlark.Value, path string) starlark.Value {
	m, ok := v.(starlark.Mapping)
	if !ok {
		return nil
	}
	if found := keyed(m, path); found != nil {
		return found // the key may have dots itself
	}
	key, rest, ok := strings.Cut(path, ".")
	if !ok {
		return nil
	}
	return deep(keyed(m, key), rest)
}

// family returns the addresses of one family in a list.
func family(v starlark.Value, v4 bool) *starlark.List {
	list, _ := elementsOf(v)
	var all []starlark.Value
	for _, elem := range list {
		text, _ := starlark.AsString(elem)
		if a, err := netip.ParseAddr(text); err == nil && a.Is4() == v4 {
			all = append(all, starlark.String(a.String()))
		}
	}
	return starlark.NewList(all)
}

// ColumnNames returns the names of the columns that the table of an object's kind has.
func ColumnNames(row starlark.Value) []string {
	o, ok := row.(object)
	if !ok {
		return nil
	}
	var names []string
	for _, c := range o.Resource().Columns {
		names = append(names, c.Name())
	}
	return names
}
