package repl

import (
	"slices"

	"go.starlark.net/syntax"
)

// dropLost keeps all statements but those that need a person, or what only the prompt has, or a name that only such a one binds. The variables
// are names of values, and never those of them that no script has.
func dropLost(all []*savedStatement, variables, never map[string]bool) {
	lost := map[string]bool{"err_": true, "help": true, "watch": true}
	for i, e := range all {
		e.kept = len(e.stmts) > 0 && !slices.Contains(e.deeds, sits)
		later := e.usesLater()
		for name := range e.uses {
			if later[name] && !e.now[name] {
				e.kept = e.kept && !never[name]
				continue
			}
			if from := e.values[name]; lost[name] && from == nil || from != nil && !from.kept {
				e.kept = false
			}
		}
		for name := range variables {
			if lost[name] && e.kept && usesAny(e.now, calling(all[:i], name)) {
				e.kept = false
			}
		}
		for name := range e.binds {
			lost[name] = !e.kept
		}
		for k, from := range e.shown {
			lost[valueName(k)] = !from.kept
		}
	}
}

// keepNeeded drops the statements that only look at something, unless a later one uses the value.
func keepNeeded(all []*savedStatement) {
	for _, e := range slices.Backward(all) {
		if e.kept = e.kept && (e.value || !e.onlyLooks()); e.kept {
			for _, from := range e.values {
				from.value = true
			}
		}
	}
}

// dropSuperseded drops definitions that a later one replaced before anything could use them, such as a function with a
// mistake.
func dropSuperseded(all []*savedStatement) {
	for i, e := range slices.Backward(all) {
		name := e.defines()
		if name == "" || !e.kept {
			continue
		}
		for j := i + 1; j < len(all); j++ {
			next := all[j]
			if !next.kept {
				continue
			}
			if next.runsAny(reaching(all[:j], name)) {
				break
			}
			if next.defines() == name {
				e.kept = false
				break
			}
		}
	}
}

// reaching returns the names whose values may use a name when they are called.
func reaching(all []*savedStatement, name string) map[string]bool {
	bound := make(map[string]bool)
	for _, e := range all {
		for name := range e.binds {
			bound[name] = true
		}
	}
	names := map[string]bool{name: true}
	for before := 0; before < len(names); {
		before = len(names)
		for _, e := range all {
			if !e.kept || !usesAny(e.uses, names) {
				continue
			}
			for name := range e.binds {
				names[name] = true
			}
			if e.defines() == "" { // what it changes may hold a function
				for name := range e.uses {
					if bound[name] {
						names[name] = true
					}
				}
			}
		}
	}
	return names
}

func usesAny(uses, names map[string]bool) bool {
	for name := range uses {
		if names[name] {
			return true
		}
	}
	return false
}

// defines returns the name that a statement does nothing but define: as a function, or a value, without a call; else "".
func (e *savedStatement) defines() string {
	if len(e.stmts) != 1 {
		return ""
	}
	switch stmt := e.stmts[0].(type) {
	case *syntax.DefStmt:
		if !slices.ContainsFunc(stmt.Params, calls) {
			return stmt.Name.Name
		}
	case *syntax.AssignStmt:
		if id, ok := stmt.LHS.(*syntax.Ident); ok && stmt.Op == syntax.EQ && !calls(stmt.RHS) {
			return id.Name
		}
	}
	return ""
}

// runsAny reports whether a statement itself, and not only the function that it defines, uses one of the names.
func (e *savedStatement) runsAny(names map[string]bool) bool {
	def, ok := e.stmts[0].(*syntax.DefStmt)
	if !ok || len(e.stmts) > 1 {
		return usesAny(e.uses, names)
	}
	found := false
	for _, param := range def.Params { // the defaults
		syntax.Walk(param, func(n syntax.Node) bool {
			id, ok := n.(*syntax.Ident)
			found = found || ok && names[id.Name]
			return true
		})
	}
	return found
}

// calls reports whether the value of an expression comes from a call.
func calls(x syntax.Expr) bool {
	found := false
	syntax.Walk(x, func(n syntax.Node) bool {
		_, lambda := n.(*syntax.LambdaExpr)
		_, call := n.(*syntax.CallExpr)
		found = found || call
		return !lambda
	})
	return found
}
