package check

import (
	"slices"

	"go.starlark.net/syntax"
)

// A guard describes the tests of a variable in a script. Code behind a condition may run only for some of the
// variable's types.
type guard int

const (
	tested    guard = 1 << iota // occurs in a condition: its uses exclude None, and bool if that is all
	inspected                   // its type or attributes are queried: its types are unknown
)

func (g guard) narrow(u union) union {
	switch {
	case g&inspected != 0:
		return nil
	case g&tested != 0:
		if rest := u.without(none, boolean); len(rest) == 0 {
			return rest
		}
		return u.without(none)
	}
	return u
}

// markBranches marks the code behind conditions. Not every branch of a function is meant for the types that the script
// passes to it.
func (m *module) markBranches(stmts []syntax.Stmt, behind bool) {
	for _, stmt := range stmts {
		if behind {
			m.markConditional(stmt)
		}
		switch stmt := stmt.(type) {
		case *syntax.IfStmt:
			m.markBranches(stmt.True, true)
			m.markBranches(stmt.False, true)
			behind = behind || leaves(stmt)
		case *syntax.ForStmt:
			m.markBranches(stmt.Body, behind)
		case *syntax.WhileStmt:
			m.markBranches(stmt.Body, true)
		case *syntax.DefStmt:
			m.markBranches(stmt.Body, false)
		}
	}
}

// markConditional marks all names in a node.
func (m *module) markConditional(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			return false // markBranches visits its body
		case *syntax.Ident:
			m.facts.conditional[n] = true
		}
		return true
	})
}

// leaves reports whether a statement may leave its block or never end.
func leaves(stmt syntax.Stmt) bool {
	found := false
	syntax.Walk(stmt, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ReturnStmt, *syntax.BranchStmt, *syntax.WhileStmt:
			found = true
		case *syntax.DefStmt, *syntax.LambdaExpr:
			return false
		case *syntax.ExprStmt:
			found = found || ends([]syntax.Stmt{n})
		}
		return true
	})
	return found
}

// collectGuards records the guards of a file's variables.
func (m *module) collectGuards() {
	m.markBranches(m.file.Stmts, false)
	mark := func(expr syntax.Node, g guard) {
		if expr == nil {
			return
		}
		syntax.Walk(expr, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok {
				if first := firstOf(id); first != nil {
					m.facts.guards[first] |= g
				}
			}
			return true
		})
	}
	syntax.Walk(m.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.IfStmt:
			mark(n.Cond, tested)
		case *syntax.WhileStmt:
			mark(n.Cond, tested)
		case *syntax.CondExpr:
			mark(n.Cond, tested)
			m.markConditional(n.True)
			m.markConditional(n.False)
		case *syntax.IfClause:
			mark(n.Cond, tested)
		case *syntax.Comprehension:
			if slices.ContainsFunc(n.Clauses, func(c syntax.Node) bool { _, ok := c.(*syntax.IfClause); return ok }) {
				m.markConditional(n.Body)
			}
		case *syntax.BinaryExpr:
			switch n.Op {
			case syntax.AND, syntax.OR:
				mark(n.X, tested)
				m.markConditional(n.Y)
			case syntax.EQL, syntax.NEQ:
				mark(n.X, tested)
			}
		case *syntax.UnaryExpr:
			if n.Op == syntax.NOT {
				mark(n.X, tested)
			}
		case *syntax.CallExpr:
			if isNamed(n.Fn, "type", "hasattr", "getattr", "dir") && len(n.Args) > 0 {
				mark(n.Args[0], inspected)
			}
		}
		return true
	})
}
