package show

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// Column returns the value of a column that the table of an object's kind has besides its fields, such as ipv4 and addresses
// of an instance; nil if there is none.
func Column(row starlark.Value, name string) (starlark.Value, error) {
	o, ok := row.(object)
	if !ok {
		return nil, nil
	}
	if err := Unread(row, name); err != nil {
		return nil, err
	}
	for _, c := range o.Resource().Columns {
		if c.Name() != name {
			continue
		}
		v, err := o.Attr(c.Field)
		if err != nil {
			return nil, err
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

// OfState reports whether a column has a value that list(state=True) reads.
func OfState(row starlark.Value, name string) bool { return stateField(row, name) != nil }

// stateField returns the field with the value of a column, or with what that is in; nil if list(state=True) doesn't read it.
func stateField(row starlark.Value, name string) *spec.Field {
	o, ok := row.(object)
	if !ok {
		return nil
	}
	root, _, _ := strings.Cut(name, ".")
	return o.Resource().StateColumns()[root]
}

// Unread returns the error for a column whose value list(state=True) reads, if it didn't; nil for other columns.
func Unread(row starlark.Value, name string) error {
	f := stateField(row, name)
	if f == nil {
		return nil
	}
	if m, ok := row.(starlark.Mapping); ok {
		if _, read, _ := m.Get(starlark.String(f.MadeOf())); read {
			return nil // None, too: the server couldn't ask for it
		}
	}
	return fmt.Errorf("%s was not read: list(state=True) reads it", name)
}

// InState returns the column for a name that isn't one of an object, but a field in its state; empty for other names.
func InState(row starlark.Value, name string) string {
	if o, ok := row.(object); ok {
		if state := o.Resource().State(); state != nil && spec.Find(state.Fields, name) != nil {
			return "state." + name
		}
	}
	return ""
}

// below returns a configuration key, or a key of a device, by the name that filters give it, such as config.limits.cpu and
// devices.eth0.network: None if it isn't set, nil if the object has no such field. Below other fields, as in
// last_state.memory.usage, it is nil if it isn't there.
func below(o object, name string) (starlark.Value, error) {
	root, rest, _ := strings.Cut(name, ".")
	f := spec.Find(o.Resource().Fields, root)
	if own := o.Resource().StateColumns()[root]; f == nil && own != nil {
		f, root = own, own.Script()
	}
	device, key, ofDevice := strings.Cut(rest, ".")
	switch {
	case f != nil && rest == "" && f.OfState():
		return o.Attr(root)
	case f != nil && rest != "" && f.Type == spec.Object:
		v, err := o.Attr(root)
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
	return slices.AppendSeq(names, maps.Keys(o.Resource().StateColumns()))
}
