package repl

import (
	"slices"

	"go.starlark.net/syntax"
)

// A savedEntry is an entry with the names that it uses and doesn't bind.
type savedEntry struct {
	text   string
	file   *syntax.File
	free   map[string]bool
	values map[string]int // the entries whose values _ and its kind stand for
}

// look sets free, and adds all names to used.
func (e *savedEntry) look(used map[string]bool) {
	e.free = make(map[string]bool)
	bound := make(map[string]bool)
	bind := func(x syntax.Node) {
		syntax.Walk(x, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok {
				bound[id.Name] = true
			}
			_, dot := n.(*syntax.DotExpr)
			_, index := n.(*syntax.IndexExpr)
			return !dot && !index
		})
	}
	syntax.Walk(e.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Ident:
			used[n.Name], e.free[n.Name] = true, true
		case *syntax.AssignStmt:
			if n.Op == syntax.EQ {
				bind(n.LHS)
			}
		case *syntax.ForStmt:
			bind(n.Vars)
		case *syntax.ForClause:
			bind(n.Vars)
		case *syntax.DefStmt:
			bound[n.Name.Name] = true
			for _, param := range n.Params {
				bindParam(param, bound)
			}
		case *syntax.LambdaExpr:
			for _, param := range n.Params {
				bindParam(param, bound)
			}
		}
		return true
	})
	for name := range bound {
		if name != clientName {
			delete(e.free, name)
		}
	}
}

func bindParam(param syntax.Expr, bound map[string]bool) {
	switch param := param.(type) {
	case *syntax.Ident:
		bound[param.Name] = true
	case *syntax.BinaryExpr:
		bindParam(param.X, bound)
	case *syntax.UnaryExpr:
		if param.X != nil {
			bindParam(param.X, bound)
		}
	}
}

// onlyLooks reports whether an entry does nothing in a script: an expression without a call, a call that only reads from the
// server, or one of the prompt's functions.
func (e *savedEntry) onlyLooks() bool {
	if len(e.file.Stmts) == 0 {
		return true
	}
	for _, stmt := range e.file.Stmts {
		expr, ok := stmt.(*syntax.ExprStmt)
		if !ok {
			return false
		}
		calls := false
		syntax.Walk(expr, func(n syntax.Node) bool {
			call, ok := n.(*syntax.CallExpr)
			calls = calls || ok && !readsServer(call)
			if ok && call == expr.X && calls {
				id, ok := call.Fn.(*syntax.Ident)
				calls = !ok || id.Name != "help" && id.Name != "watch"
				return calls
			}
			return true
		})
		if calls {
			return false
		}
	}
	return true
}

// readsServer reports whether a call is one of the methods of collections that only read, such as incus.instances.list().
func readsServer(call *syntax.CallExpr) bool {
	method, ok := call.Fn.(*syntax.DotExpr)
	if !ok || !slices.Contains([]string{"list", "names", "get", "exists"}, method.Name.Name) {
		return false
	}
	for on := method.X; ; {
		switch x := on.(type) {
		case *syntax.DotExpr:
			on = x.X
		case *syntax.IndexExpr:
			on = x.X
		case *syntax.CallExpr:
			return readsServer(x)
		case *syntax.Ident:
			return x.Name == clientName
		default:
			return false
		}
	}
}
