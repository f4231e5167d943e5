package check

import (
	"maps"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// typeOf returns the types of an expression's value.
func (m *module) typeOf(expr syntax.Expr) union {
	types := m.learn().types
	u, known := types[expr]
	if !known {
		types[expr] = nil
		u = m.infer(expr)
		if _, deep := expr.(*syntax.ParenExpr); !deep {
			u = u.shallow(maxDepth)
		}
		types[expr] = u
	}
	return u
}

func (m *module) infer(expr syntax.Expr) union {
	switch x := expr.(type) {
	case *syntax.ParenExpr:
		return m.typeOf(x.X)
	case *syntax.Ident:
		return m.identTypes(x)
	case *syntax.Literal:
		return literalTypes(x)
	case *syntax.CondExpr:
		return join(m.typeOf(x.True), m.typeOf(x.False))
	case *syntax.UnaryExpr:
		return m.unaryTypes(x)
	case *syntax.BinaryExpr:
		return m.binaryTypes(x)
	case *syntax.DotExpr:
		if m.facts.hidden[x.Name.Name] {
			return nil
		}
		u, _ := m.attr(m.typeOf(x.X), x.Name.Name, false)
		return u
	case *syntax.CallExpr:
		return m.returns(m.typeOf(x.Fn), x.Args)
	case *syntax.IndexExpr:
		return m.indexTypes(x)
	case *syntax.SliceExpr:
		return m.typeOf(x.X).each(sliced)
	case *syntax.TupleExpr:
		elems := make([]union, len(x.List))
		for i, elem := range x.List {
			elems[i] = m.typeOf(elem)
		}
		return tupleOf(elems...)
	case *syntax.ListExpr:
		elem := never
		for _, e := range x.List {
			elem = join(elem, m.typeOf(e))
		}
		return listOf(elem)
	case *syntax.DictExpr:
		key, value := never, never
		for _, e := range x.List {
			entry := e.(*syntax.DictEntry)
			key, value = join(key, m.typeOf(entry.Key)), join(value, m.typeOf(entry.Value))
		}
		return dictOf(key, value)
	case *syntax.Comprehension:
		if entry, ok := x.Body.(*syntax.DictEntry); ok {
			return dictOf(m.typeOf(entry.Key), m.typeOf(entry.Value))
		}
		return listOf(m.typeOf(x.Body))
	case *syntax.LambdaExpr:
		return only(typ{class: function, name: "lambda", fn: m.callable(x)})
	}
	return nil
}

func literalTypes(x *syntax.Literal) union {
	switch v := x.Value.(type) {
	case string:
		if x.Token == syntax.BYTES {
			return of(octets)
		}
		return only(typ{class: text, value: starlark.String(v)})
	case int64:
		return only(typ{class: integer, value: starlark.MakeInt64(v)})
	case float64:
		return of(float)
	}
	return of(integer)
}

// sliced returns the type of a part of a value.
func sliced(t typ) union {
	switch t.class {
	case list:
		return listOf(t.elem(0).loose())
	case tuple:
		return only(typ{class: tuple, open: true, elems: []union{t.element()}})
	case text, octets, ranged:
		return of(t.class)
	case none, boolean, integer, float, dict, set:
		return never
	}
	return nil
}

func (m *module) identTypes(id *syntax.Ident) union {
	if first := firstOf(id); first != nil {
		v := m.facts.vars[first]
		if v == nil {
			return nil
		}
		return m.facts.guards[first].narrow(v.types)
	}
	switch binding, ok := id.Binding.(*resolve.Binding); {
	case !ok:
		return nil
	case binding.Scope == resolve.Universal && id.Name == "None":
		return noneT
	case binding.Scope == resolve.Universal && (id.Name == "True" || id.Name == "False"):
		return only(typ{class: boolean, value: starlark.Bool(id.Name == "True")})
	case binding.Scope == resolve.Universal:
		return named(builtin, id.Name)
	case binding.Scope != resolve.Predeclared:
		return nil
	}
	switch {
	case m.unknownNames[id.Name]:
		return nil
	case id.Name == "incus":
		return of(client)
	case id.Name == "lock":
		u, _ := m.clientAttr("lock")
		return u
	case id.Name == "env":
		return named(environ, "env")
	case id.Name == "args":
		return listOf(textT)
	case errorClasses[id.Name] != nil:
		return named(errorClass, id.Name)
	case m.libraries[id.Name] != nil:
		return named(library, id.Name)
	}
	return named(builtin, id.Name)
}

func (m *module) indexTypes(x *syntax.IndexExpr) union {
	index := m.typeOf(x.Y)
	at := -1
	if t, ok := index.one(); ok && t.value != nil && t.class == integer {
		at, _ = starlark.AsInt32(t.value)
	}
	return m.typeOf(x.X).each(func(t typ) union {
		switch t.class {
		case list:
			return t.elem(0).loose()
		case dict:
			return t.elem(1).loose()
		case tuple:
			if !t.open && at >= 0 && at < len(t.elems) {
				return t.elems[at].loose()
			}
			return t.element()
		case text:
			return of(text)
		case octets, ranged:
			return of(integer)
		case environ:
			return of(text)
		case result:
			switch at {
			case 0:
				return orNone(t.elem(0))
			case 1:
				return orNone(of(failure))
			}
		case object:
			if key, ok := index.one(); ok {
				if name, ok := starlark.AsString(key.value); ok {
					if f := spec.Find(t.res.Fields, name); f != nil && f.Use&spec.Read != 0 {
						return valueTypes(f)
					}
				}
			}
		case none, boolean, integer, float, set:
			return never
		}
		return nil
	})
}

// returns is what a call of a value gives; args are the arguments of the call that reach it.
func (m *module) returns(u union, args []syntax.Expr) union {
	return u.each(func(t typ) union { return m.returned(t, args) })
}

func (m *module) returned(t typ, args []syntax.Expr) union {
	switch t.class {
	case method:
		return m.methodReturns(t, args)
	case function:
		return t.fn.results()
	case collection:
		if t.res.Lists == spec.Single {
			return objectOf(t.res)
		}
		return never
	case errorClass:
		return of(failure)
	case bound:
		recv, _ := t.elem(0).one()
		return m.declaredReturns(t.name, recv, args)
	case builtin, library:
		return m.builtinReturns(t.name, args)
	case none, boolean, integer, float, text, octets, list, tuple, dict, set, ranged, client, object, result, failure:
		return never
	}
	return nil
}

func (m *module) methodReturns(t typ, args []syntax.Expr) union {
	declared := shapeTypes(t.method.Returns)
	now := t.method.ReturnsNow()
	if now == t.method.Returns {
		return declared
	}
	for _, arg := range args {
		value, name, spread := argument(arg)
		unary, _ := arg.(*syntax.UnaryExpr)
		switch {
		case spread && unary.Op == syntax.STARSTAR:
			return join(declared, shapeTypes(now))
		case name == "wait":
			if one, ok := m.typeOf(value).one(); ok && one.value == starlark.True {
				return declared
			} else if ok && one.value == starlark.False {
				return shapeTypes(now)
			}
			return join(declared, shapeTypes(now))
		}
	}
	return declared
}

// shapeTypes returns the types of a declared result.
func shapeTypes(r spec.Returns) union {
	u := func() union {
		switch r.Shape {
		case spec.Itself, spec.One:
			return objectOf(r.Of)
		case spec.ListOf:
			return listOf(objectOf(r.Of))
		case spec.StringList:
			return textsT
		case spec.Text:
			return textT
		case spec.Truth:
			return boolT
		case spec.Operation:
			return objectOf(spec.Operations)
		case spec.Struct:
			t := typ{class: structure, name: r.Of.Kind, fields: make(map[string]union)}
			for i := range r.Of.Fields {
				t.fields[r.Of.Fields[i].Script()] = valueTypes(&r.Of.Fields[i])
			}
			return only(t)
		case spec.Nothing:
			return noneT
		case spec.Client:
			return of(client)
		}
		return nil
	}()
	if r.Maybe {
		return orNone(u)
	}
	return u
}

// invocation prepares a call's arguments without a name.
func (m *module) invocation(recv typ, args []syntax.Expr) *invocation {
	c := &invocation{module: m, receiver: recv}
	for _, arg := range args {
		switch value, name, spread := argument(arg); {
		case spread:
			c.open = true
		case name != "":
			c.named = true
		default:
			c.args, c.exprs = append(c.args, m.typeOf(value)), append(c.exprs, value)
		}
	}
	return c
}

// declaredReturns is what a declared function returns.
func (m *module) declaredReturns(name string, recv typ, args []syntax.Expr) union {
	if returns := returning[name]; returns != nil {
		return returns(m.invocation(recv, args))
	}
	if d := m.declaration(name); d != nil {
		return declaredTypes(d.Returns)
	}
	return nil
}

// builtinReturns knows the functions that pass on what they are given.
func (m *module) builtinReturns(name string, args []syntax.Expr) union {
	argAt := func(i int) union {
		if i >= len(args) {
			return nil
		}
		value, named, spread := argument(args[i])
		if named != "" || spread {
			return nil
		}
		return m.typeOf(value)
	}
	if f, ok := forwarding[name]; ok && len(args) > f.fn {
		switch name {
		case "try_", "catch":
			return resultOf(m.returns(argAt(f.fn), args[f.fn+1:]))
		case "parallel":
			return listOf(resultOf(m.returns(argAt(0), nil)))
		case "retry":
			return m.returns(argAt(f.fn), args[f.fn+1:])
		case "finally_", "wait_until":
			return m.returns(argAt(0), nil)
		case "defer":
			return noneT
		}
		return of(failure)
	}
	switch name {
	case "struct":
		return m.structTypes(args)
	case "flag":
		return m.flagTypes(args)
	case "error_class":
		if name, ok := starlark.AsString(m.literalAt(args, 0)); ok {
			return named(errorClass, name)
		}
		return nil
	}
	return m.declaredReturns(name, typ{}, args)
}

// literalAt is the value of a call's argument, where it is written out; nil where it isn't.
func (m *module) literalAt(args []syntax.Expr, i int) starlark.Value {
	if i < len(args) {
		if value, name, spread := argument(args[i]); name == "" && !spread {
			return m.literal(value)
		}
	}
	return nil
}

// structTypes is what struct returns.
func (m *module) structTypes(args []syntax.Expr) union {
	t := typ{class: structure, fields: make(map[string]union)}
	for _, arg := range args {
		value, name, _ := argument(arg)
		if name == "" {
			return only(typ{class: structure})
		}
		t.fields[name] = m.typeOf(value)
	}
	return only(t)
}

// flagTypes is what flag returns: a value of the default's type.
func (m *module) flagTypes(args []syntax.Expr) union {
	for i, arg := range args {
		value, name, spread := argument(arg)
		if spread {
			return nil
		}
		if name == "default" || name == "" && i == 1 {
			u := m.typeOf(value)
			t, ok := u.one()
			switch {
			case ok && (t.class == text || t.class == integer || t.class == float || t.class == boolean):
				return of(t.class)
			case ok && t.class == list:
				return listOf(nil)
			}
			return nil
		}
	}
	return nil
}

// fieldsOf are the fields of two structs together.
func fieldsOf(a, b typ) union {
	if a.fields == nil || b.fields == nil {
		return only(typ{class: structure, name: a.name})
	}
	t := typ{class: structure, name: a.name, fields: maps.Clone(a.fields)}
	maps.Copy(t.fields, b.fields)
	return only(t)
}
