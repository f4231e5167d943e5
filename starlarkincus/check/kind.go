package check

import (
	"slices"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/syntax"
)

// A sort is what is known of a value.
type sort int

const (
	unknown    sort = iota
	nothing         // None, or no value at all
	client          // incus
	collection      // incus.instances
	object          // an instance
	method          // incus.instances.get
	list            // of values of one kind
	tuple
	result   // what try_ returns
	function // a script's own
	builtin  // one of the host's, or of Starlark's own
	library  // json
	class    // IncusNotFoundError
)

// A kind is what is certain of a value; the zero value is nothing certain.
type kind struct {
	sort   sort
	name   string         // of a method as messages have it, a builtin, a library or a class
	res    *spec.Resource // of a collection, an object, and what a method is called on
	method *spec.Method
	elems  []kind // one of a list and of a result
	fn     *callable
}

func (k kind) elem() kind {
	if len(k.elems) == 1 {
		return k.elems[0]
	}
	return kind{}
}

func listOf(k kind) kind   { return kind{sort: list, elems: []kind{k}} }
func resultOf(k kind) kind { return kind{sort: result, elems: []kind{k}} }

func (k kind) equal(other kind) bool {
	return k.sort == other.sort && k.name == other.name && k.res == other.res && k.method == other.method && k.fn == other.fn &&
		slices.EqualFunc(k.elems, other.elems, kind.equal)
}

// join is what is certain of a value that is of one kind or of the other. None has no attributes at all, so what is
// wrong with the other is wrong.
func join(a, b kind) kind {
	switch {
	case a.sort == nothing:
		return b
	case b.sort == nothing || a.equal(b):
		return a
	}
	return kind{}
}

// String is what messages call it.
func (k kind) String() string {
	switch k.sort {
	case client:
		return "incus"
	case collection:
		return k.res.Name
	case object:
		return k.res.Kind
	case result:
		return "Result"
	}
	return k.name
}

// members are the names on resources, collected when they are first asked for.
type members map[*spec.Resource]*member

type member struct {
	collection, object map[string]*spec.Method
	children           map[string]*spec.Resource
}

