package check

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// errorClasses are the predeclared error classes of scripts and tests, by name.
var errorClasses = func() map[string]*errors.Class {
	all := make(map[string]*errors.Class)
	for _, class := range errors.Classes() {
		all[class.Name()] = class
	}
	return all
}()

// A forward describes a function that calls an argument.
type forward struct {
	fn    int      // index of the called argument
	own   []string // named arguments that aren't passed on
	given int      // number of arguments in its call; -1 for all that follow it
	also  int      // index of a second called argument; 0 for none
	as    string   // an example for messages
}

// forwarding has the functions of the host that call an argument.
var forwarding = map[string]forward{
	"try_":          {given: -1, as: "try_(fn, arg)"},
	"catch":         {fn: 1, given: -1, as: "catch(IncusNotFoundError, fn, arg)"},
	"retry":         {own: []string{"on", "times", "delay", "backoff"}, given: -1, as: "retry(fn, arg)"},
	"defer":         {given: -1, as: "defer(fn, arg)"},
	"assert_raises": {fn: 1, given: -1, as: "assert_raises(IncusNotFoundError, fn, arg)"},
	"finally_":      {also: 1, as: "finally_(lambda: f(x), cleanup)"},
	"wait_until":    {as: "wait_until(lambda: f(x))"},
	"parallel":      {given: 1, as: "parallel(fn, items)"},
}

// forwardingOf returns the name and the description of fn if it is one of the forwarding functions.
func forwardingOf(fn syntax.Expr) (name string, f forward, ok bool) {
	id, ok := fn.(*syntax.Ident)
	if !ok || !isNamed(fn, id.Name) {
		return "", f, false
	}
	f, ok = forwarding[id.Name]
	return id.Name, f, ok
}

// checkCode checks all statements and expressions.
func (m *module) checkCode() {
	f := m.collectFacts()
	called, targets := make(map[syntax.Expr]bool), make(map[syntax.Expr]bool)
	m.checkUnset()
	syntax.Walk(m.file, func(n syntax.Node) bool {
		if expr, ok := n.(syntax.Expr); ok {
			m.checkConstant(expr)
			if f.proven[expr] {
				return true
			}
		}
		switch n := n.(type) {
		case *syntax.DefStmt:
			if f.expectedToFail[firstOf(n.Name)] {
				return false
			}
		case *syntax.ForStmt:
			m.checkLoop(n.Vars, n.X)
		case *syntax.ForClause:
			m.checkLoop(n.Vars, n.X)
		case *syntax.IndexExpr:
			if !targets[n] {
				m.fail(n.X, badIndex(m.typeOf(n.X), m.typeOf(n.Y)))
			}
		case *syntax.SliceExpr:
			m.checkSlice(n)
		case *syntax.UnaryExpr:
			if n.Op != syntax.STAR && n.Op != syntax.STARSTAR && n.Op != syntax.NOT {
				_, p := unary(n.Op, m.typeOf(n.X))
				m.fail(n, p)
			}
		case *syntax.BinaryExpr:
			m.checkBinary(n)
		case *syntax.DictExpr:
			m.checkDict(n)
		case *syntax.AssignStmt:
			m.checkAssign(n, targets)
		case *syntax.LambdaExpr:
			return !f.expectedToFail[n]
		case *syntax.ExprStmt:
			m.checkUnused(n)
		case *syntax.DotExpr:
			if !targets[n] {
				m.checkAttr(n, called[n])
			}
		case *syntax.CallExpr:
			called[n.Fn] = true
			m.checkCall(n)
		}
		return true
	})
}

// fail reports a problem, if there is one. It returns whether it did.
func (m *module) fail(at syntax.Expr, p problem) bool {
	if p.text != "" {
		m.report(syntax.Start(at), p.near, "%s", p.text)
	}
	return p.text != ""
}

// checkLoop checks an iteration and the unpacking of its elements.
func (m *module) checkLoop(vars, x syntax.Expr) {
	if u := m.typeOf(x); !m.fail(x, notIterable(u)) {
		m.checkUnpack(vars, u.element())
	}
}

// checkUnpack checks the number of values in an assignment to several targets.
func (m *module) checkUnpack(target syntax.Expr, u union) {
	target = unparen(target)
	elems, ok := elemsOf(target)
	if !ok || m.fail(target, notUnpacked(u, len(elems))) {
		return
	}
	for i, elem := range elems {
		m.checkUnpack(elem, unpacked(u, i, len(elems)))
	}
}

func (m *module) checkSlice(n *syntax.SliceExpr) {
	var bounds []union
	for _, bound := range []syntax.Expr{n.Lo, n.Hi, n.Step} {
		if bound != nil {
			bounds = append(bounds, m.typeOf(bound))
		}
	}
	m.fail(n.X, badSlice(m.typeOf(n.X), bounds...))
}

func (m *module) checkBinary(n *syntax.BinaryExpr) {
	switch n.Op {
	case syntax.AND, syntax.OR, syntax.EQ:
	case syntax.EQL, syntax.NEQ:
		if !m.fail(n, m.unequal(n)) {
			m.checkCase(n.X, n.Y)
			m.checkCase(n.Y, n.X)
		}
	case syntax.PERCENT:
		if m.typeOf(n.X).is(text) {
			m.checkPercent(n)
			return
		}
		fallthrough
	default:
		_, p := binary(n.Op, m.typeOf(n.X), m.typeOf(n.Y))
		m.fail(n, p)
		if elems, _ := elemsOf(unparen(n.Y)); n.Op == syntax.IN || n.Op == syntax.NOT_IN {
			for _, elem := range elems {
				m.checkCase(n.X, elem)
			}
		}
	}
}

