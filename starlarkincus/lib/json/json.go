// Package json is Starlark's library that reads and writes JSON.
package json

import (
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"
)

// Decl is the library.
var Decl = builtin.Decl{
	Name: "json",
	Help: `Reads and writes JSON: json.encode(x), json.decode(text). An object of Incus is encoded as its fields.`,
	Members: []builtin.Decl{{
		Name: "json.encode", Params: []builtin.Param{builtin.Need("x", builtin.Any)},
		Returns: builtin.String, Help: `x as JSON in one line, the keys of dicts in their order by letter.`,
		Call: builtin.Forward(json.Module, "encode"),
	}, {
		Name: "json.encode_indent", Params: []builtin.Param{builtin.Need("x", builtin.Any), builtin.Opt("prefix", builtin.String, `""`), builtin.Opt("indent", builtin.String, `"\t"`)},
		Returns: builtin.String, Help: `x as JSON over several lines; indent is what each level adds in front, prefix what all lines begin with.`,
		Call: builtin.Forward(json.Module, "encode_indent"),
	}, {
		Name: "json.decode", Params: []builtin.Param{builtin.Need("x", builtin.String), builtin.Opt("default", builtin.Any, "…")},
		Help: `The value of a JSON text. Numbers without a point are ints of any size.

A text that is no JSON gives default, and without one an Error, which try_ holds.`,
		Call: decode,
	}, {
		Name: "json.indent", Params: []builtin.Param{builtin.Need("x", builtin.String), builtin.Opt("prefix", builtin.String, `""`), builtin.Opt("indent", builtin.String, `"\t"`)},
		Returns: builtin.String, Help: `A JSON text, spread over several lines.`,
		Call: builtin.Parse(json.Module, "indent"),
	}},
}

// maxDepth is how deep a JSON text may nest, as for Go's own decoder. Starlark's calls itself at each level, and
// where Go's stack ends, the process does.
const maxDepth = 10_000

var native = builtin.Forward(json.Module, "decode")

func decode(c *builtin.Call) (starlark.Value, error) {
	if len(c.Args) == 0 {
		return native(c) // x goes without its name
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

// depthOf is how deep a JSON text nests. Text that is no JSON may count as deeper than it is read.
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
