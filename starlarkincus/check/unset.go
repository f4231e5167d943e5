package check

import (
	"maps"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// A flow visits the statements of a function or a file in execution order, and reports variables that are read before
// any path has assigned them.
type flow struct {
	*module
	own      map[*syntax.Ident]string // the scope, as in messages, of each variable of the function or file
	set      map[*syntax.Ident]bool   // variables that may have been assigned
	reported map[*syntax.Ident]bool   // variables that were reported, each once
}

func (f *flow) with(set map[*syntax.Ident]bool) *flow { return &flow{f.module, f.own, set, f.reported} }

func addBindings(scope string, bindings []*resolve.Binding, own map[*syntax.Ident]string) map[*syntax.Ident]string {
	for _, b := range bindings {
		own[b.First] = scope
	}
	return own
}

// checkUnset checks the file's top level and all its functions.
func (m *module) checkUnset() {
	own := make(map[*syntax.Ident]string)
	if file, ok := m.file.Module.(*resolve.Module); ok {
		own = addBindings("global", file.Globals, addBindings("local", file.Locals, own))
	}
	f := &flow{m, own, make(map[*syntax.Ident]bool), make(map[*syntax.Ident]bool)}
	f.block(m.file.Stmts)
	syntax.Walk(m.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			if m.facts.expectedToFail[firstOf(n.Name)] {
				return false
			}
			f.function(n.Function, n.Params).block(n.Body)
		case *syntax.LambdaExpr:
			if m.facts.expectedToFail[n] {
				return false
			}
			f.function(n.Function, n.Params).read(n.Body)
		}
		return true
	})
}

// function returns the flow at the beginning of a function.
func (f *flow) function(resolved any, params []syntax.Expr) *flow {
	own := make(map[*syntax.Ident]string)
	if fn, ok := resolved.(*resolve.Function); ok {
		addBindings("local", fn.Locals, own)
	}
	inner := &flow{f.module, own, make(map[*syntax.Ident]bool), f.reported}
	for _, param := range params {
		if id := paramName(param); id != nil {
			inner.addNames(id)
		}
	}
	return inner
}

// block visits statements, and reports whether their end can be reached.
func (f *flow) block(stmts []syntax.Stmt) bool {
	for _, stmt := range stmts {
		if !f.statement(stmt) {
			return false
		}
	}
	return true
}

func (f *flow) statement(stmt syntax.Stmt) bool {
	switch stmt := stmt.(type) {
	case *syntax.ExprStmt:
		f.read(stmt.X)
		return !ends([]syntax.Stmt{stmt})
	case *syntax.AssignStmt:
		f.read(stmt.RHS)
		if stmt.Op != syntax.EQ {
			f.read(stmt.LHS)
		}
		f.assign(stmt.LHS)
	case *syntax.ReturnStmt:
		if stmt.Result != nil {
			f.read(stmt.Result)
		}
		return false
	case *syntax.BranchStmt:
		return stmt.Token == syntax.PASS
	case *syntax.DefStmt:
		f.defaults(stmt.Params)
		f.assign(stmt.Name)
	case *syntax.LoadStmt:
		for _, id := range stmt.To {
			f.assign(id)
		}
	case *syntax.IfStmt:
		f.read(stmt.Cond)
		other := f.with(maps.Clone(f.set))
		here, there := f.block(stmt.True), other.block(stmt.False)
		switch {
		case !here && there:
			f.set = other.set
		case there:
			maps.Copy(f.set, other.set)
		}
		return here || there
	case *syntax.ForStmt:
		f.read(stmt.X)
		f.assign(stmt.Vars)
		f.loop(stmt.Body)
	case *syntax.WhileStmt:
		f.addAssigned(stmt.Body)
		f.read(stmt.Cond)
		f.loop(stmt.Body)
		id, ok := stmt.Cond.(*syntax.Ident)
		return !ok || id.Name != "True" || breaks(stmt.Body)
	}
	return true
}

// loop visits a loop's body, whose assignments may come from an earlier iteration.
func (f *flow) loop(body []syntax.Stmt) {
	f.addAssigned(body)
	inner := f.with(maps.Clone(f.set))
	inner.block(body)
}

// breaks reports whether a loop's body has a break for that loop.
func breaks(body []syntax.Stmt) bool {
	found := false
	for _, stmt := range body {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.BranchStmt:
				found = found || n.Token == syntax.BREAK
			case *syntax.ForStmt, *syntax.WhileStmt, *syntax.DefStmt:
				return false
			}
			return true
		})
	}
	return found
}

// addAssigned adds all variables that statements assign.
func (f *flow) addAssigned(stmts []syntax.Stmt) {
	for _, stmt := range stmts {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.AssignStmt:
				f.addNames(n.LHS)
			case *syntax.ForStmt:
				f.addNames(n.Vars)
			case *syntax.DefStmt:
				f.addNames(n.Name)
				return false
			case *syntax.LoadStmt:
				for _, id := range n.To {
					f.addNames(id)
				}
			}
			return true
		})
	}
}

// assign adds the variables in a target, and visits those that it reads, as in x[i].
func (f *flow) assign(target syntax.Expr) {
	parts(target, func(part syntax.Expr) {
		switch part.(type) {
		case *syntax.IndexExpr, *syntax.DotExpr:
			f.read(part)
		}
	})
	f.addNames(target)
}

