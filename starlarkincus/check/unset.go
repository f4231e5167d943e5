package check

import (
	"fmt"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// checkUnset finds a function's variables that are read before anything is assigned to them, whatever way it takes: in
// the statements of its body itself, after none that may assign.
func (m *module) checkUnset(fn *syntax.DefStmt) {
	bound := make(map[*syntax.Ident]bool)
	for _, p := range fn.Params {
		syntax.Walk(p, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok {
				bound[id] = true
			}
			return true
		})
	}
	read := func(expr syntax.Expr) {
		syntax.Walk(expr, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.LambdaExpr, *syntax.Comprehension:
				return false
			case *syntax.DotExpr:
				return true
			case *syntax.Ident:
				binding, ok := n.Binding.(*resolve.Binding)
				if ok && binding.Scope == resolve.Local && binding.First != nil && !bound[binding.First] {
					bound[binding.First] = true // once is enough
					m.report(n.NamePos, "", "%s", fmt.Sprintf("local variable %s referenced before assignment", n.Name))
				}
			}
			return true
		})
	}
	for _, stmt := range fn.Body {
		switch stmt := stmt.(type) {
		case *syntax.ExprStmt:
			read(stmt.X)
		case *syntax.AssignStmt:
			read(stmt.RHS)
			if stmt.Op != syntax.EQ {
				read(stmt.LHS)
			}
		case *syntax.ReturnStmt:
			if stmt.Result != nil {
				read(stmt.Result)
			}
			return // the rest never runs
		case *syntax.IfStmt:
			read(stmt.Cond)
		case *syntax.ForStmt:
			read(stmt.X)
		}
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok {
				bound[id] = true
			}
			return true
		})
	}
}
