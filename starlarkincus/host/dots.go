package host

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// dotName is the name of the function dotted, which no script can write.
const dotName = hiddenPrefix + "."

func init() { starlark.Universe[dotName] = starlark.NewBuiltin(dotName, dotted) }

// universe returns Starlark's own names, without those that no script can write.
func universe() []string {
	return slices.DeleteFunc(starlark.Universe.Keys(), func(name string) bool { return strings.HasPrefix(name, hiddenPrefix) })
}

// dots makes the keys of dicts attributes, as in inst.state().memory.usage: it rewrites x.name to dotted(x).name. A dict
// type with attributes would not need that, but Starlark couldn't compare its values with plain dicts. Calls stay as they
// are: a dict's only methods are those of its type.
func dots(file *syntax.File) {
	called := make(map[syntax.Expr]bool)
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			called[n.Fn] = true
		case *syntax.DotExpr:
			if !called[n] {
				n.X = &syntax.CallExpr{Fn: &syntax.Ident{NamePos: n.Dot, Name: dotName}, Lparen: n.Dot, Args: []syntax.Expr{n.X}, Rparen: n.Dot}
			}
		}
		return true
	})
}

// dotted returns its argument; of a dict, with its keys as attributes.
func dotted(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	switch x := args[0].(type) {
	case nil:
		panic("an attribute of a nil Value")
	case *starlark.Dict:
		return keyed{x}, nil
	}
	return args[0], nil
}

// keyed is a dict with its keys as attributes, except those that are names of methods. No variable of a script has such a
// value.
type keyed struct{ *starlark.Dict }

var _ starlark.HasAttrs = keyed{}

func (k keyed) Attr(name string) (starlark.Value, error) {
	v, err := k.Dict.Attr(name)
	if v != nil || err != nil {
		return v, err
	}
	for _, key := range []string{name, strings.ReplaceAll(name, "_", "-")} {
		if v, found, err := k.Get(starlark.String(key)); found || err != nil {
			return v, err
		}
	}
	return nil, nil
}

func (k keyed) AttrNames() []string {
	names := k.Dict.AttrNames()
	for _, key := range k.Keys() {
		if name, ok := starlark.AsString(key); ok {
			names = append(names, strings.ReplaceAll(name, "-", "_"))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
