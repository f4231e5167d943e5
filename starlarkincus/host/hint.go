package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// maxHints is how many undefined names of one script are compared with those that there are.
const maxHints = 10

// explain adds to a syntax error what a person from Python needs, and to an undefined name what may be meant:
// Starlark's resolver can't list the predeclared names, nor does it see that two letters are swapped.
func (h *Host) explain(err error, file *syntax.File, names starlark.StringDict) error {
	switch err := err.(type) {
	case syntax.Error:
		err.Msg += h.parseHint(err)
		return err
	case resolve.ErrorList:
		known := append(names.Keys(), universe()...)
		explained := make(resolve.ErrorList, len(err))
		near := 0 // looked for: each takes a walk through the file, and of thousands nobody reads more than a few
		for i, e := range err {
			if name, ok := strings.CutPrefix(e.Msg, "undefined: "); ok && elsewhere[name] != "" {
				e.Msg += ": " + elsewhere[name]
			} else if ok && isIdentifier(name) && near < maxHints {
				near++
				if meant := errors.Nearest(name, append(namesAt(file, e.Pos), known...)); meant != "" && meant != name {
					e.Msg += fmt.Sprintf(" (did you mean %s?)", meant)
				}
			}
			explained[i] = e
		}
		return explained
	}
	return err
}

// namesAt lists the names that a file assigns to at its top level and in the functions around a position.
func namesAt(file *syntax.File, pos syntax.Position) []string {
	names := make(map[string]bool)
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			names[n.Name.Name] = true
			start, end := n.Span()
			if pos.Line < start.Line || pos.Line > end.Line {
				return false
			}
			for _, param := range n.Params {
				bindParam(param, names)
			}
		case *syntax.LambdaExpr:
			for _, param := range n.Params {
				bindParam(param, names)
			}
		case *syntax.ForClause:
			bindTarget(n.Vars, names)
		case syntax.Stmt:
			bind(n, names)
		}
		return true
	})
	return slices.Sorted(maps.Keys(names))
}

func bindParam(param syntax.Expr, names map[string]bool) {
	switch param := param.(type) {
	case *syntax.BinaryExpr: // name=default
		bindTarget(param.X, names)
	case *syntax.UnaryExpr: // *args, **kwargs; X is nil in a lone *
		bindTarget(param.X, names)
	default:
		bindTarget(param, names)
	}
}
