package check

import (
	"maps"
	"slices"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A class is a kind of value, such as strings, lists or collections.
type class int

const (
	none class = iota // NoneType
	boolean
	integer
	float
	text // string
	octets
	list  // of elems[0]
	tuple // of elems, one each; of elems[0] if open
	dict  // of elems[0] to elems[1]
	set   // of elems[0]
	ranged
	structure  // with fields; called name
	function   // a script's own
	builtin    // a function of the host's or of Starlark's own, called name
	bound      // a method of elems[0], called name
	client     // incus
	collection // incus.instances
	object     // an instance
	method     // incus.instances.get
	result     // a Result of try_, with the value elems[0]
	errorClass // IncusNotFoundError
	failure    // an error
	library    // json
	environ    // env
	pattern
	match
	moment
	duration
	fleet  // of clients
	stream // of elems[0], for a loop
	classes
)

// A typ describes the values of one class.
type typ struct {
	class  class
	name   string         // of a method (as in messages), a builtin, a library, an error class, a struct's constructor; of a stream, its type in Starlark
	res    *spec.Resource // of a collection, an object, and the receiver of a method
	method *spec.Method
	elems  []union
	open   bool // a tuple of any length
	fields map[string]union
	fn     *callable
	frozen bool           // an immutable list or dict
	value  starlark.Value // the value of a literal; nil if unknown
}

// A union lists the possible types of an expression. The nil union is unknown; the empty one belongs to an expression
// without a value, such as a call of fail.
type union []typ

// maxTypes limits the types in a union, and maxDepth their nesting. Beyond that they are unknown.
const (
	maxTypes = 8
	maxDepth = 4
)

var never = union{}

func only(t typ) union                 { return union{t} }
func simple(c class) union             { return union{{class: c}} }
func listOf(elem union) union          { return only(typ{class: list, elems: []union{elem}}) }
func setOf(elem union) union           { return only(typ{class: set, elems: []union{elem}}) }
func dictOf(key, value union) union    { return only(typ{class: dict, elems: []union{key, value}}) }
func tupleOf(elems ...union) union     { return only(typ{class: tuple, elems: elems}) }
func resultOf(value union) union       { return only(typ{class: result, elems: []union{value}}) }
func objectOf(r *spec.Resource) union  { return only(typ{class: object, res: r}) }
func orNone(u union) union             { return join(u, simple(none)) }
func named(c class, name string) union { return only(typ{class: c, name: name}) }
func (t typ) elem(i int) union         { return at(t.elems, i) }
func (u union) has(c class) bool {
	return slices.ContainsFunc(u, func(t typ) bool { return t.class == c })
}
func (u union) without(c ...class) union {
	if u == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(u), func(t typ) bool { return slices.Contains(c, t.class) })
}

func at(elems []union, i int) union {
	if i < len(elems) {
		return elems[i]
	}
	return nil
}

// one returns the only type of a union.
func (u union) one() (typ, bool) {
	if len(u) == 1 {
		return u[0], true
	}
	return typ{}, false
}

// is reports whether the union has types, and all of them are of the class.
func (u union) is(c class) bool {
	return len(u) > 0 && !slices.ContainsFunc(u, func(t typ) bool { return t.class != c })
}

// alike reports whether two types differ at most in their elements and values. A union has only one of such types.
func (t typ) alike(o typ) bool {
	return t.class == o.class && t.name == o.name && t.res == o.res && t.method == o.method && (t.fn == o.fn || t.fn != nil && o.fn != nil && t.fn.node == o.fn.node) &&
		(t.class != tuple || t.open == o.open && len(t.elems) == len(o.elems)) &&
		(t.class != structure || (t.fields == nil) == (o.fields == nil) && maps.EqualFunc(t.fields, o.fields, func(union, union) bool { return true }))
}

func (t typ) equal(o typ) bool {
	return t.alike(o) && t.frozen == o.frozen && sameValue(t.value, o.value) && slices.EqualFunc(t.elems, o.elems, union.equal) && maps.EqualFunc(t.fields, o.fields, union.equal)
}

func sameValue(a, b starlark.Value) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	same, err := starlark.Equal(a, b)
	return err == nil && same
}

