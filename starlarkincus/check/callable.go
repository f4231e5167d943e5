package check

import "go.starlark.net/syntax"

// A callable is a function of a script.
type callable struct {
	module *module
	name   string
	node   syntax.Node // the def or lambda, which identifies the function
	params []syntax.Expr
	body   []syntax.Stmt
	value  syntax.Expr // the body of a lambda
	result *variable
	sites  []callSite
	open   bool // may be called elsewhere too
}

// paramName returns the name of a parameter; nil for a bare *.
func paramName(param syntax.Expr) *syntax.Ident {
	switch p := param.(type) {
	case *syntax.BinaryExpr:
		param = p.X
	case *syntax.UnaryExpr:
		param = p.X
	}
	id, _ := param.(*syntax.Ident)
	return id
}

// returns computes the types of the function's result, given the current types of variables.
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

// ends reports whether the last statement returns or fails, in each of its branches.
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
