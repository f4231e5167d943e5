package starlarkincus

import (
	"context"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Sample returns a value like the one that a call of the method would return, for completion: an object without fields,
// a list of one such object, an empty string. It sends nothing. The function given returns the value of an argument; nil
// for an unknown one. The result is nil if nothing is known about it.
func (m *Method) Sample(given func(arg string) starlark.Value) starlark.Value {
	returns := m.decl.Returns
	if given("wait") == starlark.False {
		returns = m.decl.ReturnsNow()
	}
	switch returns.Shape {
	case spec.Itself:
		if m.obj != nil {
			return m.obj
		}
	case spec.One:
		return m.sampleObject(returns.Of, given("name"), given)
	case spec.ListOf, spec.Stream:
		return starlark.NewList([]starlark.Value{m.sampleObject(returns.Of, nil, given)})
	case spec.StringList:
		return starlark.NewList([]starlark.Value{starlark.String("")})
	case spec.Text, spec.Data:
		return starlark.String("")
	case spec.Truth:
		return starlark.False
	case spec.Operation:
		return sampleOf(ref{client: m.ref.client, res: spec.Operations})
	case spec.Struct:
		return sampleStruct(returns.Of)
	case spec.StructList:
		return starlark.NewList([]starlark.Value{sampleStruct(returns.Of)})
	case spec.Client:
		return m.sampleClient(given)
	}
	return nil
}

// sampleObject returns an object of the resource that a call of the method would return.
func (m *Method) sampleObject(r *spec.Resource, name starlark.Value, given func(string) starlark.Value) starlark.Value {
	p := m.ref
	if project, ok := given("project").(starlark.String); ok && m.decl.Verb != 0 {
		p.project = string(project)
	}
	key, named := starlark.AsString(name)
	switch {
	case r == p.res && r != nil && m.obj == nil && r.Lists == spec.Single:
		return newObject(p)
	case r == p.res && r != nil && m.obj == nil && named && r.KeyQuery == "":
		if s := r.Segment; s != nil {
			segment := s.Default
			if text, ok := given(s.Name).(starlark.String); ok {
				segment = string(text)
			}
			p = p.item(segment)
		}
		return newObject(p.item(key))
	}
	return sampleOf(ref{client: p.client, res: r, project: p.project})
}

// sampleOf returns an object whose path is unknown.
func sampleOf(p ref) *Object {
	p.sample = true
	return newObject(p)
}

// sampleClient returns the client that connect or use would return. That of another server can't send requests.
func (m *Method) sampleClient(given func(string) starlark.Value) starlark.Value {
	c := *m.ref.client
	if project, ok := given("project").(starlark.String); ok {
		c.project = string(project)
	}
	if m.decl.Does == spec.DoConnect {
		c.conn = &connection{family: c.conn.family, dial: func(context.Context, *family) (*rest.Client, string, error) {
			return nil, "", errors.New(errors.Connection, "a sample of a client has no connection")
		}}
	}
	return &c
}

// sampleStruct returns a struct with the resource's fields.
func sampleStruct(r *spec.Resource) starlark.Value {
	fields := make(starlark.StringDict)
	for i := range r.Fields {
		f := &r.Fields[i]
		fields[f.Script()] = SampleField(f)
		if fields[f.Script()] == nil {
			fields[f.Script()] = starlark.None
		}
	}
	return starlarkstruct.FromStringDict(starlark.String(r.Kind), fields)
}

// SampleField returns a value of the field's type; nil if it may have any.
func SampleField(f *spec.Field) starlark.Value {
	switch f.Type {
	case spec.String, spec.Name, spec.Time, spec.Certificate, spec.Raw, spec.LocalPath, spec.Filter:
		return starlark.String("")
	case spec.Int, spec.Seconds, spec.WholeSeconds, spec.FileMode:
		return starlark.MakeInt(0)
	case spec.Bool:
		return starlark.False
	case spec.Strings:
		return starlark.NewList([]starlark.Value{starlark.String("")})
	case spec.Config, spec.Devices, spec.Conditions:
		return new(starlark.Dict)
	case spec.Object:
		return sampleDict(f.Fields)
	case spec.Objects:
		return starlark.NewList([]starlark.Value{sampleDict(f.Fields)})
	}
	return nil
}

func sampleDict(fields []spec.Field) *starlark.Dict {
	d := new(starlark.Dict)
	for i := range fields {
		f := &fields[i]
		v := SampleField(f)
		if v == nil {
			v = starlark.None
		}
		if f.Name != spec.AnyKey {
			_ = d.SetKey(starlark.String(f.Name), v)
		}
	}
	return d
}

// SampleElement returns a value of the kind that a loop over the collection's objects has.
func (c *Collection) SampleElement() starlark.Value { return sampleOf(c.ref) }

// SampleItem returns an object of the collection, by its name.
func (c *Collection) SampleItem(name string) starlark.Value {
	get := c.kind.collection["get"]
	if get == nil {
		return nil
	}
	return (&Method{c.name, get, c.ref, nil}).Sample(func(arg string) starlark.Value {
		if arg == "name" {
			return starlark.String(name)
		}
		return nil
	})
}

// IsSample reports whether the object was made for completion, and so has no fields.
func (o *Object) IsSample() bool { return o.fields.Len() == 0 }

// Client returns the client of the object.
func (o *Object) Client() *Client { return o.ref.client }

// Client returns the client that the method belongs to.
func (m *Method) Client() *Client { return m.ref.client }

// Resource returns the resource that the method belongs to; nil for a method of a client.
func (m *Method) Resource() *spec.Resource { return m.ref.res }

// Object returns the object that the method belongs to; nil for a method of a collection or a client.
func (m *Method) Object() *Object { return m.obj }
