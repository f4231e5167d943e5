package check

import (
	"maps"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// returns returns the types of the result of a call of a value with args.
func (m *module) returns(u union, args []syntax.Expr) union {
	return u.each(func(t typ) union { return m.returned(t, args) })
}

func (m *module) returned(t typ, args []syntax.Expr) union {
	switch t.class {
	case method:
		return m.methodReturns(t, args)
	case function:
		return t.fn.result.types
	case collection:
		if t.res.Lists == spec.Single {
			return objectOf(t.res)
		}
		return never
	case errorClass:
		return simple(failure)
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
		case spec.Stream:
			return only(typ{class: stream, name: "events", elems: []union{objectOf(r.Of)}})
		case spec.ByteStream:
			return only(typ{class: stream, name: "stream", elems: []union{simple(octets)}})
		case spec.LineStream:
			return only(typ{class: stream, name: "lines", elems: []union{join(textT, simple(octets))}})
		case spec.StringList:
			return textsT
		case spec.Text:
			return textT
		case spec.Truth:
			return boolT
		case spec.Operation:
			return objectOf(spec.Operations)
		case spec.Data:
			return join(textT, simple(octets))
		case spec.Struct, spec.StructList:
			t := typ{class: structure, name: r.Of.Kind, fields: make(map[string]union)}
			for i := range r.Of.Fields {
				t.fields[r.Of.Fields[i].Script()] = valueTypes(&r.Of.Fields[i])
			}
			if r.Shape == spec.StructList {
				return listOf(only(t))
			}
			return only(t)
		case spec.Nothing:
			return noneT
		case spec.Client:
			return simple(client)
		}
		return nil
	}()
	if r.Maybe {
		return orNone(u)
	}
	return u
}

// invocation returns a call with its positional arguments.
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

// declaredReturns returns the types of a declared function's result.
func (m *module) declaredReturns(name string, recv typ, args []syntax.Expr) union {
	if name == "Fleet.map" {
		return listOf(resultOf(m.returns(m.typeOfArg(args, 0), nil)))
	}
	if returns := returning[name]; returns != nil {
		return returns(m.invocation(recv, args))
	}
	if d := m.declaration(name); d != nil {
		return declaredTypes(d.Returns)
	}
	return nil
}

// builtinReturns returns the types of a builtin's result, including those of functions that call an argument.
func (m *module) builtinReturns(name string, args []syntax.Expr) union {
	if f, ok := forwarding[name]; ok && len(args) > f.fn {
		switch name {
		case "try_", "catch":
			return resultOf(m.returns(m.typeOfArg(args, f.fn), args[f.fn+1:]))
		case "parallel":
			return listOf(resultOf(m.returns(m.typeOfArg(args, 0), nil)))
		case "retry":
			return m.returns(m.typeOfArg(args, f.fn), args[f.fn+1:])
		case "finally_", "wait_until":
			return m.returns(m.typeOfArg(args, 0), nil)
		case "defer":
			return noneT
		}
		return simple(failure)
	}
	switch name {
	case "struct":
		return m.structTypes(args)
	case "flag":
		return m.flagTypes(args)
	case "error_class":
		if t, ok := m.typeOfArg(args, 0).one(); ok && t.class == text && t.value != nil {
			return named(errorClass, string(t.value.(starlark.String)))
		}
		return nil
	}
	return m.declaredReturns(name, typ{}, args)
}

// typeOfArg returns the types of argument i; nil if it is missing, named or spread.
func (m *module) typeOfArg(args []syntax.Expr, i int) union {
	if i < len(args) {
		if value, name, spread := argument(args[i]); name == "" && !spread {
			return m.typeOf(value)
		}
	}
	return nil
}

// structTypes returns the types of struct's result.
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

// flagTypes returns the types of flag's result, which has the default's type.
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
				return simple(t.class)
			case ok && t.class == list:
				return listOf(nil)
			}
			return nil
		}
	}
	return nil
}

// fieldsOf returns the type of the sum of two structs.
func fieldsOf(a, b typ) union {
	if a.fields == nil || b.fields == nil {
		return only(typ{class: structure, name: a.name})
	}
	t := typ{class: structure, name: a.name, fields: maps.Clone(a.fields)}
	maps.Copy(t.fields, b.fields)
	return only(t)
}
