package check

import (
	"slices"
	"strings"

	declare "incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// declaredAs maps classes to the types of declarations. Missing classes are Other.
var declaredAs = map[class]declare.Type{
	none: declare.None, boolean: declare.Bool, integer: declare.Int, float: declare.Float, text: declare.String, octets: declare.Bytes,
	list: declare.List, tuple: declare.Tuple, dict: declare.Dict, set: declare.Set, ranged: declare.Range, structure: declare.Struct,
	function: declare.Function, builtin: declare.Function, bound: declare.Function, library: declare.Module, result: declare.Result,
	errorClass: declare.Class, failure: declare.Error, environ: declare.Environment, pattern: declare.Pattern, match: declare.Match,
	moment: declare.Time, duration: declare.Duration, fleet: declare.Fleet,
}

// allows reports whether a declared type includes a class.
func allows(t declare.Type, c class) bool {
	got, ok := declaredAs[c]
	if !ok {
		got = declare.Other
	}
	return t.Allows(got)
}

// takes reports whether a parameter of a declared type accepts a value of type t.
func takes(p declare.Type, t typ) bool {
	if _, known := declaredAs[t.class]; !known && p != declare.Any && p&(declare.List|declare.Function) != 0 {
		_, iterable := t.sample().(starlark.Iterable)
		return p&declare.List != 0 && iterable || p&declare.Function != 0 && (t.class == method || t.class == collection)
	}
	return allows(p, t.class)
}

// declaredTypes returns the types included in a declared type; nil if one of them is unknown.
func declaredTypes(t declare.Type) union {
	elem := t.Elem()
	if t == declare.Any || t&(declare.Other|declare.Function|declare.Module|declare.Class) != 0 {
		return nil
	}
	inner := union(nil)
	if elem != declare.Any {
		inner = declaredTypes(elem)
	}
	out := never
	for c := none; c < classes; c++ {
		if declaredAs[c] == 0 || t&declaredAs[c] == 0 {
			continue
		}
		one := typ{class: c}
		switch c {
		case list, set, result:
			one.elems = []union{inner}
		case tuple:
			one.elems, one.open = []union{inner}, true
		case dict:
			one.elems = []union{nil, inner}
		}
		out = join(out, only(one))
	}
	return out
}

// An invocation is a call of a declared function.
type invocation struct {
	*module
	receiver typ
	args     []union // types of the positional arguments
	exprs    []syntax.Expr
	open     bool // has spread arguments
	named    bool // has named arguments
}

func (c *invocation) arg(i int) union {
	if c.open {
		return nil
	}
	return at(c.args, i)
}

// declaration returns the declaration of a function, or of a method given as TYPE.METHOD; nil for an unknown name.
func (c *checker) declaration(name string) *declare.Decl {
	if d := c.declared[name]; d != nil {
		return d
	}
	if d := declare.Native(name); d != nil {
		return d
	}
	if method, ok := strings.CutPrefix(name, "re.Pattern."); ok {
		if d := c.declared["re."+method]; d != nil && len(d.Params) > 0 {
			return &declare.Decl{Name: name, Params: d.Params[1:], Returns: d.Returns}
		}
	}
	return methodsOfOurs[name]
}

// methodsOfOurs declares the methods of times, for which the host has no declarations.
var methodsOfOurs = map[string]*declare.Decl{
	"time.time.format":      {Params: []declare.Param{declare.Need("format", declare.String)}, Returns: declare.String},
	"time.time.in_location": {Params: []declare.Param{declare.Need("location", declare.String)}, Returns: declare.Time},
}

// makesError declares the call of an error class.
var makesError = &declare.Decl{
	Params:  []declare.Param{declare.Need("message", declare.String), declare.Opt("status", declare.Int|declare.None, "None"), declare.KwArgs("fields", declare.Any)},
	Returns: declare.Error,
}

var (
	textT  = simple(text)
	intT   = simple(integer)
	floatT = simple(float)
	boolT  = simple(boolean)
	noneT  = simple(none)
	textsT = listOf(simple(text))
)

// returning infers the results of functions that depend on the arguments or the receiver.
var returning = map[string]func(*invocation) union{
	"string.partition": func(*invocation) union { return tupleOf(textT, textT, textT) }, "string.rpartition": func(*invocation) union { return tupleOf(textT, textT, textT) },
	"re.findall": unsure, "re.split": unsure, "re.Pattern.findall": unsure, "re.Pattern.split": unsure,

	"list.pop": func(c *invocation) union { return c.receiver.element() }, "set.pop": func(c *invocation) union { return c.receiver.element() },
	"dict.get":        func(c *invocation) union { return c.value(noneT) },
	"dict.setdefault": func(c *invocation) union { return c.value(noneT).loose() },
	"dict.pop":        func(c *invocation) union { return c.value(never) },
	"dict.items":      func(c *invocation) union { return listOf(c.pair()) },
	"dict.popitem":    (*invocation).pair,
	"dict.keys":       func(c *invocation) union { return listOf(c.receiver.elem(0)) },
	"dict.values":     func(c *invocation) union { return listOf(c.receiver.elem(1).loose()) },

	"abs": func(c *invocation) union { return c.arg(0).each(numeric) }, "max": extreme, "min": extreme, "zip": zipped,
	"dict":      copied,
	"enumerate": func(c *invocation) union { return listOf(tupleOf(intT, c.arg(0).element())) },
	"list":      elements, "reversed": elements, "sorted": elements,
	"set": func(c *invocation) union { return setOf(c.arg(0).element()) },
	"tuple": func(c *invocation) union {
		return only(typ{class: tuple, open: true, elems: []union{c.arg(0).element()}})
	},
	"fail": nothing, "exit": nothing, "die": nothing, "raise_": nothing,
	"env.get":   func(c *invocation) union { return c.either(textT, noneT) },
	"env.items": func(*invocation) union { return listOf(tupleOf(textT, textT)) },
	"read_file": func(c *invocation) union {
		if c.open || c.named || len(c.args) > 1 {
			return join(textT, simple(octets))
		}
		return textT
	},
	"base64.decode": func(c *invocation) union { return nil },
	"run":           func(*invocation) union { return commandT },
	"run_stream": func(*invocation) union {
		return only(typ{class: stream, name: "stream", elems: []union{simple(octets)}})
	},
	"Fleet.client": func(*invocation) union { return simple(client) },
	"Fleet.rollout": func(*invocation) union {
		return only(typ{class: structure, name: "Rollout", fields: map[string]union{"done": textsT, "failed": textsT, "not_begun": textsT, "results": listOf(resultOf(nil))}})
	},
	"fs.stat": func(*invocation) union { return fileT },
	"fs.list": func(*invocation) union { return listOf(fileT) },
}

// The types of the structs of run, and of fs.stat and fs.list.
var (
	commandT = only(typ{class: structure, name: "ExecResult", fields: map[string]union{
		"exit_code": intT, "stdout": join(textT, simple(octets)), "stderr": join(textT, simple(octets))}})
	fileT = only(typ{class: structure, name: "FileInfo", fields: map[string]union{
		"path": textT, "name": textT, "type": textT, "size": intT, "mode": intT, "mtime": simple(moment), "target": orNone(textT)}})
)

func unsure(*invocation) union     { return listOf(nil) }
func nothing(*invocation) union    { return never }
func elements(c *invocation) union { return listOf(c.arg(0).element()) }
func (c *invocation) pair() union  { return tupleOf(c.receiver.elem(0), c.receiver.elem(1).loose()) }
func (c *invocation) value(u union) union {
	return c.either(c.receiver.elem(1).loose(), u)
}

// either joins value with the types of the second argument, or with fallback if there is none.
func (c *invocation) either(value, fallback union) union {
	if len(c.args) < 2 && !c.open && !c.named {
		return join(value, fallback)
	}
	return join(value, c.arg(1))
}

// numeric returns the type of a number; never for other types.
func numeric(t typ) union {
	if t.class == integer || t.class == float {
		return simple(t.class)
	}
	return never
}

// copied returns the result of dict.
func copied(c *invocation) union {
	if len(c.args) == 1 && !c.open && !c.named {
		if t, ok := c.args[0].one(); ok && t.class == dict {
			return dictOf(t.elem(0), t.elem(1).loose())
		}
	}
	return dictOf(nil, nil)
}

// extreme returns the result of max and min.
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

// mismatched reports wrong combinations of arguments, which the types of the parameters can't express.
var mismatched = map[string]func(*invocation) bool{
	"max": lacksElements, "min": lacksElements, "string.join": joinsNonStrings,
	"raise_": func(c *invocation) bool {
		if c.open || len(c.args) == 0 || !c.args[0].is(errorClass) {
			return false
		}
		return len(c.args) == 1 && !c.named || len(c.args) > 1 && len(c.args[1]) > 0 && !c.args[1].has(text)
	},
	"flag": func(c *invocation) bool {
		return !c.open && len(c.args) > 1 && len(failing(c.args[1], func(t typ) string {
			if slices.Contains([]class{dict, tuple, set, object, client, collection, method}, t.class) {
				return "no"
			}
			return ""
		}).text) > 0
	},
}

// lacksElements reports whether the only argument of max or min is not iterable.
func lacksElements(c *invocation) bool {
	return len(c.args) == 1 && !c.open && notIterable(c.args[0]).text != ""
}

// joinsNonStrings reports whether the argument is a list literal with an element that is not a string.
func joinsNonStrings(c *invocation) bool {
	if len(c.exprs) != 1 {
		return false
	}
	list, ok := c.exprs[0].(*syntax.ListExpr)
	return ok && slices.ContainsFunc(list.List, func(e syntax.Expr) bool {
		u := c.typeOf(e)
		return len(u) > 0 && !u.has(text)
	})
}
