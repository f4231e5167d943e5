package builtin

import (
	"strings"

	"go.starlark.net/starlark"
)

// A Type is a set of types of Starlark values; 0 is any value. The upper half of its bits has the types of the elements
// of collections: see [Type.Of].
type Type uint64

// The types of values.
const (
	None Type = 1 << iota
	Bool
	Int
	Float
	String
	Bytes
	List
	Tuple
	Dict
	Set
	Range
	Function // defs, lambdas and builtins
	Struct
	Module
	Error
	Class
	Result
	Time
	Duration
	Pattern
	Match
	Environment
	Fleet
	Other // any other type, such as an object of Incus
	types = iota
)

// Sets of types for parameters.
const (
	Any      Type = 0
	Number        = Int | Float
	Text          = String | Bytes
	Seconds       = Int | Float | Duration
	Callable      = Function | Class | Module | Other
	Mapping       = Dict | Environment | Error | Other
	Iterable      = List | Tuple | Dict | Set | Range | Result | Environment | Error | Fleet | Other
	Sized         = List | Tuple | Dict | Set | Range | Result | String | Bytes | Fleet | Other
	Classes       = Class | List | Tuple
)

// half is the offset of the bits for element types.
const half = 32

var typeNames = [types]string{"None", "bool", "int", "float", "string", "bytes", "list", "tuple", "dict", "set", "range", "function", "struct",
	"module", "error", "error_class", "Result", "time.time", "time.duration", "re.Pattern", "re.Match", "env", "Fleet", "another value"}

// Of returns the type with elements of the type elem: List.Of(String) is a list of strings, Dict.Of(Int) a dict with
// int values, and Result.Of(Int) a Result with an int.
func (t Type) Of(elem Type) Type { return t | elem<<half }

// Plain returns the type without that of its elements.
func (t Type) Plain() Type { return t & (1<<half - 1) }

// Elem returns the type of the elements; Any if unknown.
func (t Type) Elem() Type { return t >> half }

// Allows reports whether a parameter of type t accepts a value of the type got. It ignores the elements.
func (t Type) Allows(got Type) bool {
	const mask = 1<<half - 1
	t, got = t&mask, got&mask
	return t == Any || got == Any || t&got != 0
}

// String returns the types for messages: "int or float".
func (t Type) String() string {
	var names []string
	for i, name := range typeNames {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "any value"
	}
	text := strings.Join(names, " or ")
	if elem := t.Elem(); elem != Any {
		text += " of " + elem.String()
	}
	return text
}

// Described returns the words for a value in messages: its type, and the value itself if it is short.
func Described(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.NoneType:
		return "None"
	case starlark.String:
		if len(v) <= 40 {
			return "the string " + v.String()
		}
	case starlark.Int, starlark.Float, starlark.Bool:
		return v.Type() + " " + v.String()
	case interface{ Described() string }:
		return v.Described()
	}
	return v.Type()
}

// PlainText returns a value in the form that print uses.
func PlainText(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.String:
		return string(v)
	case starlark.Bytes:
		return string(v)
	}
	return v.String()
}
