package repl

import (
	"maps"
	"slices"

	"go.starlark.net/syntax"
)

// A function that uses _ or one of its kind has the value of the time of each call. Its script has a variable of that name, to which
// each value is assigned.

// plan decides which statements are kept, and returns the variables.
func plan(all []*savedStatement) (variables map[string]bool) {
	variables, lost := make(map[string]bool), make(map[string]bool)
	for {
		for _, e := range all {
			e.value, e.assigned = false, nil
		}
		dropLost(all, variables, lost)
		assigned := follow(all, variables)
		keepNeeded(all)
		dropSuperseded(all)
		used, more := make(map[string]bool), false
		for _, e := range all {
			for name := range e.usesLater() {
				if !e.kept {
					continue
				}
				more = more || !variables[name]
				used[name] = true
				if variables[name] && !assigned[name] && !lost[name] {
					lost[name], more = true, true // no value that it had is one of a script
				}
			}
		}
		if !more {
			return variables
		}
		maps.Copy(variables, used)
	}
}

// usesLater returns the names of values that a statement uses in a function.
func (e *savedStatement) usesLater() map[string]bool {
	names := make(map[string]bool)
	for _, id := range e.idents {
		for k := range keptValues {
			if e.later[id] && id.Name == valueName(k) {
				names[id.Name] = true
			}
		}
	}
	return names
}

// follow marks the values that the variables have, from the last one before the first function that uses them.
// It returns the names of those that have any.
func follow(all []*savedStatement, variables map[string]bool) (assigned map[string]bool) {
	assigned = make(map[string]bool)
	var last *savedStatement
	begun := false
	assign := func(e *savedStatement) {
		for k, from := range e.shown {
			if variables[valueName(k)] && from.kept {
				from.value = true
				e.assigned = append(e.assigned, valueName(k))
				assigned[valueName(k)] = true
			}
		}
	}
	for _, e := range all {
		for name := range e.binds {
			assigned[name] = assigned[name] || e.kept
		}
		if names := e.usesLater(); !begun && usesAny(names, variables) {
			if begun = true; last != nil {
				assign(last)
			}
		}
		if len(e.shown) == 0 {
			continue
		}
		if last = e; begun {
			assign(e)
		}
	}
	return assigned
}

// calling returns the names of functions that use a name when they are called, and of values that may have such a function. The
// result of one isn't.
func calling(all []*savedStatement, name string) map[string]bool {
	names := make(map[string]bool)
	uses := func(id *syntax.Ident) bool { return names[id.Name] }
	for before := -1; before < len(names); {
		before = len(names)
		for _, e := range all {
			callees := e.callees()
			found := e.kept && slices.ContainsFunc(e.idents, func(id *syntax.Ident) bool {
				return e.later[id] && (id.Name == name || uses(id)) || !e.later[id] && !callees[id] && uses(id)
			})
			if !found {
				continue
			}
			for name := range e.binds {
				names[name] = true
			}
			if len(callees) > 0 && e.defines() == "" { // such as that of a list's append
				maps.Copy(names, e.now)
			}
		}
	}
	return names
}

// callees returns the names that a statement does nothing but call.
func (e *savedStatement) callees() map[*syntax.Ident]bool {
	callees := make(map[*syntax.Ident]bool)
	for _, stmt := range e.stmts {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok {
				if id, ok := call.Fn.(*syntax.Ident); ok {
					callees[id] = true
				}
			}
			return true
		})
	}
	return callees
}

// before returns the assignments that a statement needs which assigns to _ or one of its kind, and uses the value, or may leave it.
func (e *savedStatement) before() string {
	out := ""
	for k := range keptValues {
		if from := e.values[valueName(k)]; from != nil && from.named != "" && e.binds[valueName(k)] {
			out += valueName(k) + " = " + from.named + "\n"
		}
	}
	return out
}