func (all members) of(r *spec.Resource) *member {
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

// attributes of a Result and of an error class.
var (
	ofResult = []string{"error", "ok", "value"}
	ofClass  = []string{"base", "doc", "name"}
)

// attr is an attribute's kind. Where it can't be there, problem says so and near is what was probably meant.
func (c *checker) attr(k kind, name string, called bool) (_ kind, problem, near string) {
	switch k.sort {
	case client:
		return c.clientAttr(name)
	case collection:
		return c.collectionAttr(k, name)
	case object:
		return c.objectAttr(k, name, called)
	case method:
		return kind{}, k.name + " is a method and has no ." + name + ": call it first, " + k.name + "(…)." + name, ""
	case result:
		return c.resultAttr(k, name)
	case class:
		if !slices.Contains(ofClass, name) {
			return kind{}, "error_class has no ." + name + " field or method", errors.Nearest(name, ofClass)
		}
	case library:
		names := c.libraries[k.name]
		if !slices.Contains(names, name) {
			owner := "module"
			if k.name == "env" {
				owner = k.name
			}
			return kind{}, owner + " has no ." + name + " field or method", errors.Nearest(name, names)
		}
		return kind{sort: builtin, name: k.name + "." + name}, "", ""
	}
	return kind{}, "", ""
}

func noAttr(k kind, name string, names []string) (kind, string, string) {
	return kind{}, k.String() + " has no ." + name, errors.Nearest(name, names)
}

func (c *checker) clientAttr(name string) (kind, string, string) {
	names := c.client.AttrNames()
	if !slices.Contains(names, name) {
		return noAttr(kind{sort: client}, name, names)
	}
	v, err := c.client.Attr(name)
	if err != nil {
		return kind{}, "", ""
	}
	switch v := v.(type) {
	case *starlarkincus.Collection:
		return kind{sort: collection, res: v.Resource()}, "", ""
	case *starlarkincus.Method:
		return kind{sort: method, name: v.Name(), method: v.Declaration()}, "", ""
	}
	return kind{}, "", ""
}

func (c *checker) collectionAttr(k kind, name string) (kind, string, string) {
	m := c.members.of(k.res)
	if decl := m.collection[name]; decl != nil {
		return kind{sort: method, name: k.res.Name + "." + name, res: k.res, method: decl}, "", ""
	}
	if child := m.children[name]; child != nil && child.Stands == spec.OnCollection {
		return kind{sort: collection, res: child}, "", ""
	} else if m.collection["get"] != nil && k.res.Lists != spec.Single && (child != nil || m.object[name] != nil) {
		return kind{}, k.res.Name + " has no ." + name + ": " + k.res.An() + " has one, " + k.res.Name + ".get(…)." + name, ""
	}
	if k.res.Lists == spec.Single && m.object[name] != nil {
		return kind{}, k.res.Name + " has no ." + name + ": read it first, " + k.res.Reach() + "()." + name + "(…)", ""
	}
	names := keys(m.collection)
	for _, child := range k.res.Children {
		if child.Stands == spec.OnCollection {
			names = append(names, child.Name)
		}
	}
	return noAttr(k, name, names)
}

// objectAttr knows methods and collections for sure. A newer server may have fields that aren't in the table: one is
// wrong only where it is called, or looks like another.
func (c *checker) objectAttr(k kind, name string, called bool) (kind, string, string) {
	m := c.members.of(k.res)
	if decl := m.object[name]; decl != nil {
		return kind{sort: method, name: k.res.Singular() + "." + name, res: k.res, method: decl}, "", ""
	}
	if child := m.children[name]; child != nil {
		return kind{sort: collection, res: child}, "", ""
	}
	names := append(keys(m.object), keys(m.children)...)
	for i := range k.res.Fields {
		if f := &k.res.Fields[i]; f.Name == name || f.Script() == name {
			if called {
				return kind{}, k.String() + "'s ." + name + " is a field, not a method", ""
			}
			return kind{}, "", ""
		} else if f.Use&spec.Read != 0 {
			names = append(names, f.Script())
		}
	}
	if name == "changed" {
		return kind{}, "", ""
	}
	_, problem, near := noAttr(k, name, names)
	if !called && near == "" && host.WithHint(problem) == problem {
		return kind{}, "", ""
	}
	return kind{}, problem, near
}

func (c *checker) resultAttr(k kind, name string) (kind, string, string) {
	switch {
	case name == "value":
		return k.elem(), "", ""
	case slices.Contains(ofResult, name):
		return kind{}, "", ""
	}
	return noAttr(k, name, ofResult)
}

func keys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// returns is what a call of something gives; args are the arguments of the call that reach it.
func (m *module) returns(k kind, args []syntax.Expr) kind {
	switch k.sort {
	case method:
		return m.methodReturns(k, args)
	case function:
		return k.fn.returns()
	case collection:
		if k.res.Lists == spec.Single {
			return kind{sort: object, res: k.res}
		}
	case builtin:
		return m.builtinReturns(k.name, args)
	}
	return kind{}
}

func (m *module) methodReturns(k kind, args []syntax.Expr) kind {
	if now := k.method.ReturnsNow(); now != k.method.Returns {
		for _, arg := range args {
			if named, ok := arg.(*syntax.BinaryExpr); ok && named.Op == syntax.EQ && named.X.(*syntax.Ident).Name == "wait" {
				id, _ := named.Y.(*syntax.Ident)
				if id != nil && id.Name == "False" {
					return resultOfShape(now)
				} else if id == nil || id.Name != "True" {
					return kind{}
				}
			} else if spread, ok := arg.(*syntax.UnaryExpr); ok && spread.Op == syntax.STARSTAR {
				return kind{}
			}
		}
	}
	return resultOfShape(k.method.Returns)
}

// resultOfShape returns the kind of a declared result.
func resultOfShape(r spec.Returns) kind {
	switch r.Shape {
	case spec.Itself, spec.One:
		return kind{sort: object, res: r.Of}
	case spec.ListOf:
		return listOf(kind{sort: object, res: r.Of})
	case spec.Operation:
		return kind{sort: object, res: spec.Operations}
	case spec.Client:
		return kind{sort: client}
	}
	return kind{}
}

// builtinReturns knows the functions that pass on what they are given.
func (m *module) builtinReturns(name string, args []syntax.Expr) kind {
	at := func(i int) kind {
		if i >= len(args) {
			return kind{}
		}
		switch arg := args[i].(type) {
		case *syntax.UnaryExpr:
			return kind{}
		case *syntax.BinaryExpr:
			if arg.Op == syntax.EQ {
				return kind{}
			}
		}
		return m.kindOf(args[i])
	}
	elem := func(i int) kind {
		if k := at(i); k.sort == list {
			return k.elem()
		}
		return kind{}
	}
	if f, ok := forwarding[name]; ok && len(args) > f.fn {
		back := m.returns(at(f.fn), args[f.fn+1:])
		switch name {
		case "try_", "catch":
			return resultOf(back)
		case "parallel":
			return listOf(resultOf(m.returns(at(0), nil)))
		case "retry":
			return back
		case "finally_":
			return m.returns(at(0), nil)
		}
		return kind{}
	}
	switch name {
	case "sorted", "reversed", "list":
		return listOf(elem(0))
	case "enumerate":
		return listOf(kind{sort: tuple, elems: []kind{{}, elem(0)}})
	case "zip":
		var each []kind
		for i := range args {
			each = append(each, elem(i))
		}
		return listOf(kind{sort: tuple, elems: each})
	}
	return kind{}
}
