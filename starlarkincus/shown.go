package starlarkincus

import (
	"encoding/json"
	"fmt"
	"strings"

	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// String returns the type and the name of the object or, without a name, some of its fields, without secrets.
func (o *Object) String() string {
	o.catchUp()
	var parts []string
	for _, name := range []string{o.ref.res.Key, "status"} {
		if s := o.string(name); s != "" {
			parts = append(parts, name+"="+syntax.Quote(s, false))
		}
	}
	if o.key() == "" {
		parts = o.shown()
	}
	return o.ref.res.Kind + "(" + strings.Join(parts, ", ") + ")"
}

// Limits of the text of an object without a name.
const (
	maxShownFields = 8
	maxShownText   = 40
)

// shown returns the fields as text: scalars, and the keys or the number of elements of the others.
func (o *Object) shown() []string {
	var parts []string
	for k, v := range o.fields.Entries() {
		name, _ := starlark.AsString(k)
		if len(parts) == maxShownFields {
			return append(parts, "…")
		}
		parts = append(parts, name+"="+shownValue(name, v))
	}
	return parts
}

func shownValue(name string, v starlark.Value) string {
	if secret.Key(name) {
		return "…"
	}
	switch v := v.(type) {
	case starlark.String:
		if runes := []rune(string(v)); len(runes) > maxShownText {
			v = starlark.String(string(runes[:maxShownText]) + "…")
		}
		return syntax.Quote(secret.Text(string(v)), false)
	case *starlark.Dict:
		var keys []string
		for _, key := range v.Keys() {
			name, _ := starlark.AsString(key)
			if len(keys) == maxShownFields {
				keys = append(keys, "…")
				break
			}
			keys = append(keys, name)
		}
		return "{" + strings.Join(keys, ", ") + "}"
	case *starlark.List:
		if v.Len() > 0 {
			return "[" + starlark.MakeInt(v.Len()).String() + "]"
		}
	}
	return v.String()
}

// catchUp updates the fields of an operation with the result of a wait in the background.
func (o *Object) catchUp() {
	if o.op == nil {
		return
	}
	if state := o.op.State(); state != nil && state != o.seen {
		o.seen = state
		_ = o.setJSON(state.Raw) // can't fail: it was decoded before
	}
}

// derived returns a computed field: the state, or the addresses, that were read with the object.
func (o *Object) derived(how spec.Making) (starlark.Value, error) {
	if how == spec.ExitCode {
		return o.command.exitCode(), nil
	}
	if how == spec.LastSnapshots {
		return o.lastSnapshots(), nil
	}
	state, _, _ := o.fields.Get(starlark.String("state"))
	fields, read := state.(*starlark.Dict)
	if !read {
		return starlark.None, nil
	}
	if how == spec.LastState {
		on := o.ref.join("state")
		on.res = o.kind.object["state"].Returns.Of
		last, own := newObject(on), starlark.NewDict(fields.Len()) // set may change a field
		for k, v := range fields.Entries() {
			_ = own.SetKey(k, v) // a key of the other dict
		}
		return last, last.set(own, "")
	}
	content, err := value.ToGo(state)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	live := new(liveState)
	if err := json.Unmarshal(data, live); err != nil {
		return nil, unreadable("GET", o.ref.path, new(rest.Reply), err)
	}
	return stringList(live.addresses("")), nil
}

// noAttr returns the error for an unknown attribute. It says how to read one of the state, and which field isn't read yet.
func (o *Object) noAttr(name string) missing {
	if in := InState(o.ref.res, name); in != "" {
		return missing(o.Type() + " has no ." + name + in)
	}
	err := noAttr(o.Type(), name, o.AttrNames(), o.kind.object)
	for i := range o.ref.res.Fields {
		f := &o.ref.res.Fields[i]
		if _, read, _ := o.fields.Get(starlark.String(f.MadeOf())); f.OfState() && !read && strings.HasSuffix(string(err), "(did you mean ."+f.Script()+"?)") {
			return missing(strings.TrimSuffix(string(err), ")") + " list(state=True) reads it)")
		}
	}
	return err
}

// InState returns the end of the error for an attribute that isn't one of the resource's objects, but of their state; empty
// for others.
func InState(r *spec.Resource, name string) string {
	if state := r.State(); state == nil || spec.Find(state.Fields, name) == nil {
		return ""
	}
	return fmt.Sprintf(": write %s.state().%[2]s, or last_state.%[2]s of one that list(state=True) read", r.Singular(), name)
}

// lastSnapshots returns the names of the snapshots that were read with the object; None if they weren't.
func (o *Object) lastSnapshots() starlark.Value {
	all, _, _ := o.fields.Get(starlark.String("snapshots"))
	list, read := all.(*starlark.List)
	if !read {
		if state, _, _ := o.fields.Get(starlark.String("state")); state == nil || state == starlark.None {
			return starlark.None
		}
		list = new(starlark.List) // servers send null for none
	}
	names := []string{}
	for elem := range list.Elements() {
		if fields, ok := elem.(*starlark.Dict); ok {
			v, _, _ := fields.Get(starlark.String("name"))
			name, _ := starlark.AsString(v)
			names = append(names, name[strings.LastIndex(name, "/")+1:])
		}
	}
	return stringList(names)
}

func stringList(all []string) *starlark.List {
	var out []starlark.Value
	for _, s := range all {
		out = append(out, starlark.String(s))
	}
	return starlark.NewList(out)
}
