package check

import (
	"incus-star/starlarkincus/spec"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// typeOf returns the types of an expression's value.
func (m *module) typeOf(expr syntax.Expr) union {
	types := m.collectFacts().types
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
		if m.facts.probedAttrs[x.Name.Name] {
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
		return only(typ{class: function, name: "lambda", fn: m.facts.callables[x]})
	}
	return nil
}

func literalTypes(x *syntax.Literal) union {
	switch v := x.Value.(type) {
	case string:
		if x.Token == syntax.BYTES {
			return simple(octets)
		}
		return only(typ{class: text, value: starlark.String(v)})
	case int64:
		return only(typ{class: integer, value: starlark.MakeInt64(v)})
	case float64:
		return only(typ{class: float, value: starlark.Float(v)})
	}
	return simple(integer)
}

// sliced returns the types of a slice of a value.
func sliced(t typ) union {
	switch t.class {
	case list:
		return listOf(t.elem(0).loose())
	case tuple:
		return only(typ{class: tuple, open: true, elems: []union{t.element()}})
	case text, octets, ranged:
		return simple(t.class)
	case none, boolean, integer, float, dict, set:
		return never
	}
	return nil
}

func (m *module) identTypes(id *syntax.Ident) union {
	if first := firstOf(id); first != nil {
		v := m.facts.vars[first]
		if v == nil || v.param && m.facts.conditional[id] {
			return nil // other calls may take that branch
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
		return simple(client)
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
		case octets:
			return simple(octets)
		case ranged:
			return simple(integer)
		case text, environ:
			return simple(text)
		case result:
			switch at {
			case 0:
				return orNone(t.elem(0).loose())
			case 1:
				return orNone(simple(failure))
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
