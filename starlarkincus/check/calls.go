package check

import (
	"fmt"
	"slices"

	declare "incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/syntax"
)

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
			return // reported by checkAttr
		}
		if dot.Name.Name == "format" && m.typeOf(dot.X).is(text) {
			m.checkReplacements(dot.X, call)
		}
		if dot.Name.Name == "format" && m.typeOf(dot.X).is(moment) && len(call.Args) > 0 {
			m.checkLayout(call.Args[0])
		}
		if callsForEach(dot) && m.typeOf(dot.X).is(fleet) && !m.facts.expectedToFail[call] {
			m.checkFleet(call.Args)
		}
	}
	m.checkArgs(u, call.Args, at)
	name, f, ok := forwardingOf(call.Fn)
	if !ok || m.facts.expectedToFail[call] {
		return
	}
	m.checkForwarded(name, f, f.fn, call.Args)
	if f.also > 0 {
		m.checkForwarded(name, f, f.also, call.Args)
	}
}

// checkForwarded checks the call of argument i by a function such as try_.
func (m *module) checkForwarded(name string, f forward, i int, args []syntax.Expr) {
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
	if p := failing(fn, func(t typ) string { return notFunction(name, f.as, t) }); p.text != "" {
		if m.declared[name] == nil || fn.is(collection) {
			m.report(at, "", "%s", p.text)
		}
		return // checkDeclared reports the others
	}
	if dot, ok := args[i].(*syntax.DotExpr); ok {
		at = dot.Name.NamePos
	}
	var passed []syntax.Expr
	switch f.given {
	case -1:
		passed = slices.DeleteFunc(slices.Clone(args[i+1:]), func(arg syntax.Expr) bool {
			_, named, _ := argument(arg)
			return slices.Contains(f.own, named)
		})
	case 1:
		passed = []syntax.Expr{&syntax.Ident{NamePos: at, Name: "item"}}
	}
	m.checkArgs(fn, passed, at)
}

// checkFleet checks the calls by a fleet's method of the script's functions in its arguments.
func (m *module) checkFleet(args []syntax.Expr) {
	fn, check := fleetFunctions(args)
	for _, called := range []syntax.Expr{fn, check} {
		if u := m.typeOf(called); u.is(function) {
			at := syntax.Start(called)
			m.checkArgs(u, []syntax.Expr{&syntax.Ident{NamePos: at, Name: "item"}}, at)
		}
	}
}

// argument splits an argument into its value, its name, if any, and whether it is spread with * or **.
func argument(arg syntax.Expr) (value syntax.Expr, named string, spread bool) {
	switch arg := arg.(type) {
	case *syntax.UnaryExpr:
		if arg.Op == syntax.STAR || arg.Op == syntax.STARSTAR {
			return arg.X, "", true
		}
	case *syntax.BinaryExpr:
		if arg.Op == syntax.EQ {
			return arg.Y, arg.X.(*syntax.Ident).Name, false
		}
	}
	return arg, "", false
}

// notFunction returns the message of a function such as try_ for an argument that it can't call; empty for a callable
// one.
func notFunction(name, as string, t typ) string {
	switch {
	case t.class == collection && t.res.Lists != spec.Single:
		return fmt.Sprintf("%s: got the collection %s, want a function: name one of its methods", name, t)
	case allows(declare.Callable, t.class) && t.class != object && t.class != client:
		return ""
	}
	return fmt.Sprintf("%s: got %s, want a function: write %s", name, describe(t), as)
}

// describe returns a description of a value's type for messages.
func describe(t typ) string {
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

// checkArgs checks a call's arguments. It reports the findings for one of the callee's types if all types have some.
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
		m.checkSignature(m.methodSignature(t.method), t.name, args, at)
	case function:
		m.checkSignature(paramsSignature(t.fn.params), t.fn.name, args, at)
	case builtin, library:
		before := len(m.wrong)
		if m.checkDeclared(t.name, typ{}, args, at); len(m.wrong) > before {
			return
		}
		if s := m.builtinSignature(t.name); s != nil {
			m.checkSignature(s, t.name, args, at)
		}
	case bound:
		recv, _ := t.elem(0).one()
		m.checkDeclared(t.name, recv, args, at)
	case errorClass:
		m.checkDeclared(t.name, t, args, at)
	case collection:
		if decl := m.members.forResource(t.res).collection["get"]; t.res.Lists == spec.Single && decl != nil {
			m.checkSignature(m.methodSignature(decl), t.res.Name, args, at)
		} else if t.res.Lists != spec.Single {
			m.report(at, "", "%s is a collection, not a function: call one of its methods%s", t, example(t.res, m.members.forResource(t.res)))
		}
	case client, object, result, none, boolean, integer, float, text, octets, list, tuple, dict, set, ranged, structure, failure, environ, pattern, match, moment, duration, fleet:
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
