package check

import "go.starlark.net/syntax"

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

// guard collects the guards of a file's variables.
func (m *module) guard() {
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
		case *syntax.IfClause:
			mark(n.Cond, tested)
		case *syntax.BinaryExpr:
			switch n.Op {
			case syntax.AND, syntax.OR, syntax.EQL, syntax.NEQ:
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
