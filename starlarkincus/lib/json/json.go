// Package json is the library json: Starlark's own, with checks.
package json

import (
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"
)

// encodable are the types of values that may have a JSON form.
const encodable = ^(builtin.Bytes | builtin.Module | builtin.Time | builtin.Pattern | builtin.Match) & (builtin.Other<<1 - 1)

// Decl is the library.
var Decl = builtin.Decl{
	Name: "json",
	Help: `Reads and writes JSON: json.encode(x), json.decode(text). An object of Incus is written as a dict of its fields.`,
	Members: []builtin.Decl{{
		Name: "json.encode", Params: []builtin.Param{builtin.Pos("x", encodable)},
		Returns: builtin.String, Help: `Returns x as JSON in one line, with sorted keys.

Bytes, such as output that isn't UTF-8, have no JSON form: str(value) is their text, with U+FFFD for what isn't UTF-8, and
base64.encode(value) keeps all of them.`,
		Call: encode("encode"),
	}, {
		Name: "json.encode_indent", Params: []builtin.Param{builtin.Pos("x", encodable), builtin.Key("prefix", builtin.String, `""`), builtin.Key("indent", builtin.String, `"\t"`)},
		Returns: builtin.String, Help: `Returns x as JSON in several lines, indented by indent at each level, after prefix.`,
		Call: encode("encode_indent"),
	}, {
		Name: "json.decode", Params: []builtin.Param{builtin.Pos("x", builtin.String), builtin.Opt("default", builtin.Any, "…")},
		Help: `Returns the value of a JSON text. Numbers without a point are ints of any size.

Invalid JSON returns the default, or, without a default, raises an Error, which try_ catches.`,
		Call: decode,
	}, {
		Name: "json.indent", Params: []builtin.Param{builtin.Pos("x", builtin.String), builtin.Key("prefix", builtin.String, `""`), builtin.Key("indent", builtin.String, `"\t"`)},
		Returns: builtin.String, Help: `Returns a JSON text in several lines, indented by indent at each level, after prefix.`,
		Call: builtin.Parse(json.Module, "indent"),
	}},
}

// maxDepth limits the nesting of a JSON text, as in Go's decoder. Starlark's decoder is recursive, and a stack overflow
// ends a Go process.
const maxDepth = 10_000

var native = builtin.Forward(json.Module, "decode")

func decode(c *builtin.Call) (starlark.Value, error) {
	if len(c.Args) == 0 {
		return native(c) // x is positional there
	}
	var text string
	var fallback starlark.Value
	if err := c.Unpack(&text, &fallback); err != nil {
		return nil, err
	}
	var v starlark.Value
	err := c.Errorf("the text nests more than %s levels", printable.Count(maxDepth))
	if depthOf(text) <= maxDepth {
		c.Args, c.Kwargs = starlark.Tuple{starlark.String(text)}, nil
		v, err = native(c)
	}
	switch {
	case err == nil:
		return v, nil
	case fallback != nil:
		return fallback, nil
	}
	return nil, errors.New(errors.Base, "%s", err)
}

// depthOf returns the nesting of a JSON text. It may overestimate that of invalid JSON.
func depthOf(text string) int {
	if strings.Count(text, "[")+strings.Count(text, "{") <= maxDepth {
		return 0
	}
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
