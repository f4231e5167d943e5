package check

import "go.starlark.net/syntax"

// A callable is a function of a script's own.
type callable struct {
	module *module
	name   string
	node   syntax.Node // the def or lambda: the same function is the same node
	params []syntax.Expr
	body   []syntax.Stmt
	value  syntax.Expr // of a lambda
	result *variable   // what it returns
	sites  []site      // where it is called
	open   bool        // it may be called elsewhere too
}

// results is what is certain of the values that the function returns.
func (f *callable) results() union { return f.result.types }

// returns joins what the function's return statements give, by what is known now.
func (f *callable) returns() union {
	if f.value != nil {
		return f.module.typeOf(f.value)
	}
	u := never
	if !ends(f.body) {
		u = noneT
	}
	for _, stmt := range f.body {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.DefStmt, *syntax.LambdaExpr:
				return false
			case *syntax.ReturnStmt:
				if n.Result != nil {
					u = join(u, f.module.typeOf(n.Result))
				} else {
					u = join(u, noneT)
				}
			}
			return true
		})
	}
	return u
}

// ends reports whether statements never come to their end: the last one returns or fails, in each of its branches.
func ends(stmts []syntax.Stmt) bool {
	if len(stmts) == 0 {
		return false
	}
	switch last := stmts[len(stmts)-1].(type) {
	case *syntax.ReturnStmt:
		return true
	case *syntax.IfStmt:
		return ends(last.True) && ends(last.False)
	case *syntax.ExprStmt:
		call, ok := last.X.(*syntax.CallExpr)
		return ok && isNamed(call.Fn, "fail", "raise_", "exit", "die")
	}
	return false
}
