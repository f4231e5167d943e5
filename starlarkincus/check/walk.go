package check

import (
	"fmt"

	"incus-star/errors"
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

// checkCode checks attributes and calls.
func (m *module) checkCode() {
	f := m.learn()
	called := make(map[syntax.Expr]bool)
	syntax.Walk(m.file, func(n syntax.Node) bool {
		if expr, ok := n.(syntax.Expr); ok {
			m.checkConstant(expr)
		}
		switch n := n.(type) {
		case *syntax.DefStmt:
			if f.excused[firstOf(n.Name)] {
				return false
			}
			m.checkUnset(n)
		case *syntax.ForStmt:
			m.checkUse(n.X, "collection value is not iterable")
		case *syntax.ForClause:
			m.checkUse(n.X, "collection value is not iterable")
		case *syntax.IndexExpr:
			m.checkUse(n.X, "unhandled index operation collection[string]")
		case *syntax.BinaryExpr:
			switch n.Op {
			case syntax.IN, syntax.NOT_IN:
				m.checkUse(n.Y, "unknown binary op: string "+n.Op.String()+" collection")
			case syntax.PERCENT:
				m.checkFormat(n.X, badConversion)
				m.checkFormat(n.X, func(format string) string { return badCount(format, n.Y) })
			}
		case *syntax.AssignStmt:
			m.checkFrozen(n.LHS)
		case *syntax.LambdaExpr:
			return !f.excused[n]
		case *syntax.ExprStmt:
			m.checkUnused(n)
		case *syntax.DotExpr:
			m.checkAttr(n, called[n])
		case *syntax.CallExpr:
			called[n.Fn] = true
			m.checkCall(n)
		}
		return true
	})
}

// checkUnused finds calls whose Result nobody looks at, so that a failure goes unnoticed.
func (m *module) checkUnused(stmt *syntax.ExprStmt) {
	call, ok := stmt.X.(*syntax.CallExpr)
	if ok && isNamed(call.Fn, "try_") { // catch names the classes that may go unnoticed
		id := call.Fn.(*syntax.Ident)
		m.report(id.NamePos, "", "the Result of %s is not used, so a failure goes unnoticed: to mean that, write _ = %[1]s(…)", id.Name)
	}
}

// checkFrozen finds assignments to a key of what an object of the server's holds.
func (m *module) checkFrozen(target syntax.Expr) {
	slot, ok := target.(*syntax.IndexExpr)
	if !ok {
		return
	}
	dot, ok := slot.X.(*syntax.DotExpr)
	if !ok {
		return
	}
	k := m.kindOf(dot.X)
	if k.sort != object {
		return
	}
	if f := spec.Find(k.res.Fields, dot.Name.Name); f != nil && f.Use&spec.Read != 0 && (f.Type == spec.Config || f.Type == spec.Devices) {
		m.report(syntax.Start(target), "", "cannot insert into frozen hash table")
	}
}

func (m *module) checkAttr(dot *syntax.DotExpr, called bool) {
	if m.facts.hidden[dot.Name.Name] {
		return
	}
	if _, problem, near := m.attr(m.kindOf(dot.X), dot.Name.Name, called); problem != "" {
		m.report(dot.Name.NamePos, near, "%s", problem)
	}
}

func (m *module) checkCall(call *syntax.CallExpr) {
	if isNamed(call.Fn, "exit") {
		m.checkExit(call)
		return
	}
	k := m.kindOf(call.Fn)
	if isNamed(call.Fn, "len") && len(call.Args) == 1 {
		m.checkUse(call.Args[0], "len: value of type collection has no len")
	}
	at := syntax.Start(call.Fn)
	if dot, ok := call.Fn.(*syntax.DotExpr); ok {
		at = dot.Name.NamePos
		if dot.Name.Name == "format" {
			m.checkFormat(dot.X, badReplacement)
		}
	}
	m.checkArgs(k, call.Args, at)
	if k.sort != builtin || k.name == "" || m.facts.excused[call] {
		return
	}
	form, ok := forwarding[k.name]
	if !ok || !isNamed(call.Fn, k.name) {
		return
	}
	m.forward(k.name, form.fn, form.given, form.own, form.as, call.Args)
	if form.also > 0 {
		m.forward(k.name, form.also, form.given, form.own, form.as, call.Args)
	}
}

// checkUse reports a use of a collection that no collection allows.
func (m *module) checkUse(expr syntax.Expr, message string) {
	if m.kindOf(expr).sort == collection {
		m.report(syntax.Start(expr), "", "%s", message)
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
	fn := m.kindOf(args[i])
	at := syntax.Start(args[i])
	switch fn.sort {
	case client, object, list, tuple, result:
		m.report(at, "", "%s: got %s, want a function: write %s", name, what(fn), as)
		return
	case collection:
		if fn.res.Lists != spec.Single {
			m.report(at, "", "%s: got the collection %s, want a function: name one of its methods", name, fn)
			return
		}
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

// what is a value in a message.
func what(k kind) string {
	switch k.sort {
	case client:
		return "the incus client"
	case object:
		return k.res.An()
	case list:
		return "a list"
	case tuple:
		return "a tuple"
	}
	return "a " + k.String()
}

// checkArgs checks the arguments of a call of a value.
func (m *module) checkArgs(k kind, args []syntax.Expr, at syntax.Position) {
	switch k.sort {
	case method:
		m.check(m.ofMethod(k.method), k.name, args, at)
	case function:
		m.check(ofParams(k.fn.params), k.fn.name, args, at)
	case builtin:
		if s := m.ofBuiltin(k.name); s != nil {
			m.check(s, k.name, args, at)
		}
	case collection:
		if decl := m.members.of(k.res).collection["get"]; k.res.Lists == spec.Single && decl != nil {
			m.check(m.ofMethod(decl), k.res.Name, args, at)
		} else if k.res.Lists != spec.Single {
			m.report(at, "", "%s is a collection, not a function: call one of its methods%s", k, example(m.members.of(k.res)))
		}
	case client, object, list, result, tuple:
		m.report(at, "", "%s is not a function", what(k))
	}
}

func example(m *member) string {
	for _, name := range []string{"get", "list"} {
		if decl := m.collection[name]; decl != nil {
			return fmt.Sprintf(", such as %s(…)", decl.Name)
		}
	}
	return ""
}
