package starlarkincus

import (
	stderrors "errors"
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
	on     place
	kind   *kind
	fields *starlark.Dict
	etag   string
	op     *rest.Operation // of an operation that is waited for
	seen   *rest.State     // the state of op that the fields show
	lock   *holding        // of a lock

	did starlark.Value // what ensure did; nil for an object that isn't ensure's
}

var (
	_ starlark.HasAttrs        = (*Object)(nil)
	_ starlark.IterableMapping = (*Object)(nil)
	_ starlark.Comparable      = (*Object)(nil)
)

func newObject(p place) *Object {
	k := kindOf(p.res)
	p.name = k.one
	return &Object{on: p, kind: k, fields: new(starlark.Dict)}
}

// set takes what the server answered as the object's fields.
func (o *Object) set(v starlark.Value, etag string) error {
	fields, ok := v.(*starlark.Dict)
	if !ok {
		return &errors.Error{Class: errors.Connection, Method: "GET", Path: o.on.path,
			Message: fmt.Sprintf("the answer to GET %s holds a %s where %s is due", o.on.path, v.Type(), o.on.res.An())}
	}
	if o.kind.progress {
		if err := addProgress(fields); err != nil {
			return err
		}
	}
	if err := ownName(o.on.res, fields); err != nil {
		return err
	}
	fields.Freeze()
	o.fields, o.etag = fields, etag
	if o.on.res.Scope != spec.OfServer && o.on.project == "" {
		o.on.project = o.string("project")
	}
	if member := o.member(); member != "" && o.on.res.Target&^spec.New != 0 {
		o.on.target = member // several members may have one of that name
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
	return &errors.Error{Class: errors.Connection, Message: "the state of the operation is not what Incus sends", Path: o.on.path,
		OperationID: o.op.ID(), Outcome: errors.Unknown, Cause: cause}
}

// string is a field that is a string, and empty where it isn't.
func (o *Object) string(name string) string {
	v, _, _ := o.fields.Get(starlark.String(name))
	s, _ := starlark.AsString(v)
	return s
}

// key is what names the object.
func (o *Object) key() string { return o.string(o.on.res.Key) }

func (o *Object) Type() string          { return o.on.res.Kind }
func (o *Object) Freeze()               {}
func (o *Object) Truth() starlark.Bool  { return true }
func (o *Object) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", o.Type()) }

// Resource is the object's declaration.
func (o *Object) Resource() *spec.Resource { return o.on.res }

// Attr is a method, a collection below the object, or a field. A field that the server doesn't send is None.
func (o *Object) Attr(name string) (starlark.Value, error) {
	o.catchUp()
	if decl := o.kind.object[name]; decl != nil {
		return &Method{o.on.name + "." + name, decl, o.on, o}, nil
	}
	if r := o.kind.children[name]; r != nil && r.Stands != spec.OnCollection {
		return newCollection(o.on.child(r)), nil
	}
	v, found, err := o.Get(starlark.String(name))
	if found || err != nil {
		return v, err
	}
	if name == "changed" && o.did != nil {
		return o.did, nil
	}
	if f := spec.Find(o.on.res.Fields, name); f != nil {
		if f.Use&spec.Derived != 0 {
			return o.derived(f.Made)
		}
		return starlark.None, nil
	}
	return nil, noAttr(o.Type(), name, o.AttrNames())
}

// child is the place of a collection below an object, or below another collection.
func (p place) child(r *spec.Resource) place {
	p.res, p.name, p.path = r, r.Name, p.path+"/"+r.Path
	if r.Scope != spec.OfServer && p.project == "" {
		p.project = p.client.project
	}
	return p
}

// AttrNames are the names of fields, methods and collections.
func (o *Object) AttrNames() []string {
	all := append(names(o.kind.object), o.kind.childNames(spec.OnObject)...)
	for _, f := range o.on.res.Fields {
		if f.Use&(spec.Read|spec.Derived) != 0 {
			all = append(all, f.Script())
		}
	}
	if o.did != nil {
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
	same := o.on.client.conn == x.on.client.conn && o.on.path == x.on.path && o.on.project == x.on.project
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
func (o *Object) read(c *call) error {
	return o.readWith(c, o.on.query(spec.Get))
}

func (o *Object) readWith(c *call, query url.Values) error {
	v, reply, err := c.get(o.on, query, 0)
	if err != nil {
		return err
	}
	return o.set(v, reply.ETag)
}

// changed is the object after a method that may have changed it: read again, or the operation that goes on.
func (o *Object) changed(c *call, reply *rest.Reply) (starlark.Value, error) {
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	if c.decl.Refresh {
		switch err := o.read(c); {
		case c.decl.Returns.Maybe && stderrors.Is(err, errors.NotFound):
			return starlark.None, nil
		case err != nil:
			return nil, err
		}
	}
	return o, nil
}
