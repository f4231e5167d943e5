package check

import (
	"slices"

	"go.starlark.net/syntax"
)

// A set of classes, as bits: those that a parameter takes.
type accepts uint64

func bits(cs ...class) accepts {
	var a accepts
	for _, c := range cs {
		a |= 1 << c
	}
	return a
}

var (
	anything  accepts // takes all
	texts     = bits(text)
	ints      = bits(integer)
	numbers   = bits(integer, float)
	data      = bits(text, octets)
	times     = bits(integer, float, duration)
	iterables = bits(list, tuple, dict, set, ranged, object, failure, environ, result)
	callables = bits(function, builtin, bound, method, errorClass, library, collection)
	orNothing = bits(none)
)

// A parameter of a function that check knows.
type parameter struct {
	name     string
	takes    accepts
	optional bool
	byName   bool // may be given by its name only
}

func req(name string, takes accepts) parameter { return parameter{name: name, takes: takes} }
func opt(name string, takes accepts) parameter {
	return parameter{name: name, takes: takes, optional: true}
}

func key(name string, takes accepts) parameter { return parameter{name, takes, true, true} }

// A known function is one of Starlark's own, or of its types, or of a library: its parameters, and what it returns.
type known struct {
	params  []parameter
	varargs bool
	named   bool                     // takes any named arguments
	wrong   func(c *invocation) bool // reports whether arguments don't go together, or a part of one is wrong
	returns func(c *invocation) union
	fixed   union // what it returns in any case, where returns is nil
}

// An invocation is a call of a known function.
type invocation struct {
	*module
	receiver typ
	args     []union // without a name, in their order; nil where one isn't known
	exprs    []syntax.Expr
	open     bool // there may be more
	named    bool // there are some with a name
}

func (c *invocation) arg(i int) union {
	if c.open {
		return nil
	}
	return at(c.args, i)
}

func fn(returns union, params ...parameter) known { return known{params: params, fixed: returns} }
func does(returns func(*invocation) union, params ...parameter) known {
	return known{params: params, returns: returns}
}
func (k known) many() known { k.varargs = true; return k }
func (k known) any() known  { k.varargs, k.named = true, true; return k }

var (
	textT  = of(text)
	intT   = of(integer)
	floatT = of(float)
	boolT  = of(boolean)
	noneT  = of(none)
	textsT = listOf(of(text))
)

func receiver(c *invocation) union { return only(c.receiver) }
func elements(c *invocation) union { return listOf(c.arg(0).element()) }

// knowns are the functions by their names; a method's begins with its type's.
var knowns map[string]known

