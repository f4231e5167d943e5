package host

import (
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// dotName is a function that no script can write: see dots.
const dotName = hiddenPrefix + "."

func init() { starlark.Universe[dotName] = starlark.NewBuiltin(dotName, dotted) }

// universe lists Starlark's own names that a script can write.
func universe() []string {
	return slices.DeleteFunc(starlark.Universe.Keys(), func(name string) bool { return strings.HasPrefix(name, hiddenPrefix) })
}

// dots makes the keys of dicts reachable with a dot, as in inst.state().memory.usage: x.name becomes dotted(x).name. A
// dict of a type of its own could do that without it, but Starlark can't compare it with a plain one. Calls keep theirs:
// a dict holds no methods but its own.
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

// dotted is its argument, with its keys as attributes where it is a dict.
func dotted(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	switch x := args[0].(type) {
	case nil:
		panic("an attribute of a nil Value")
	case *starlark.Dict:
		return keyed{x}, nil
	}
	return args[0], nil
}

// keyed is a dict whose keys are attributes too, but for those that are its methods. Scripts never hold one.
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
