package check

import (
	"slices"

	"go.starlark.net/syntax"
)

// A guard is what a script does to find out about a variable: code that stands behind a condition may never run with
// what the variable has without it.
type guard int

const (
	tested guard = 1 << iota // it occurs in a condition: it isn't only None or a bool where it is used
	asked                    // its type or its attributes are asked for: nothing is certain
)

func (g guard) narrow(u union) union {
	switch {
	case g&asked != 0:
		return nil
	case g&tested != 0:
		return u.without(none, boolean)
	}
	return u
}

// branch notes what stands behind a condition: that a script calls a function with values of one type only doesn't mean
// that all of its branches are for them.
func (m *module) branch(stmts []syntax.Stmt, behind bool) {
	for _, stmt := range stmts {
		if behind {
			m.behind(stmt)
		}
		switch stmt := stmt.(type) {
		case *syntax.IfStmt:
			m.branch(stmt.True, true)
			m.branch(stmt.False, true)
			behind = behind || leaves(stmt)
		case *syntax.ForStmt:
			m.branch(stmt.Body, behind)
		case *syntax.WhileStmt:
			m.branch(stmt.Body, true)
		case *syntax.DefStmt:
			m.branch(stmt.Body, false)
		}
	}
}

// behind marks all names in a node.
func (m *module) behind(n syntax.Node) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			return false // it has branches of its own
		case *syntax.Ident:
			m.facts.branches[n] = true
		}
		return true
	})
}

// leaves reports whether a statement may leave the block that it is in, or never come to its end.
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

// guard collects the guards of a file's variables.
func (m *module) guard() {
	m.branch(m.file.Stmts, false)
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
			m.behind(n.True)
			m.behind(n.False)
		case *syntax.IfClause:
			mark(n.Cond, tested)
		case *syntax.Comprehension:
			if slices.ContainsFunc(n.Clauses, func(c syntax.Node) bool { _, ok := c.(*syntax.IfClause); return ok }) {
				m.behind(n.Body)
			}
		case *syntax.BinaryExpr:
			switch n.Op {
			case syntax.AND, syntax.OR:
				mark(n.X, tested)
				m.behind(n.Y)
			case syntax.EQL, syntax.NEQ:
				mark(n.X, tested)
			}
		case *syntax.UnaryExpr:
			if n.Op == syntax.NOT {
				mark(n.X, tested)
			}
		case *syntax.CallExpr:
			if isNamed(n.Fn, "type", "hasattr", "getattr", "dir") && len(n.Args) > 0 {
				mark(n.Args[0], asked)
			}
		}
		return true
	})
}
