package starlarkincus

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// An Object is an object of the server as last read, such as an instance, a profile or an operation. Its fields are
// attributes and items. Access to them sends nothing.
type Object struct {
	ref     ref
	kind    *kind
	fields  *starlark.Dict
	etag    string
	op      *rest.Operation  // of an operation that this client started
	seen    *rest.State      // state of op that the fields show
	lock    *holding         // of a lock
	command *command         // of a command in an instance
	begun   *builtin.Changes // the count with the change that began the operation or command; nil for none, and after its refusal

	changed starlark.Value // reports whether ensure modified the object; nil otherwise
}

var (
	_ starlark.HasAttrs        = (*Object)(nil)
	_ starlark.IterableMapping = (*Object)(nil)
	_ starlark.Comparable      = (*Object)(nil)
)

func newObject(p ref) *Object {
	k := kindOf(p.res)
	p.name = k.one
	return &Object{ref: p, kind: k, fields: new(starlark.Dict)}
}

// set sets the fields from the server's answer.
func (o *Object) set(v starlark.Value, etag string) error {
	fields, ok := v.(*starlark.Dict)
	if !ok {
		return &errors.Error{Class: errors.Connection, Method: "GET", Path: o.ref.path,
			Message: fmt.Sprintf("the answer to GET %s holds a %s where %s is due", o.ref.path, v.Type(), o.ref.res.An())}
	}
	if o.kind.progress {
		if err := addProgress(fields, fields); err != nil {
			return err
		}
	}
	if err := ownName(o.ref.res, fields); err != nil {
		return err
	}
	for _, name := range o.kind.times {
		v, _, _ := fields.Get(name)
		if text, _ := v.(starlark.String); text == zeroTime || text == epochTime {
			if err := fields.SetKey(name, starlark.None); err != nil {
				return err
			}
		}
	}
	fields.Freeze()
	o.fields, o.etag = fields, etag
	if o.ref.res.Scope != spec.OfServer && o.ref.project == "" {
		o.ref.project = o.string("project")
	}
	if member := o.member(); member != "" && o.ref.res.Target&^spec.New != 0 {
		o.ref.target = member // several members may have an object of that name
	}
	return nil
}

// ownName removes the parent's name from an object's name. Lists of the snapshots and backups of a volume contain it,
// other answers don't.
func ownName(r *spec.Resource, fields *starlark.Dict) error {
	if r.KeyType != spec.Any || r.Segment != nil || r.Key == "" {
		return nil
	}
	v, _, _ := fields.Get(starlark.String(r.Key))
	name, _ := starlark.AsString(v)
	if i := strings.LastIndex(name, "/"); i >= 0 {
		return fields.SetKey(starlark.String(r.Key), starlark.String(name[i+1:]))
	}
	return nil
}

func (o *Object) setJSON(data []byte) error {
	v, err := value.Decode(data)
	if err != nil {
		return err
	}
	return o.set(v, "")
}

// unreadableState returns the error for an undecodable state of an operation, whose outcome is unknown.
func (o *Object) unreadableState(cause error) error {
	return &errors.Error{Class: errors.Connection, Message: "the state of the operation is not what Incus sends", Path: o.ref.path,
		OperationID: o.op.ID(), Outcome: errors.Unknown, Cause: cause}
}

// string returns a string field; empty for other types.
func (o *Object) string(name string) string {
	v, _, _ := o.fields.Get(starlark.String(name))
	s, _ := starlark.AsString(v)
	return s
}

// key returns the object's key.
func (o *Object) key() string { return o.string(o.ref.res.Key) }

func (o *Object) Type() string          { return o.ref.res.Kind }
func (o *Object) Freeze()               {}
func (o *Object) Truth() starlark.Bool  { return true }
func (o *Object) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", o.Type()) }

// Resource returns the object's declaration.
func (o *Object) Resource() *spec.Resource { return o.ref.res }

// Attr returns a method, a collection below the object, or a field. A field that the server doesn't send is None.
func (o *Object) Attr(name string) (starlark.Value, error) {
	o.catchUp()
	if decl := o.kind.object[name]; decl != nil {
		return &Method{o.ref.name + "." + name, decl, o.ref, o}, nil
	}
	if r := o.kind.children[name]; r != nil && r.Stands != spec.OnCollection {
		return newCollection(o.ref.sub(r)), nil
	}
	v, found, err := o.Get(starlark.String(name))
	if found || err != nil {
		return v, err
	}
	switch {
	case name == "changed" && o.changed != nil:
		return o.changed, nil
	case name == remoteAttr:
		return remoteValue(o.ref.client)
	}
	if f := spec.Find(o.ref.res.Fields, name); f != nil {
		if f.Use&spec.Derived != 0 {
			return o.derived(f.Made)
		}
		return starlark.None, nil
	}
	return nil, o.noAttr(name)
}