// checkCase reports the comparison of a field with a string that differs from one of its values only by case.
func (m *module) checkCase(field, value syntax.Expr) {
	dot, isField := unparen(field).(*syntax.DotExpr)
	given, isText := starlark.AsString(m.literal(value))
	if !isField || !isText || m.isParam(unparen(value)) {
		return
	}
	m.fail(value, failing(m.typeOf(dot.X).without(none), func(t typ) string {
		if t.class != object {
			return ""
		}
		for _, f := range t.res.Fields {
			i := slices.IndexFunc(f.Values, func(v string) bool { return strings.EqualFold(v, given) })
			if f.Script() == dot.Name.Name && i >= 0 && !slices.Contains(f.Values, given) {
				return fmt.Sprintf("the %s of %s is never %q: write %q", f.Script(), t.res.An(), given, f.Values[i])
			}
		}
		return ""
	}))
}

// unequal returns the problem of a comparison of values of types that are never equal. It covers the types of the incus
// module and of errors.
func (m *module) unequal(n *syntax.BinaryExpr) problem {
	x, y := m.typeOf(n.X), m.typeOf(n.Y)
	if m.isParam(n.X) || m.isParam(n.Y) {
		return problem{} // other calls may pass other types
	}
	one, ok := x.without(none).one()
	other, also := y.without(none).one()
	if !ok || !also || one.class == other.class || x.has(none) && y.has(none) {
		return problem{}
	}
	for _, pair := range [][2]typ{{one, other}, {other, one}} {
		hint := ""
		switch t, than := pair[0], pair[1]; {
		case t.class == method:
			hint = "call it, " + t.name + "(…)"
		case t.class == errorClass && (than.class == failure || than.class == text):
			hint = "write error.is_a(" + t.name + ")"
		case t.class == object && than.class == text && t.res.Key != "":
			hint = "write object." + t.res.Key
		case t.class == integer && than.class == text:
			if t.value != nil {
				continue // a setting, for which the script accepts several types
			}
			hint = "write int(s), or str(n)"
		case t.class == result:
			hint = "write result.value"
		default:
			continue
		}
		return problem{text: fmt.Sprintf("%s and %s are never equal: %s", one.typeName(), other.typeName(), hint)}
	}
	return problem{}
}

// isParam reports whether an expression is a parameter of one of the script's functions.
func (m *module) isParam(expr syntax.Expr) bool {
	id, ok := expr.(*syntax.Ident)
	if !ok {
		return false
	}
	v := m.facts.vars[firstOf(id)]
	return v != nil && v.param
}

func (m *module) checkDict(n *syntax.DictExpr) {
	seen := make(map[string]bool)
	for _, elem := range n.List {
		entry := elem.(*syntax.DictEntry)
		key := m.typeOf(entry.Key)
		m.fail(entry.Key, failing(key, unhashable))
		if literal, ok := entry.Key.(*syntax.Literal); ok {
			if t, ok := key.one(); ok && t.value != nil {
				if text := t.value.String(); seen[text] {
					m.fail(literal, problem{text: "duplicate key: " + text})
				} else {
					seen[text] = true
				}
			}
		}
	}
}

// checkAssign checks the operator, the unpacking and the targets of an assignment.
func (m *module) checkAssign(n *syntax.AssignStmt, targets map[syntax.Expr]bool) {
	if n.Op != syntax.EQ {
		op := binaryOf(n.Op)
		x, y := m.typeOf(n.LHS), m.typeOf(n.RHS)
		if op == syntax.PERCENT && x.is(text) {
			return
		}
		if _, p := binary(op, x, y); p.text != "" && !(op == syntax.PLUS && x.has(list)) {
			m.fail(n.LHS, p)
			return
		}
	} else {
		m.checkUnpack(n.LHS, m.typeOf(n.RHS))
	}
	parts(n.LHS, func(part syntax.Expr) {
		targets[part] = true
		switch x := part.(type) {
		case *syntax.IndexExpr:
			m.fail(x, unassignable(m.typeOf(x.X), m.typeOf(x.Y)))
		case *syntax.DotExpr:
			m.fail(x, unsettable(m.typeOf(x.X), x.Name.Name))
		}
	})
}

// checkUnused reports Results of try_, parallel and a fleet's map that are not used, which hides failures, and methods that
// aren't called.
func (m *module) checkUnused(stmt *syntax.ExprStmt) {
	switch x := stmt.X.(type) {
	case *syntax.CallExpr:
		fn := m.typeOf(x.Fn)
		switch at := syntax.Start(x); {
		case isNamed(x.Fn, "try_"): // not catch, which names the ignored classes
			m.report(at, "", "the Result of try_ is not used, so a failure goes unnoticed: to ignore it, write _ = try_(…)")
		case isNamed(x.Fn, "parallel"):
			m.report(at, "", "the Results of parallel are not used, so failures go unnoticed: write [r.value for r in parallel(…)] to raise the first, _ = parallel(…) to ignore them")
		case fn.is(bound) && fn[0].name == "Fleet.map":
			m.report(at, "", "the Results of map are not used, so failures go unnoticed: write [r.value for r in fleet.map(…)] to raise the first, _ = fleet.map(…) to ignore them")
		}
	case *syntax.DotExpr:
		if u := m.typeOf(x); u.is(method) || u.is(bound) {
			m.report(x.Name.NamePos, "", "%s is a method, and does nothing unless it is called: call it, %[1]s(…)", u[0].name)
		}
	}
}

func (m *module) checkAttr(dot *syntax.DotExpr, called bool) {
	if m.facts.probedAttrs[dot.Name.Name] {
		return
	}
	if _, p := m.attr(m.typeOf(dot.X), dot.Name.Name, called); p.text != "" {
		m.report(dot.Name.NamePos, p.near, "%s", p.text)
	}
}
