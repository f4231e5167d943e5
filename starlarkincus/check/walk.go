package check

import (
	"fmt"
	"slices"

	"incus-star/errors"
	declare "incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/syntax"
)

// errorClasses are the names of the classes that scripts and tests have.
var errorClasses = func() map[string]*errors.Class {
	all := make(map[string]*errors.Class)
	for _, class := range errors.Classes() {
		all[class.Name()] = class
	}
	return all
}()

// forwarding are the functions of the host's that call what they are given: where in the arguments the function is, the
// names of their own arguments that come between, and how many arguments they call it with: -1 for all that follow.
var forwarding = map[string]struct {
	fn    int
	own   []string
	given int
	also  int // another function
	as    string
}{
	"try_":          {given: -1, as: "try_(fn, arg)"},
	"catch":         {fn: 1, given: -1, as: "catch(IncusNotFoundError, fn, arg)"},
	"retry":         {own: []string{"on", "times", "delay", "backoff"}, given: -1, as: "retry(fn, arg)"},
	"defer":         {given: -1, as: "defer(fn, arg)"},
	"assert_raises": {fn: 1, given: -1, as: "assert_raises(IncusNotFoundError, fn, arg)"},
	"finally_":      {also: 1, as: "finally_(lambda: f(x), cleanup)"},
	"wait_until":    {as: "wait_until(lambda: f(x))"},
	"parallel":      {given: 1, as: "parallel(fn, items)"},
}

// checkCode checks all expressions.
func (m *module) checkCode() {
	f := m.learn()
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
			if f.excused[firstOf(n.Name)] {
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
			return !f.excused[n]
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

// fail reports a problem, if it is one.
func (m *module) fail(at syntax.Expr, p problem) {
	if p.text != "" {
		m.report(syntax.Start(at), p.near, "%s", p.text)
	}
}

// checkLoop checks an iteration, and the unpacking of each element.
func (m *module) checkLoop(vars, x syntax.Expr) {
	u := m.typeOf(x)
	if p := notIterable(u); p.text != "" {
		m.fail(x, p)
		return
	}
	m.checkUnpack(vars, u.element())
}

// checkUnpack checks the assignment of a value to one target or several.
func (m *module) checkUnpack(target syntax.Expr, u union) {
	var elems []syntax.Expr
	switch target := target.(type) {
	case *syntax.ParenExpr:
		m.checkUnpack(target.X, u)
		return
	case *syntax.TupleExpr:
		elems = target.List
	case *syntax.ListExpr:
		elems = target.List
	default:
		return
	}
	if p := notUnpacked(u, len(elems)); p.text != "" {
		m.fail(target, p)
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
		m.fail(n, m.unequal(n))
	case syntax.PERCENT:
		if m.typeOf(n.X).is(text) {
			m.checkPercent(n)
			return
		}
		fallthrough
	default:
		_, p := binary(n.Op, m.typeOf(n.X), m.typeOf(n.Y))
		m.fail(n, p)
	}
}

// unequal is about a comparison that always gives the same, because the values are of different kinds: those of the
// module and of errors equal nothing of another kind.
func (m *module) unequal(n *syntax.BinaryExpr) problem {
	x, y := m.typeOf(n.X), m.typeOf(n.Y)
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
			hint = "write int(s), or str(n)"
			if t.value != nil && than.value != nil {
				continue
			}
		case t.class == result:
			hint = "write result.value"
		default:
			continue
		}
		return problem{text: fmt.Sprintf("%s and %s are never equal: %s", one.typeName(), other.typeName(), hint)}
	}
	return problem{}
}

