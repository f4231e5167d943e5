package check

import (
	"maps"
	"slices"

	"go.starlark.net/syntax"
)

// recordAttrQuery records an attribute that the script looks up with hasattr or getattr, and that may therefore be
// absent.
func (m *module) recordAttrQuery(call *syntax.CallExpr) {
	if isNamed(call.Fn, "hasattr", "getattr") && len(call.Args) > 1 {
		if name, ok := call.Args[1].(*syntax.Literal); ok {
			if text, ok := name.Value.(string); ok {
				m.facts.probedAttrs[text] = true
			}
		}
	}
}

// markExpectedFailures records the call and its function arguments if it expects a ScriptError.
func (m *module) markExpectedFailures(call *syntax.CallExpr) {
	seen := make(map[syntax.Node]bool)
	if !expectsMistake(call) && !m.provokes(call.Fn, seen) {
		maps.Copy(m.harmless, seen)
		return
	}
	m.facts.expectedToFail[call] = true
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *syntax.LambdaExpr:
			m.facts.expectedToFail[arg] = true
		case *syntax.Ident:
			if first := firstOf(arg); first != nil {
				m.facts.expectedToFail[first] = true
			}
		}
	}
}

// provokes reports whether callee is a function of the script that calls one of its parameters and expects it to fail.
// The functions that it calls with its parameters are visited once each.
func (m *module) provokes(callee syntax.Expr, seen map[syntax.Node]bool) bool {
	t, _ := m.typeOf(callee).one()
	fn := t.fn
	if fn == nil || seen[fn.node] || m.harmless[fn.node] {
		return false
	}
	seen[fn.node] = true
	m.visits++
	params := make(map[*syntax.Ident]bool)
	for _, p := range fn.params {
		if id := paramName(p); id != nil {
			params[firstOf(id)] = true
		}
	}
	found := false
	syntax.Walk(fn.node, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || found {
			return !found
		}
		passed := slices.ContainsFunc(call.Args, func(arg syntax.Expr) bool {
			id, ok := arg.(*syntax.Ident)
			return ok && params[firstOf(id)] && firstOf(id) != nil
		})
		found = passed && (expectsMistake(call) || fn.module.provokes(call.Fn, seen))
		return true
	})
	return found
}

// expectsMistake reports whether a call may expect a mistake in its function argument: its arguments include a class
// for mistakes, or unknown classes.
func expectsMistake(call *syntax.CallExpr) bool {
	for i, arg := range call.Args {
		classes, ok := elemsOf(unparen(arg))
		if !ok {
			classes = []syntax.Expr{unparen(arg)}
		}
		for _, expr := range classes {
			id, isIdent := expr.(*syntax.Ident)
			switch {
			case isNamed(expr, "Error", "ScriptError", "AssertionError"):
				return true
			case i == 0 && isNamed(call.Fn, "catch", "assert_raises") && (!isIdent || errorClasses[id.Name] == nil || firstOf(id) != nil):
				return true
			}
		}
	}
	return false
}
