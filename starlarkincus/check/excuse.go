package check

import (
	"regexp"

	"go.starlark.net/syntax"
)

// excuse notes what a script does on purpose: functions that are called where a ScriptError is expected, and attributes
// that it asks for.
func (m *module) excuse(call *syntax.CallExpr) {
	if isNamed(call.Fn, "hasattr", "getattr") && len(call.Args) > 1 {
		if name, ok := call.Args[1].(*syntax.Literal); ok {
			if text, ok := name.Value.(string); ok {
				m.facts.hidden[text] = true
			}
		}
	}
	if !expectsMistake(call) && !wantsFailure.MatchString(calledName(call.Fn)) {
		return
	}
	m.facts.excused[call] = true
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *syntax.LambdaExpr:
			m.facts.excused[arg] = true
		case *syntax.Ident:
			if first := firstOf(arg); first != nil {
				m.facts.excused[first] = true
			}
		}
	}
}

// wantsFailure is what the names of functions have that call another one to see it fail.
var wantsFailure = regexp.MustCompile(`(?i)fail|rais|throw|err|expect|reject`)

// calledName is the last name of what is called, where it is a script's own.
func calledName(fn syntax.Expr) string {
	switch fn := fn.(type) {
	case *syntax.DotExpr:
		return fn.Name.Name
	case *syntax.Ident:
		if firstOf(fn) != nil {
			return fn.Name
		}
	}
	return ""
}

// expectsMistake says whether a call may be one that wants a mistake to happen in the function that it is given: one of
// the classes for mistakes is among its arguments, or classes that aren't known.
func expectsMistake(call *syntax.CallExpr) bool {
	for i, arg := range call.Args {
		exprs := []syntax.Expr{arg}
		if list, ok := arg.(*syntax.TupleExpr); ok {
			exprs = list.List
		} else if list, ok := arg.(*syntax.ListExpr); ok {
			exprs = list.List
		} else if paren, ok := arg.(*syntax.ParenExpr); ok {
			exprs = []syntax.Expr{paren.X}
			if list, ok := paren.X.(*syntax.TupleExpr); ok {
				exprs = list.List
			}
		}
		for _, expr := range exprs {
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