func (m *module) checkDict(n *syntax.DictExpr) {
	seen := make(map[string]bool)
	for _, elem := range n.List {
		entry := elem.(*syntax.DictEntry)
		key := m.typeOf(entry.Key)
		if p := failing(key, unhashable); p.text != "" {
			m.fail(entry.Key, p)
		}
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

// checkAssign checks what is assigned to.
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
	m.checkTarget(n.LHS, targets)
}

func (m *module) checkTarget(target syntax.Expr, targets map[syntax.Expr]bool) {
	targets[target] = true
	switch x := target.(type) {
	case *syntax.ParenExpr:
		m.checkTarget(x.X, targets)
	case *syntax.TupleExpr:
		for _, elem := range x.List {
			m.checkTarget(elem, targets)
		}
	case *syntax.ListExpr:
		for _, elem := range x.List {
			m.checkTarget(elem, targets)
		}
	case *syntax.IndexExpr:
		m.fail(x, unassignable(m.typeOf(x.X), m.typeOf(x.Y)))
	case *syntax.DotExpr:
		m.fail(x, unsettable(m.typeOf(x.X), x.Name.Name))
	}
}

// checkUnused finds calls whose Result nobody looks at, so that a failure goes unnoticed, and methods that aren't called.
func (m *module) checkUnused(stmt *syntax.ExprStmt) {
	switch x := stmt.X.(type) {
	case *syntax.CallExpr:
		if isNamed(x.Fn, "try_") { // catch names the classes that may go unnoticed
			id := x.Fn.(*syntax.Ident)
			m.report(id.NamePos, "", "the Result of %s is not used, so a failure goes unnoticed: to mean that, write _ = %[1]s(…)", id.Name)
		}
	case *syntax.DotExpr:
		if u := m.typeOf(x); u.is(method) || u.is(bound) {
			m.report(x.Name.NamePos, "", "%s is a method, and does nothing where it isn't called: call it, %[1]s(…)", u[0].name)
		}
	}
}

func (m *module) checkAttr(dot *syntax.DotExpr, called bool) {
	if m.facts.hidden[dot.Name.Name] {
		return
	}
	if _, p := m.attr(m.typeOf(dot.X), dot.Name.Name, called); p.text != "" {
		m.report(dot.Name.NamePos, p.near, "%s", p.text)
	}
}

func (m *module) checkCall(call *syntax.CallExpr) {
	if isNamed(call.Fn, "exit") {
		m.checkExit(call)
		return
	}
	u := m.typeOf(call.Fn)
	at := syntax.Start(call.Fn)
	if dot, ok := call.Fn.(*syntax.DotExpr); ok {
		at = dot.Name.NamePos
		if _, p := m.attr(m.typeOf(dot.X), dot.Name.Name, true); p.text != "" {
			return // reported where the attribute is
		}
		if dot.Name.Name == "format" && m.typeOf(dot.X).is(text) {
			m.checkReplacements(dot.X, call)
		}
	}
	m.checkArgs(u, call.Args, at)
	id, ok := call.Fn.(*syntax.Ident)
	if !ok || m.facts.excused[call] {
		return
	}
	form, ok := forwarding[id.Name]
	if !ok || !isNamed(call.Fn, id.Name) {
		return
	}
	m.forward(id.Name, form.fn, form.given, form.own, form.as, call.Args)
	if form.also > 0 {
		m.forward(id.Name, form.also, form.given, form.own, form.as, call.Args)
	}
}

// forward checks the call that a function such as try_ makes.
func (m *module) forward(name string, i, given int, own []string, as string, args []syntax.Expr) {
	for _, arg := range args[:min(i+1, len(args))] {
		if _, named, spread := argument(arg); named != "" || spread {
			return
		}
	}
	if i >= len(args) {
		return
	}
	fn := m.typeOf(args[i])
	at := syntax.Start(args[i])
	if p := failing(fn, func(t typ) string { return notFunction(name, as, t) }); p.text != "" {
		if m.declared[name] == nil || fn.is(collection) {
			m.report(at, "", "%s", p.text)
		}
		return // or it is reported as an argument of the function
	}
	if dot, ok := args[i].(*syntax.DotExpr); ok {
		at = dot.Name.NamePos
	}
	var passed []syntax.Expr
	switch given {
	case -1:
	next:
		for _, arg := range args[i+1:] {
			_, named, _ := argument(arg)
			for _, mine := range own {
				if named == mine {
					continue next
				}
			}
			passed = append(passed, arg)
		}
	case 1:
		passed = []syntax.Expr{&syntax.Ident{NamePos: at, Name: "item"}}
	}
	m.checkArgs(fn, passed, at)
}

// argument tells an argument with a name and one that is spread.
func argument(arg syntax.Expr) (value syntax.Expr, named string, spread bool) {
	switch arg := arg.(type) {
	case *syntax.UnaryExpr:
		return arg.X, "", arg.Op == syntax.STAR || arg.Op == syntax.STARSTAR
	case *syntax.BinaryExpr:
		if arg.Op == syntax.EQ {
			return arg.Y, arg.X.(*syntax.Ident).Name, false
		}
	}
	return arg, "", false
}

// notFunction is what a function such as try_ says of a value that it is to call; empty for one that it can.
func notFunction(name, as string, t typ) string {
	switch {
	case t.class == collection && t.res.Lists != spec.Single:
		return fmt.Sprintf("%s: got the collection %s, want a function: name one of its methods", name, t)
	case allows(declare.Callable, t.class) && t.class != object && t.class != client:
		return ""
	}
	return fmt.Sprintf("%s: got %s, want a function: write %s", name, what(t), as)
}

// what is a value in a message.
func what(t typ) string {
	switch t.class {
	case client:
		return "the incus client"
	case object:
		return t.res.An()
	case result:
		return "a Result"
	case none:
		return "NoneType"
	}
	return "a " + t.typeName()
}

// checkArgs checks a call's arguments, where all that may be called finds something wrong with them.
func (m *module) checkArgs(u union, args []syntax.Expr, at syntax.Position) {
	if len(u) == 1 {
		m.checkArgsOf(u[0], args, at)
		return
	}
	before := len(m.wrong)
	var found []Finding
	for _, t := range u {
		m.checkArgsOf(t, args, at)
		these := slices.Clone(m.wrong[before:])
		m.wrong = m.wrong[:before]
		if len(these) == 0 {
			return
		}
		if found == nil || t.class != none {
			found = these
		}
	}
	m.wrong = append(m.wrong, found...)
}

func (m *module) checkArgsOf(t typ, args []syntax.Expr, at syntax.Position) {
	switch t.class {
	case method:
		m.check(m.ofMethod(t.method), t.name, args, at)
	case function:
		m.check(ofParams(t.fn.params), t.fn.name, args, at)
	case builtin, library:
		before := len(m.wrong)
		if m.checkDeclared(t.name, typ{}, args, at); len(m.wrong) > before {
			return
		}
		if s := m.ofBuiltin(t.name); s != nil {
			m.check(s, t.name, args, at)
		}
	case bound:
		recv, _ := t.elem(0).one()
		m.checkDeclared(t.name, recv, args, at)
	case errorClass:
		m.checkDeclared(t.name, t, args, at)
	case collection:
		if decl := m.members.of(t.res).collection["get"]; t.res.Lists == spec.Single && decl != nil {
			m.check(m.ofMethod(decl), t.res.Name, args, at)
		} else if t.res.Lists != spec.Single {
			m.report(at, "", "%s is a collection, not a function: call one of its methods%s", t, example(t.res, m.members.of(t.res)))
		}
	case client, object, result, none, boolean, integer, float, text, octets, list, tuple, dict, set, ranged, structure, failure, environ, pattern, match, moment, duration:
		m.report(at, "", "%s", uncallable(t))
	}
}

func example(r *spec.Resource, m *member) string {
	for _, name := range []string{"get", "list"} {
		if decl := m.collection[name]; decl != nil {
			return fmt.Sprintf(", such as %s.%s(…)", r.Name, decl.Name)
		}
	}
	return ""
}
