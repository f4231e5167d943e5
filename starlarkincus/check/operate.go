package check

import (
	"fmt"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// message returns the message of a Starlark error, without its backtrace.
func message(err error) string {
	var failed *starlark.EvalError
	if errors.As(err, &failed) {
		return failed.Msg
	}
	return err.Error()
}

// apply returns the result type of an operator, by applying it to samples.
func apply(op syntax.Token, x, y typ) (union, error) {
	switch op {
	case syntax.EQL, syntax.NEQ:
		return boolT, nil
	case syntax.LT, syntax.GT, syntax.LE, syntax.GE:
		_, err := starlark.Compare(op, x.sample(), y.sample())
		return boolT, err
	case syntax.PERCENT:
		if x.class == text {
			return textT, nil
		}
	}
	v, err := starlark.Binary(op, x.sample(), y.sample())
	if err != nil {
		return never, err
	}
	return combined(op, x, y, v), nil
}

// combined returns the type of v, the result of an operator for samples of types x and y.
func combined(op syntax.Token, x, y typ, v starlark.Value) union {
	switch v.(type) {
	case starlark.Int:
		return intT
	case starlark.Float:
		return floatT
	case starlark.Bool:
		return boolT
	case starlark.String:
		return textT
	case starlark.Bytes:
		return simple(octets)
	case *starlark.List:
		if op == syntax.STAR {
			return listOf(join(x.elem0(), y.elem0()))
		}
		return listOf(join(x.elem(0), y.elem(0)))
	case *starlark.Dict:
		return dictOf(join(x.elem(0), y.elem(0)), join(x.elem(1), y.elem(1)))
	case *starlark.Set:
		return setOf(join(x.elem(0), y.elem(0)))
	case starlark.Tuple:
		if op == syntax.PLUS && !x.open && !y.open {
			return tupleOf(append(x.elems[:len(x.elems):len(x.elems)], y.elems...)...)
		}
		return only(typ{class: tuple, open: true, elems: []union{nil}})
	}
	switch v.Type() {
	case "struct":
		return fieldsOf(x, y)
	case "time.time":
		return simple(moment)
	case "time.duration":
		return simple(duration)
	}
	return nil
}

// elem0 returns the element type of a list; never for other types, such as the number in a repetition.
func (t typ) elem0() union {
	if t.class == list {
		return t.elem(0)
	}
	return never
}

// binary applies an operator to all combinations of two types, and returns a problem if all of them fail.
func binary(op syntax.Token, x, y union) (union, problem) {
	if op == syntax.PERCENT && x.is(text) {
		return textT, problem{} // the format decides
	}
	if x == nil || y == nil {
		return nil, problem{}
	}
	out, p := never, problem{}
	for _, a := range x {
		for _, b := range y {
			u, err := apply(op, a, b)
			switch {
			case err == nil:
				if out = join(out, u); out == nil {
					return nil, problem{}
				}
			case p == (problem{}) || a.class != none && b.class != none:
				p.text = message(err)
			}
		}
	}
	if len(out) > 0 {
		return out, problem{}
	}
	return never, p
}

func (m *module) binaryTypes(x *syntax.BinaryExpr) union {
	switch x.Op {
	case syntax.AND, syntax.OR:
		return join(m.typeOf(x.X), m.typeOf(x.Y))
	case syntax.EQ:
		return nil
	case syntax.EQL, syntax.NEQ, syntax.IN, syntax.NOT_IN, syntax.LT, syntax.GT, syntax.LE, syntax.GE:
		return boolT
	}
	u, _ := binary(x.Op, m.typeOf(x.X), m.typeOf(x.Y))
	return u
}

func (m *module) unaryTypes(x *syntax.UnaryExpr) union {
	switch x.Op {
	case syntax.NOT:
		return boolT
	case syntax.STAR, syntax.STARSTAR:
		return nil
	}
	u, _ := unary(x.Op, m.typeOf(x.X))
	return u
}

func unary(op syntax.Token, x union) (union, problem) {
	var p problem
	out := x.each(func(t typ) union {
		v, err := starlark.Unary(op, t.sample())
		if err != nil {
			p.text = message(err)
			return never
		}
		u := combined(op, t, t, v)
		if known, failed := starlark.Unary(op, t.exact()); t.value != nil && failed == nil && len(u) == 1 {
			return only(typ{class: u[0].class, value: known})
		}
		return u
	})
	if out == nil || len(out) > 0 {
		return out, problem{}
	}
	return never, p
}

// failing returns the problem of an operation that fails for all types of a value. f returns the message for one type;
// empty if it may succeed.
func failing(u union, f func(typ) string) problem {
	var p problem
	for _, t := range u {
		text := f(t)
		if text == "" {
			return problem{}
		}
		if p.text == "" || t.class != none {
			p.text = text
		}
	}
	return p
}

// notIterable returns the problem of an iteration over a value.
func notIterable(u union) problem {
	return failing(u, func(t typ) string {
		if _, ok := t.sample().(starlark.Iterable); ok {
			return ""
		}
		return t.typeName() + " value is not iterable"
	})
}

// notUnpacked returns the problem of an assignment of a value to n targets.
func notUnpacked(u union, n int) problem {
	return failing(u, func(t typ) string {
		if _, ok := t.sample().(starlark.Iterable); !ok {
			return fmt.Sprintf("got %s in sequence assignment", t.typeName())
		}
		count := -1
		switch {
		case t.class == tuple && !t.open:
			count = len(t.elems)
		case t.class == result:
			count = 2
		}
		switch {
		case count > n:
			return fmt.Sprintf("too many values to unpack (got %d, want %d)", count, n)
		case count >= 0 && count < n:
			return fmt.Sprintf("too few values to unpack (got %d, want %d)", count, n)
		}
		return ""
	})
}

// badIndex returns the problem of x[y].
func badIndex(x, y union) problem {
	if y == nil {
		return failing(x, func(t typ) string {
			switch t.sample().(type) {
			case starlark.Mapping, starlark.Indexable:
				return ""
			}
			return fmt.Sprintf("unhandled index operation %s[string]", t.typeName())
		})
	}
	return failing(x, func(t typ) string {
		return failing(y, func(index typ) string {
			switch t.sample().(type) {
			case starlark.Mapping:
				if t.class == object && index.class != text && index.value != nil {
					return fmt.Sprintf("key %v not in %s", index.value, t.typeName())
				}
				return unhashable(index)
			case starlark.Indexable:
				if text := notInt(index); text != "" {
					return fmt.Sprintf("%s index: %s", t.typeName(), text)
				}
				return ""
			}
			return fmt.Sprintf("unhandled index operation %s[%s]", t.typeName(), index.typeName())
		}).text
	})
}

// badSlice returns the problem of x[lo:hi:step].
func badSlice(x union, bounds ...union) problem {
	p := failing(x, func(t typ) string {
		if _, ok := t.sample().(starlark.Sliceable); ok {
			return ""
		}
		return fmt.Sprintf("invalid slice operand %s", t.typeName())
	})
	for _, bound := range bounds {
		if p == (problem{}) {
			p = failing(bound, func(t typ) string {
				if t.class == none {
					return ""
				}
				return notInt(t)
			})
		}
	}
	return p
}

// notInt returns the message for an index of type t; empty if it is an int.
func notInt(t typ) string {
	if _, err := starlark.AsInt32(t.sample()); err != nil {
		return err.Error()
	}
	return ""
}

// unhashable returns the message for a dict key of type t; empty if it is hashable.
func unhashable(t typ) string {
	if t.class == tuple || t.class == structure {
		return ""
	}
	if _, err := t.sample().Hash(); err != nil {
		return err.Error()
	}
	return ""
}

// unassignable returns the problem of an assignment to x[y].
func unassignable(x, y union) problem {
	return failing(x, func(t typ) string {
		v := t.sample()
		switch v.(type) {
		case starlark.HasSetKey:
			if t.frozen {
				return "cannot insert into frozen hash table"
			}
			return failing(y, unhashable).text
		case starlark.HasSetIndex:
			if t.frozen {
				return "cannot assign to element of frozen list"
			}
			return failing(y, notInt).text
		}
		return v.Type() + " value does not support item assignment"
	})
}

// unsettable returns the problem of an assignment to x.name.
func unsettable(x union, name string) problem {
	return failing(x, func(t typ) string {
		if _, ok := t.sample().(starlark.HasSetField); ok {
			return ""
		}
		return fmt.Sprintf("can't assign to .%s field of %s", name, t.typeName())
	})
}

// uncallable returns the message for a call of a value that is not callable.
func uncallable(t typ) string {
	return fmt.Sprintf("invalid call of non-function (%s)", t.typeName())
}
