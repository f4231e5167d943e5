package starlarkincus

import (
	"context"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// maxNamed is the number of objects that a filter names. The states of more are read with those of all.
const maxNamed = 20

// WithStates returns the value with the states of its objects, which it reads in one request, for their table. It returns the value
// itself if it isn't an object, or a list of objects, whose table shows a state, if the states are there, or if they can't be read.
// The objects of the value stay as they are.
func WithStates(ctx context.Context, v starlark.Value) starlark.Value {
	var all []*Object
	switch v := v.(type) {
	case *Object:
		all = []*Object{v}
	case *starlark.List:
		for elem := range v.Elements() {
			o, ok := elem.(*Object)
			if !ok {
				return v
			}
			all = append(all, o)
		}
	case starlark.Tuple:
		for _, elem := range v {
			o, ok := elem.(*Object)
			if !ok {
				return v
			}
			all = append(all, o)
		}
	}
	if len(all) == 0 || !showsState(all[0].ref.res) {
		return v
	}
	list, ok := all[0].ref.parent(), false
	several := false
	for _, o := range all {
		_, read, _ := o.fields.Get(starlark.String("state"))
		if read || o.ref.res != list.res || o.ref.client.conn != list.client.conn || o.ref.parent().path != list.path {
			return v
		}
		several = several || o.ref.project != list.project
		ok = ok || o.string("status") != "Stopped"
	}
	if !ok && len(all) > maxNamed {
		return v // stopped ones have no addresses
	}
	read, err := list.states(ctx, all, several)
	if err != nil {
		return v
	}
	out := make([]starlark.Value, len(all))
	for i, o := range all {
		out[i] = o
		if full := read[o.place()]; full != nil {
			out[i] = full
		}
	}
	if _, one := v.(*Object); one {
		return out[0]
	}
	return starlark.NewList(out)
}

// showsState reports whether a table of the resource has columns from the states.
func showsState(r *spec.Resource) bool {
	return slices.ContainsFunc(r.Columns, func(c spec.Column) bool {
		f := spec.Find(r.Fields, c.Field)
		return f != nil && f.Made == spec.LastAddresses
	})
}

// place identifies an object on its server.
func (o *Object) place() [2]string { return [2]string{o.ref.project, o.key()} }

// states reads the given objects of a collection with their states.
func (r ref) states(ctx context.Context, all []*Object, severalProjects bool) (map[[2]string]*Object, error) {
	query := r.query(spec.List)
	query.Set("recursion", "2")
	if severalProjects {
		query.Del("project")
		query.Set("all-projects", "true")
		r.project = "" // set from the fields of each
	} else if len(all) <= maxNamed {
		var names []string
		for _, o := range all {
			names = append(names, r.res.Key+" eq "+o.key())
		}
		query.Set("filter", strings.Join(names, " or "))
	}
	v, _, err := r.read(ctx, query, maxList)
	if err != nil {
		return nil, err
	}
	elems, _ := elements(r.res, v, "")
	list, err := objects(r, elems)
	if err != nil {
		return nil, err
	}
	found := make(map[[2]string]*Object)
	for elem := range list.(*starlark.List).Elements() {
		o := elem.(*Object)
		found[o.place()] = o
	}
	return found, nil
}