// AttrNames returns the names of the fields, methods and collections.
func (o *Object) AttrNames() []string {
	all := append(names(o.kind.object), o.kind.childNames(spec.OnObject)...)
	for _, f := range o.ref.res.Fields {
		if f.Use&(spec.Read|spec.Derived) != 0 {
			all = append(all, f.Script())
		}
	}
	all = append(all, remoteAttr)
	if o.changed != nil {
		all = append(all, "changed")
	}
	for _, k := range o.fields.Keys() {
		all = append(all, strings.ReplaceAll(string(k.(starlark.String)), "-", "_"))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// KeyField returns the name of the field that identifies the object; empty if there is none.
func (o *Object) KeyField() string { return o.ref.res.Key }

// Get returns a field, by its name in the API or in scripts.
func (o *Object) Get(k starlark.Value) (starlark.Value, bool, error) {
	o.catchUp()
	v, found, err := o.fields.Get(k)
	if found || err != nil {
		return v, found, err
	}
	if name, ok := starlark.AsString(k); ok && strings.Contains(name, "_") {
		return o.fields.Get(starlark.String(strings.ReplaceAll(name, "_", "-")))
	}
	return nil, false, nil
}

// Items returns the names and values of all fields that the server sent.
func (o *Object) Items() []starlark.Tuple {
	o.catchUp()
	return o.fields.Items()
}

// Iterate returns an iterator over the names of the fields.
func (o *Object) Iterate() starlark.Iterator {
	o.catchUp()
	return o.fields.Iterate()
}

// Entries returns an iterator over the names and values of the fields.
func (o *Object) Entries() iter.Seq2[starlark.Value, starlark.Value] {
	o.catchUp()
	return o.fields.Entries()
}

// CompareSameType reports objects as equal if they have the same path on the same server and equal fields.
func (o *Object) CompareSameType(op syntax.Token, other starlark.Value, depth int) (bool, error) {
	x := other.(*Object)
	same := o.ref.client.conn == x.ref.client.conn && o.ref.path == x.ref.path && o.ref.project == x.ref.project
	if same {
		equal, err := starlark.EqualDepth(o.fields, x.fields, depth-1)
		if err != nil {
			return false, err
		}
		same = equal
	}
	switch op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, fmt.Errorf("%s %s %s not implemented", o.Type(), op, other.Type())
}

// read refreshes the object.
func (o *Object) read(ctx context.Context) error { return o.readWith(ctx, o.ref.query(spec.Get)) }

func (o *Object) readWith(ctx context.Context, query url.Values) error {
	v, reply, err := o.ref.read(ctx, query, 0)
	if err != nil {
		return err
	}
	return o.set(v, reply.ETag)
}

// after returns the result of a method that changed the object: the object, refreshed if the table says so, or the
// running operation.
func (o *Object) after(c *invocation, out outcome, err error) (starlark.Value, error) {
	if out.going != nil || err != nil {
		return out.going, err
	}
	if c.decl.Refresh {
		switch err := o.read(c.ctx); {
		case c.decl.Returns.Maybe && errors.Is(err, errors.NotFound):
			return starlark.None, nil
		case err != nil:
			return nil, err
		}
	}
	return o, nil
}

// fieldsOf implements the method fields. The secrets of an operation, such as that of a token, are hidden, because a script that
// prints all fields doesn't ask for them.
func fieldsOf(c *invocation) (starlark.Value, error) {
	all := new(starlark.Dict)
	for _, item := range c.obj.Items() {
		name, _ := starlark.AsString(item[0])
		if name == "metadata" && c.obj.ref.res == spec.Operations {
			plain, err := value.ToGo(item[1])
			if err == nil {
				item[1], err = value.Decode([]byte(text(secret.Hide(plain))))
			}
			if err != nil {
				return nil, err
			}
		}
		if err := all.SetKey(starlark.String(strings.ReplaceAll(name, "-", "_")), item[1]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Columns returns the fields to show in a table of objects.
func (o *Object) Columns() []string {
	var columns []string
	for _, name := range []string{"name", o.ref.res.Key, "status", "type", "description"} {
		if f := spec.Find(o.ref.res.Fields, name); f != nil && !slices.Contains(columns, f.Script()) {
			columns = append(columns, f.Script())
		}
	}
	return columns
}
