package starlarkincus

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// An Object is one object of the server as it was last read: an instance, a profile, an operation. Its fields are
// attributes and items; reading one sends nothing.
type Object struct {
	ref    ref
	kind   *kind
	fields *starlark.Dict
	etag   string
	op     *rest.Operation // of an operation that is waited for
	seen   *rest.State     // the state of op that the fields show
	lock   *holding        // of a lock

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

// set takes what the server answered as the object's fields.
func (o *Object) set(v starlark.Value, etag string) error {
	fields, ok := v.(*starlark.Dict)
	if !ok {
		return &errors.Error{Class: errors.Connection, Method: "GET", Path: o.ref.path,
			Message: fmt.Sprintf("the answer to GET %s holds a %s where %s is due", o.ref.path, v.Type(), o.ref.res.An())}
	}
	if o.kind.progress {
		if err := addProgress(fields); err != nil {
			return err
		}
	}
	if err := ownName(o.ref.res, fields); err != nil {
		return err
	}
	fields.Freeze()
	o.fields, o.etag = fields, etag
	if o.ref.res.Scope != spec.OfServer && o.ref.project == "" {
		o.ref.project = o.string("project")
	}
	if member := o.member(); member != "" && o.ref.res.Target&^spec.New != 0 {
		o.ref.target = member // several members may have one of that name
	}
	return nil
}

// ownName takes the parent's name off an object's: lists of a volume's snapshots and backups have it, and what reads
// just one of them doesn't.
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

// unreadableState is the error of an operation's state that can't be read. What became of the operation isn't known.
func (o *Object) unreadableState(cause error) error {
	return &errors.Error{Class: errors.Connection, Message: "the state of the operation is not what Incus sends", Path: o.ref.path,
		OperationID: o.op.ID(), Outcome: errors.Unknown, Cause: cause}
}

// string is a field that is a string, and empty where it isn't.
func (o *Object) string(name string) string {
	v, _, _ := o.fields.Get(starlark.String(name))
	s, _ := starlark.AsString(v)
	return s
}

// key is what names the object.
func (o *Object) key() string { return o.string(o.ref.res.Key) }

func (o *Object) Type() string          { return o.ref.res.Kind }
func (o *Object) Freeze()               {}
func (o *Object) Truth() starlark.Bool  { return true }
func (o *Object) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", o.Type()) }

// Resource is the object's declaration.
func (o *Object) Resource() *spec.Resource { return o.ref.res }

// Attr is a method, a collection below the object, or a field. A field that the server doesn't send is None.
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
	if name == "changed" && o.changed != nil {
		return o.changed, nil
	}
	if f := spec.Find(o.ref.res.Fields, name); f != nil {
		if f.Use&spec.Derived != 0 {
			return o.derived(f.Made)
		}
		return starlark.None, nil
	}
	return nil, noAttr(o.Type(), name, o.AttrNames())
}

// AttrNames are the names of fields, methods and collections.
func (o *Object) AttrNames() []string {
	all := append(names(o.kind.object), o.kind.childNames(spec.OnObject)...)
	for _, f := range o.ref.res.Fields {
		if f.Use&(spec.Read|spec.Derived) != 0 {
			all = append(all, f.Script())
		}
	}
	if o.changed != nil {
		all = append(all, "changed")
	}
	for _, k := range o.fields.Keys() {
		all = append(all, strings.ReplaceAll(string(k.(starlark.String)), "-", "_"))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Get is the field of that name, in the API's spelling or the script's.
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

// Items are the names and values of all fields that the server sent.
func (o *Object) Items() []starlark.Tuple {
	o.catchUp()
	return o.fields.Items()
}

// Iterate gives the names of the fields.
func (o *Object) Iterate() starlark.Iterator {
	o.catchUp()
	return o.fields.Iterate()
}

// Entries gives the names and values of the fields.
func (o *Object) Entries() iter.Seq2[starlark.Value, starlark.Value] {
	o.catchUp()
	return o.fields.Entries()
}

// CompareSameType holds two objects for equal that are the same on the server and have equal fields.
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

// read reads the object again.
func (o *Object) read(ctx context.Context) error { return o.readWith(ctx, o.ref.query(spec.Get)) }

func (o *Object) readWith(ctx context.Context, query url.Values) error {
	v, reply, err := o.ref.read(ctx, query, 0)
	if err != nil {
		return err
	}
	return o.set(v, reply.ETag)
}

// after returns what a method that changes the object returns: the object, read again where the table says so, or the
// operation that goes on.
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

// Columns returns the fields that a table of objects shows.
func (o *Object) Columns() []string {
	var columns []string
	for _, name := range []string{o.ref.res.Key, "status", "type", "description"} {
		if f := spec.Find(o.ref.res.Fields, name); f != nil {
			columns = append(columns, f.Script())
		}
	}
	return columns
}