func init() {
	knowns = map[string]known{
		"string.capitalize": fn(textT), "string.lower": fn(textT), "string.upper": fn(textT), "string.title": fn(textT),
		"string.isalnum": fn(boolT), "string.isalpha": fn(boolT), "string.isdigit": fn(boolT), "string.islower": fn(boolT),
		"string.isspace": fn(boolT), "string.istitle": fn(boolT), "string.isupper": fn(boolT),
		"string.count":          fn(intT, req("sub", texts), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"string.find":           fn(intT, req("sub", texts), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"string.rfind":          fn(intT, req("sub", texts), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"string.index":          fn(intT, req("sub", texts), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"string.rindex":         fn(intT, req("sub", texts), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"string.startswith":     fn(boolT, req("prefix", texts|bits(tuple)), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"string.endswith":       fn(boolT, req("suffix", texts|bits(tuple)), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"string.removeprefix":   fn(textT, req("prefix", texts)),
		"string.removesuffix":   fn(textT, req("suffix", texts)),
		"string.strip":          fn(textT, opt("cutset", texts)),
		"string.lstrip":         fn(textT, opt("cutset", texts)),
		"string.rstrip":         fn(textT, opt("cutset", texts)),
		"string.split":          fn(textsT, opt("sep", texts|orNothing), opt("maxsplit", ints)),
		"string.rsplit":         fn(textsT, opt("sep", texts|orNothing), opt("maxsplit", ints)),
		"string.splitlines":     fn(textsT, opt("keepends", anything)),
		"string.partition":      fn(tupleOf(textT, textT, textT), req("sep", texts)),
		"string.rpartition":     fn(tupleOf(textT, textT, textT), req("sep", texts)),
		"string.replace":        fn(textT, req("old", texts), req("new", texts), opt("count", ints)),
		"string.join":           {params: []parameter{req("iterable", iterables)}, fixed: textT, wrong: joinsOthers},
		"string.format":         fn(textT).any(),
		"string.elems":          fn(nil), // iterable, and no list
		"string.elem_ords":      fn(nil),
		"string.codepoints":     fn(nil),
		"string.codepoint_ords": fn(nil),
		"bytes.elems":           fn(nil),

		"list.append": fn(noneT, req("x", anything)),
		"list.clear":  fn(noneT),
		"list.extend": fn(noneT, req("iterable", iterables)),
		"list.index":  fn(intT, req("x", anything), opt("start", ints|orNothing), opt("end", ints|orNothing)),
		"list.insert": fn(noneT, req("index", ints), req("x", anything)),
		"list.pop":    does(func(c *invocation) union { return c.receiver.element() }, opt("index", ints)),
		"list.remove": fn(noneT, req("x", anything)),

		"dict.clear": fn(noneT),
		"dict.get": does(func(c *invocation) union {
			if len(c.args) < 2 && !c.open {
				return orNone(c.receiver.elem(1).loose())
			}
			return join(c.receiver.elem(1).loose(), c.arg(1))
		}, req("key", anything), opt("default", anything)),
		"dict.items": does(func(c *invocation) union {
			return listOf(tupleOf(c.receiver.elem(0), c.receiver.elem(1).loose()))
		}),
		"dict.keys":   does(func(c *invocation) union { return listOf(c.receiver.elem(0)) }),
		"dict.values": does(func(c *invocation) union { return listOf(c.receiver.elem(1).loose()) }),
		"dict.pop": does(func(c *invocation) union {
			if len(c.args) < 2 && !c.open {
				return c.receiver.elem(1).loose()
			}
			return join(c.receiver.elem(1).loose(), c.arg(1))
		}, req("key", anything), opt("default", anything)),
		"dict.popitem": does(func(c *invocation) union { return tupleOf(c.receiver.elem(0), c.receiver.elem(1).loose()) }),
		"dict.setdefault": does(func(c *invocation) union {
			if len(c.args) < 2 && !c.open {
				return orNone(c.receiver.elem(1).loose())
			}
			return join(c.receiver.elem(1), c.arg(1)).loose()
		}, req("key", anything), opt("default", anything)),
		"dict.update": known{params: []parameter{opt("pairs", bits(dict, list, tuple, set, object, failure, environ))}, named: true, fixed: noneT},

		"set.add": fn(noneT, req("x", anything)), "set.clear": fn(noneT), "set.discard": fn(noneT, req("x", anything)), "set.remove": fn(noneT, req("x", anything)),
		"set.pop":                  does(func(c *invocation) union { return c.receiver.element() }),
		"set.issubset":             fn(boolT, req("other", iterables)),
		"set.issuperset":           fn(boolT, req("other", iterables)),
		"set.union":                fn(setOf(nil)).many(),
		"set.difference":           does(receiver, req("other", iterables)),
		"set.intersection":         does(receiver, req("other", iterables)),
		"set.symmetric_difference": fn(setOf(nil), req("other", iterables)),
		"set.update":               fn(noneT).many(),

		"abs": does(func(c *invocation) union { return c.arg(0).each(numeric) }, req("x", numbers)),
		"all": fn(boolT, req("iterable", iterables)), "any": fn(boolT, req("iterable", iterables)),
		"bool": fn(boolT, opt("x", anything)), "bytes": fn(of(octets), req("x", data|iterables)), "chr": fn(textT, req("i", ints)),
		"dict":      {params: []parameter{opt("pairs", bits(dict, list, tuple, set, object, failure, environ))}, named: true, returns: copied},
		"dir":       fn(textsT, req("x", anything)),
		"enumerate": does(func(c *invocation) union { return listOf(tupleOf(intT, c.arg(0).element())) }, req("iterable", iterables), opt("start", ints)),
		"float":     fn(floatT, opt("x", bits(boolean, integer, float, text))),
		"getattr":   fn(nil, req("x", anything), req("name", texts), opt("default", anything)),
		"hasattr":   fn(boolT, req("x", anything), req("name", texts)),
		"int":       fn(intT, req("x", bits(boolean, integer, float, text)), opt("base", ints)),
		"len":       fn(intT, req("x", iterables|bits(text, octets))),
		"list":      does(elements, opt("iterable", iterables)),
		"max":       known{params: []parameter{key("key", callables|orNothing)}, varargs: true, returns: extreme, wrong: ofOne},
		"min":       known{params: []parameter{key("key", callables|orNothing)}, varargs: true, returns: extreme, wrong: ofOne},
		"ord":       fn(intT, req("s", data)),
		"range":     fn(of(ranged), req("start", ints), opt("stop", ints), opt("step", ints)),
		"repr":      fn(textT, req("x", anything)),
		"reversed":  does(elements, req("iterable", iterables)),
		"set":       does(func(c *invocation) union { return setOf(c.arg(0).element()) }, opt("iterable", iterables)),
		"sorted":    does(elements, req("iterable", iterables), opt("key", callables|orNothing), opt("reverse", bits(boolean))),
		"str":       fn(textT, req("x", anything)),
		"tuple": does(func(c *invocation) union {
			return only(typ{class: tuple, open: true, elems: []union{c.arg(0).element()}})
		}, opt("iterable", iterables)),
		"type": fn(textT, req("x", anything)),
		"zip":  known{varargs: true, returns: zipped, wrong: ofSingle},
		"fail": known{varargs: true, named: true, fixed: never},
	}
}

// ofOne reports whether max and min are given one value, which has no elements.
func ofOne(c *invocation) bool {
	return len(c.args) == 1 && !c.open && notIterable(c.args[0]).text != ""
}

func ofSingle(c *invocation) bool {
	return slices.ContainsFunc(c.args, func(u union) bool { return notIterable(u).text != "" })
}

// joinsOthers reports whether a list that is written out has something else than strings.
func joinsOthers(c *invocation) bool {
	if len(c.exprs) != 1 {
		return false
	}
	list, ok := c.exprs[0].(*syntax.ListExpr)
	return ok && slices.ContainsFunc(list.List, func(e syntax.Expr) bool {
		u := c.typeOf(e)
		return len(u) > 0 && !u.has(text)
	})
}

// numeric is the type of a number.
func numeric(t typ) union {
	if t.class == integer || t.class == float {
		return of(t.class)
	}
	return never
}

// copied is what dict returns.
func copied(c *invocation) union {
	if len(c.args) == 1 && !c.open {
		if t, ok := c.args[0].one(); ok && t.class == dict {
			return dictOf(t.elem(0), t.elem(1).loose())
		}
	}
	return dictOf(nil, nil)
}

// extreme is what max and min return.
func extreme(c *invocation) union {
	if len(c.args) == 1 {
		return c.arg(0).element()
	}
	out := never
	for i := range c.args {
		out = join(out, c.arg(i))
	}
	return out
}

func zipped(c *invocation) union {
	if c.open {
		return listOf(nil)
	}
	var each []union
	for i := range c.args {
		each = append(each, c.arg(i).element())
	}
	return listOf(tupleOf(each...))
}
