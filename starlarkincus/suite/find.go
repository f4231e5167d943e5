package suite

import (
	"regexp"
	"strings"

	"go.starlark.net/syntax"
)

// testsIn returns the names test_* that a file's top level defines, in order. They come from the syntax tree, so that
// nothing runs to find them.
func testsIn(file *syntax.File, match *regexp.Regexp) []string {
	var names []string
	seen := make(map[string]bool)
	add := func(name string) {
		if strings.HasPrefix(name, "test_") && !seen[name] && (match == nil || match.MatchString(name)) {
			seen[name] = true
			names = append(names, name)
		}
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			add(n.Name.Name)
			return false
		case *syntax.AssignStmt: // test_small = case(1)
			if id, ok := n.LHS.(*syntax.Ident); ok && n.Op == syntax.EQ {
				if _, isCall := n.RHS.(*syntax.CallExpr); isCall {
					add(id.Name)
				} else if _, isLambda := n.RHS.(*syntax.LambdaExpr); isLambda {
					add(id.Name)
				}
			}
			return false
		case syntax.Expr:
			return false
		}
		return true
	})
	return names
}