// addNames adds the variables in a target.
func (f *flow) addNames(target syntax.Expr) {
	parts(target, func(part syntax.Expr) {
		if id, ok := part.(*syntax.Ident); ok {
			if first := firstOf(id); first != nil {
				f.set[first] = true
			}
		}
	})
}

// parts calls do with each part of a target that is not a tuple or a list itself.
func parts(target syntax.Expr, do func(syntax.Expr)) {
	elems, ok := elemsOf(unparen(target))
	if !ok {
		do(unparen(target))
	}
	for _, elem := range elems {
		parts(elem, do)
	}
}

func (f *flow) defaults(params []syntax.Expr) {
	for _, param := range params {
		if p, ok := param.(*syntax.BinaryExpr); ok {
			f.read(p.Y)
		}
	}
}

// read visits an expression.
func (f *flow) read(expr syntax.Expr) {
	if expr == nil {
		return
	}
	syntax.Walk(expr, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.LambdaExpr:
			f.defaults(n.Params)
			return false
		case *syntax.Comprehension:
			for _, clause := range n.Clauses {
				switch clause := clause.(type) {
				case *syntax.ForClause:
					f.read(clause.X)
					f.addNames(clause.Vars)
				case *syntax.IfClause:
					f.read(clause.Cond)
				}
			}
			if entry, ok := n.Body.(*syntax.DictEntry); ok {
				f.read(entry.Key)
				f.read(entry.Value)
			} else {
				f.read(n.Body)
			}
			return false
		case *syntax.CallExpr:
			f.read(n.Fn)
			for _, arg := range n.Args {
				value, _, _ := argument(arg)
				f.read(value)
			}
			if t, ok := f.typeOf(n.Fn).one(); ok && t.fn != nil && t.fn.module == f.module {
				f.enter(t.fn, make(map[*callable]bool))
			}
			return false
		case *syntax.Ident:
			if binding, ok := n.Binding.(*resolve.Binding); ok && binding.Scope != resolve.Free {
				f.reportUnset(n)
			}
		}
		return true
	})
}

// reportUnset reports a variable if it has not been assigned.
func (f *flow) reportUnset(id *syntax.Ident) {
	first := firstOf(id)
	scope, own := f.own[first]
	if !own || f.set[first] || f.reported[first] {
		return
	}
	f.reported[first] = true
	f.report(id.NamePos, "", "%s variable %s referenced before assignment", scope, id.Name)
}

// maxCalls limits the functions that are followed from one call.
const maxCalls = 32

// enter reports the unset variables of enclosing scopes that a called function reads unconditionally. It adds the
// function to those that were entered from the same call, and enters each once.
func (f *flow) enter(fn *callable, entered map[*callable]bool) {
	if len(entered) >= maxCalls || f.facts.expectedToFail[fn.node] || entered[fn] {
		return
	}
	entered[fn] = true
	f.visits++
	bound := f.with(make(map[*syntax.Ident]bool))
	if fn.value != nil {
		f.follow(fn.value, bound, entered)
		return
	}
	for _, stmt := range fn.body {
		switch stmt := stmt.(type) {
		case *syntax.ExprStmt:
			f.follow(stmt.X, bound, entered)
		case *syntax.AssignStmt:
			f.follow(stmt.RHS, bound, entered)
		case *syntax.ForStmt:
			f.follow(stmt.X, bound, entered)
		case *syntax.IfStmt:
			f.follow(stmt.Cond, bound, entered)
		case *syntax.ReturnStmt:
			if stmt.Result != nil {
				f.follow(stmt.Result, bound, entered)
			}
			return
		case *syntax.WhileStmt:
			return
		}
		if leaves(stmt) {
			return
		}
		bound.addAssigned([]syntax.Stmt{stmt})
	}
}

// follow visits the parts of a called function's expression that are evaluated unconditionally.
func (f *flow) follow(expr syntax.Expr, bound *flow, entered map[*callable]bool) {
	syntax.Walk(expr, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.LambdaExpr:
			return false
		case *syntax.Comprehension:
			if clause, ok := n.Clauses[0].(*syntax.ForClause); ok {
				f.follow(clause.X, bound, entered)
			}
			return false
		case *syntax.CondExpr:
			f.follow(n.Cond, bound, entered)
			return false
		case *syntax.BinaryExpr:
			switch n.Op {
			case syntax.AND, syntax.OR:
				f.follow(n.X, bound, entered)
				return false
			}
		case *syntax.CallExpr:
			f.follow(n.Fn, bound, entered)
			for _, arg := range n.Args {
				value, _, _ := argument(arg)
				f.follow(value, bound, entered)
			}
			if t, ok := f.typeOf(n.Fn).one(); ok && t.fn != nil && t.fn.module == f.module {
				f.enter(t.fn, entered)
			}
			return false
		case *syntax.Ident:
			binding, ok := n.Binding.(*resolve.Binding)
			if ok && (binding.Scope == resolve.Global || binding.Scope == resolve.Free) && !bound.set[binding.First] {
				f.reportUnset(n)
			}
		}
		return true
	})
}
