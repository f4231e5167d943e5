package check

import (
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/report"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// members caches the attributes of resources.
type members map[*spec.Resource]*member

type member struct {
	collection, object map[string]*spec.Method
	children           map[string]*spec.Resource
}

func (all members) forResource(r *spec.Resource) *member {
	if all[r] == nil {
		m := &member{make(map[string]*spec.Method), make(map[string]*spec.Method), make(map[string]*spec.Resource)}
		for _, decl := range r.CollectionMethods() {
			m.collection[decl.Name] = &decl
		}
		for _, decl := range r.ObjectMethods() {
			m.object[decl.Name] = &decl
		}
		for _, child := range r.Children {
			m.children[child.Name] = child
		}
		all[r] = m
	}
	return all[r]
}

// A problem is the message of a run for an expression that always fails, with a suggestion. The zero value is none.
type problem struct{ text, near string }

// attr returns the types of an attribute, or a problem if no type of the value has it.
func (m *module) attr(u union, name string, called bool) (union, problem) {
	if u == nil {
		return nil, problem{}
	}
	out, failed := never, problem{}
	for i, t := range u {
		found, p := m.attrOf(t, name, called)
		if p == (problem{}) {
			if out = join(out, found); out == nil {
				return nil, problem{}
			}
			continue
		}
		if failed == (problem{}) || i > 0 && u[i-1].class == none {
			failed = p
		}
	}
	if len(out) > 0 {
		return out, problem{}
	}
	return never, failed
}

func (m *module) attrOf(t typ, name string, called bool) (union, problem) {
	switch t.class {
	case client:
		return m.clientAttr(name)
	case collection:
		return m.collectionAttr(t, name)
	case object:
		return m.objectAttr(t, name, called)
	case method:
		return never, problem{t.name + " is a method and has no ." + name + ": call it first, " + t.name + "(…)." + name, ""}
	case result:
		return m.resultAttr(t, name)
	case failure:
		return m.failureAttr(t, name, called)
	case errorClass:
		if slices.Contains(errorClassAttrs, name) {
			if name == "base" {
				return nil, problem{}
			}
			return textT, problem{}
		}
		return never, problem{"error_class has no ." + name + " field or method", errors.Nearest(name, errorClassAttrs)}
	case library, environ:
		return m.libraryAttr(t, name)
	case structure:
		if t.fields == nil {
			return nil, problem{}
		}
		if field, ok := t.fields[name]; ok {
			return field.loose(), problem{}
		}
	}
	v := t.sample()
	has, ok := v.(starlark.HasAttrs)
	if t.class == dict && !called && !slices.Contains(has.AttrNames(), name) {
		return t.elem(1).loose(), problem{} // dicts have their keys as attributes
	}
	if ok && slices.Contains(has.AttrNames(), name) {
		return m.ownAttr(t, has, name), problem{}
	}
	return never, missing(v, name)
}

// missing returns the problem of an attribute that v lacks.
func missing(v starlark.Value, name string) problem {
	dot := &syntax.DotExpr{X: &syntax.Ident{Name: "x"}, Name: &syntax.Ident{Name: name}}
	_, err := starlark.EvalExprOptions(&syntax.FileOptions{}, new(starlark.Thread), dot, starlark.StringDict{"x": v})
	if err == nil {
		return problem{}
	}
	text, near := suggestion(message(err))
	return problem{text, strings.TrimPrefix(near, ".")}
}

// ownAttr returns the types of an attribute of one of Starlark's or the host's types.
func (m *module) ownAttr(t typ, v starlark.HasAttrs, name string) union {
	attr, err := v.Attr(name)
	if err != nil {
		return nil
	}
	if t.class == fleet && name == "remotes" {
		return textsT
	}
	if t.class == fleet && name == "clients" {
		return listOf(simple(client))
	}
	switch attr := attr.(type) {
	case *starlark.Builtin:
		return only(typ{class: bound, name: t.typeName() + "." + name, elems: []union{only(t)}})
	default:
		for c, value := range map[class]starlark.Value{integer: starlark.MakeInt(1), float: starlark.Float(1), text: starlark.String("")} {
			if attr.Type() == value.Type() {
				return simple(c)
			}
		}
	}
	return nil
}

// errorClassAttrs are the attributes of error classes.
var errorClassAttrs = []string{"base", "doc", "name"}

func noAttr(t typ, name string, names []string, methods map[string]*spec.Method) (union, problem) {
	changes := func(name string) bool { return methods[name] != nil && methods[name].Effect != spec.Reads }
	return never, problem{t.String() + " has no ." + name, errors.NearestReading(name, names, changes)}
}

func (c *checker) clientAttr(name string) (union, problem) {
	names := c.client.AttrNames()
	if !slices.Contains(names, name) {
		methods := make(map[string]*spec.Method)
		for i := range spec.ClientMethods {
			methods[spec.ClientMethods[i].Name] = &spec.ClientMethods[i]
		}
		return noAttr(typ{class: client}, name, names, methods)
	}
	v, err := c.client.Attr(name)
	if err != nil {
		return nil, problem{}
	}
	switch v := v.(type) {
	case *starlarkincus.Collection:
		return only(typ{class: collection, res: v.Resource()}), problem{}
	case starlark.NoneType: // the name of the remote or the project, before the first call
		return orNone(textT), problem{}
	case *starlarkincus.Method:
		return only(typ{class: method, name: v.Name(), method: v.Declaration()}), problem{}
	}
	return nil, problem{}
}

func (m *module) collectionAttr(t typ, name string) (union, problem) {
	has := m.members.forResource(t.res)
	if decl := has.collection[name]; decl != nil {
		return only(typ{class: method, name: t.res.Name + "." + name, res: t.res, method: decl}), problem{}
	}
	child := has.children[name]
	switch {
	case child != nil && child.Stands == spec.OnCollection:
		return only(typ{class: collection, res: child}), problem{}
	case has.collection["get"] != nil && t.res.Lists != spec.Single && (child != nil || has.object[name] != nil):
		return never, problem{t.res.Name + " has no ." + name + ": " + t.res.An() + " has one, " + t.res.Name + ".get(…)." + name, ""}
	case t.res.Lists == spec.Single && has.object[name] != nil:
		return never, problem{t.res.Name + " has no ." + name + ": read it first, " + t.res.Reach() + "()." + name + "(…)", ""}
	}
	names := slices.Sorted(maps.Keys(has.collection))
	for _, child := range t.res.Children {
		if child.Stands == spec.OnCollection {
			names = append(names, child.Name)
		}
	}
	_, p := noAttr(t, name, names, has.collection)
	if p.near == "" && has.collection["get"] != nil && t.res.Lists != spec.Single {
		p.text += starlarkincus.NamedOne(name)
	}
	return never, p
}

// objectAttr returns the types of an object's attribute. Newer servers may have fields that aren't in the table, so an
// unknown one is a problem only if it is called or similar to another name.
func (m *module) objectAttr(t typ, name string, called bool) (union, problem) {
	has := m.members.forResource(t.res)
	if decl := has.object[name]; decl != nil {
		return only(typ{class: method, name: t.res.Singular() + "." + name, res: t.res, method: decl}), problem{}
	}
	names := slices.Collect(maps.Keys(has.object))
	for child, r := range has.children {
		if r.Stands == spec.OnCollection {
			continue
		}
		if child == name {
			return only(typ{class: collection, res: r}), problem{}
		}
		names = append(names, child)
	}
	for i := range t.res.Fields {
		if f := &t.res.Fields[i]; f.Name == name || f.Script() == name {
			if called {
				return never, problem{t.String() + "'s ." + name + " is a field, not a method", ""}
			}
			return fieldTypes(t.res, f), problem{}
		} else if f.Use&(spec.Read|spec.Derived) != 0 {
			names = append(names, f.Script())
		}
	}
	switch name {
	case "changed":
		return nil, problem{}
	case "remote":
		return orNone(textT), problem{}
	}
	if in := starlarkincus.InState(t.res, name); in != "" {
		return never, problem{t.String() + " has no ." + name + in, ""}
	}
	slices.Sort(names)
	_, p := noAttr(t, name, names, has.object)
	if !called && !t.res.Closed && p.near == "" && report.WithHint(p.text) == p.text {
		return nil, problem{}
	}
	return never, p
}

// fieldTypes returns the types of an object's field. Any field but the key is None if the server doesn't send it.
func fieldTypes(r *spec.Resource, f *spec.Field) union {
	switch {
	case f.Use&spec.Read == 0:
		return nil
	case f.Name == r.Key:
		return valueTypes(f)
	}
	return orNone(valueTypes(f))
}

// valueTypes returns the types of a declared field's value.
func valueTypes(f *spec.Field) union {
	frozen := func(u union) union { u[0].frozen = true; return u }
	switch f.Type {
	case spec.String, spec.Name, spec.Time, spec.Certificate:
		return simple(text)
	case spec.Int:
		return simple(integer)
	case spec.Bool:
		return simple(boolean)
	case spec.Strings:
		return frozen(listOf(textT))
	case spec.Config:
		return frozen(dictOf(textT, textT))
	case spec.Devices:
		return frozen(dictOf(textT, frozen(dictOf(textT, textT))))
	case spec.Object:
		return frozen(dictOf(textT, nil))
	case spec.Objects:
		return frozen(listOf(frozen(dictOf(textT, nil))))
	}
	return nil
}

func (m *module) resultAttr(t typ, name string) (union, problem) {
	switch name {
	case "value":
		return t.elem(0).loose(), problem{}
	case "ok":
		return boolT, problem{}
	case "error":
		return orNone(simple(failure)), problem{}
	case "item":
		return nil, problem{}
	case "remote":
		return orNone(textT), problem{}
	}
	return never, missing(t.sample(), name)
}

// failureAttr returns the types of an error's attribute. Errors may have fields of their own, so an unknown one is a
// problem only if it is called or similar to another name, and no call in the file has an argument of that name.
func (m *module) failureAttr(t typ, name string, called bool) (union, problem) {
	v := hostSamples()[failure].(starlark.HasAttrs)
	names := v.AttrNames()
	switch {
	case name == "is_a" || name == "explain":
		return only(typ{class: bound, name: "error." + name, elems: []union{only(t)}}), problem{}
	case slices.Contains([]string{"message", "class", "class_", "backtrace"}, name):
		return textT, problem{}
	case name == "status" || name == "status_code" || name == "exit_code":
		return orNone(intT), problem{}
	case name == "remote":
		return orNone(textT), problem{}
	case name == "cause":
		return orNone(simple(failure)), problem{}
	case slices.Contains(names, name):
		return nil, problem{}
	case m.facts.argNames[name]:
		return nil, problem{}
	}
	p := missing(v, name)
	if !called && p.near == "" {
		return nil, problem{}
	}
	return never, p
}

func (m *module) libraryAttr(t typ, name string) (union, problem) {
	names := m.libraries[t.name]
	if slices.Contains(names, name) {
		return m.memberOf(t.name, name), problem{}
	}
	return never, problem{t.name + " has no ." + name + " field or method", errors.Nearest(name, names)}
}

// memberOf returns the types of a library's member.
func (m *module) memberOf(library, name string) union {
	if has, ok := m.names.Get(library).(starlark.HasAttrs); ok {
		switch v, err := has.Attr(name); {
		case err != nil || v == nil:
		case v.Type() == "builtin_function_or_method":
			return named(builtin, library+"."+name)
		case v.Type() == "time.duration":
			return simple(duration)
		case v.Type() == "float":
			return floatT
		}
	}
	return nil
}