func (u union) equal(o union) bool {
	if (u == nil) != (o == nil) || len(u) != len(o) {
		return false
	}
	for _, t := range u {
		if !slices.ContainsFunc(o, t.equal) {
			return false
		}
	}
	return true
}

// join returns the least upper bound of two unions; nil if one is unknown.
func join(a, b union) union { return joinBelow(a, b, maxDepth) }

func joinBelow(a, b union, depth int) union {
	if a == nil || b == nil || depth == 0 {
		return nil
	}
	out := slices.Clone(a)
	for _, t := range b {
		i := slices.IndexFunc(out, t.alike)
		if i < 0 {
			out = append(out, t)
			continue
		}
		m := out[i]
		if !sameValue(m.value, t.value) {
			m.value = nil
		}
		m.frozen = m.frozen && t.frozen
		if len(m.elems) > 0 {
			elems := make([]union, len(m.elems))
			for k := range m.elems {
				elems[k] = joinBelow(m.elems[k], at(t.elems, k), depth-1)
			}
			m.elems = elems
		}
		if m.fields != nil {
			fields := make(map[string]union, len(m.fields))
			for name := range m.fields {
				fields[name] = joinBelow(m.fields[name], t.fields[name], depth-1)
			}
			m.fields = fields
		}
		out[i] = m
	}
	if len(out) > maxTypes {
		return nil
	}
	return out
}

// shallow returns the union with elements below a depth unknown.
func (u union) shallow(depth int) union {
	if u == nil || depth == 0 {
		return nil
	}
	out := make(union, len(u))
	for i, t := range u {
		out[i] = t.mapParts(func(u union) union { return u.shallow(depth - 1) })
	}
	return out
}

// mapParts returns the type with f applied to its elements and fields.
func (t typ) mapParts(f func(union) union) typ {
	if len(t.elems) > 0 {
		elems := make([]union, len(t.elems))
		for i, elem := range t.elems {
			elems[i] = f(elem)
		}
		t.elems = elems
	}
	if t.fields != nil {
		fields := make(map[string]union, len(t.fields))
		for name, field := range t.fields {
			fields[name] = f(field)
		}
		t.fields = fields
	}
	return t
}

// loose returns the union of a value that other code may change: the elements of mutable lists, sets and dicts become
// unknown.
func (u union) loose() union {
	if u == nil {
		return nil
	}
	out := make(union, len(u))
	for i, t := range u {
		switch {
		case t.frozen:
		case t.class == list || t.class == set || t.class == dict:
			t.elems, t.value = nil, nil
		case t.class == tuple || t.class == result || t.class == structure:
			t = t.mapParts(union.loose)
		}
		out[i] = t
	}
	return out
}

// holding returns the union with loose elements, because other code may reach and change those of a variable's value.
func (u union) holding() union {
	out := slices.Clone(u)
	for i, t := range out {
		if !t.frozen && (t.class == list || t.class == set || t.class == dict) {
			out[i] = t.mapParts(union.loose)
		}
	}
	return out
}

// each returns the join of f's results for all types.
func (u union) each(f func(typ) union) union {
	if u == nil {
		return nil
	}
	out := never
	for _, t := range u {
		if out = join(out, f(t)); out == nil {
			return nil
		}
	}
	return out
}

// element returns the types of the elements that an iteration yields.
func (u union) element() union { return u.each(typ.element) }

func (t typ) element() union {
	switch t.class {
	case list, set, dict:
		return t.elem(0).loose()
	case tuple:
		out := never
		for _, e := range t.elems {
			out = join(out, e.loose())
		}
		return out
	case ranged:
		return simple(integer)
	case stream:
		return t.elem(0)
	case fleet:
		return simple(client)
	case object, failure, environ:
		return simple(text)
	case result:
		return join(t.elem(0).loose(), simple(none))
	case none, boolean, integer, float, text, octets:
		return never
	}
	return nil
}

// first returns the type for messages: the first that is not None.
func (u union) first() typ {
	for _, t := range u {
		if t.class != none {
			return t
		}
	}
	return u[0]
}
