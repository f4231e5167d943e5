package check

import (
	"slices"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// facts is the result of a file's type inference. Variables are identified by their first binding identifier.
type facts struct {
	vars           map[*syntax.Ident]*variable
	order          []*variable
	callables      map[syntax.Node]*callable
	guards         map[*syntax.Ident]guard
	conditional    map[*syntax.Ident]bool // uses in code that a condition may skip
	probedAttrs    map[string]bool        // attributes that the script queries with hasattr or getattr
	argNames       map[string]bool        // names of arguments in calls: possible fields of errors
	expectedToFail map[syntax.Node]bool   // calls and functions that the script expects to fail

	proven map[syntax.Expr]bool  // constant expressions that were evaluated
	types  map[syntax.Expr]union // cache of typeOf
}

// A variable is a variable of the script, or the result of one of its functions.
type variable struct {
	sources []func() union // types of the assigned values
	puts    []put          // additions to the list, set or dict that it holds
	leaks   []func() bool  // report whether a use may let other code change the value
	types   union
	param   bool
}

// A put is the addition of an element to a list, set or dict. Key is nil for an element without a key.
type put struct{ key, value func() union }

// maxRounds limits the iterations of solve.
const maxRounds = 12

// collectFacts returns the facts of a file, which are inferred once.
func (m *module) collectFacts() *facts {
	if m.facts != nil {
		return m.facts
	}
	m.facts = &facts{
		vars: make(map[*syntax.Ident]*variable), callables: make(map[syntax.Node]*callable), guards: make(map[*syntax.Ident]guard), conditional: make(map[*syntax.Ident]bool),
		probedAttrs: make(map[string]bool), argNames: make(map[string]bool), expectedToFail: make(map[syntax.Node]bool),
		proven: make(map[syntax.Expr]bool), types: make(map[syntax.Expr]union),
	}
	m.collecting = true
	c := &collector{module: m, readOnly: make(map[*syntax.Ident]bool), library: isLibrary(m.file),
		sites: make(map[*syntax.Ident][]callSite), inCalls: make(map[*syntax.Ident]bool), lambdas: make(map[*syntax.LambdaExpr]callSite),
		named: make(map[*syntax.LambdaExpr]*syntax.Ident)}
	c.block(m.file.Stmts)
	c.uses()
	c.connect()
	m.collectGuards()
	m.solve()
	m.collecting = false
	syntax.Walk(m.file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			m.markExpectedFailures(call)
		}
		return true
	})
	return m.facts
}

// solve computes the least fixed point of the variables' types. Types only grow in each round; one that still grows
// after maxRounds becomes unknown.
func (m *module) solve() {
	for round := 0; ; round++ {
		changed := false
		clear(m.facts.types)
		for _, v := range m.facts.order {
			if v.types == nil {
				continue
			}
			now := join(v.types, v.compute())
			if now.equal(v.types) {
				continue
			}
			if round >= maxRounds {
				now = nil
			}
			v.types, changed = now, true
		}
		if !changed {
			break
		}
	}
	clear(m.facts.types)
}

// compute returns the types of the variable, given the current types of the others.
func (v *variable) compute() union {
	u := never
	for _, source := range v.sources {
		if u = join(u, source()); u == nil {
			return nil
		}
	}
	u = u.holding()
	for _, leak := range v.leaks {
		if leak() {
			return u.loose()
		}
	}
	for _, p := range v.puts {
		for i, t := range u {
			if len(t.elems) == 0 || t.frozen {
				continue
			}
			elems := slices.Clone(t.elems)
			switch t.class {
			case list, set:
				elems[0] = join(elems[0], p.value().loose())
			case dict:
				if p.key != nil {
					elems[0], elems[1] = join(elems[0], p.key()), join(elems[1], p.value().loose())
				} else {
					elems[0], elems[1] = nil, nil
				}
			}
			u[i].elems, u[i].value = elems, nil
		}
	}
	return u
}

// unparen returns an expression without its parentheses.
func unparen(expr syntax.Expr) syntax.Expr {
	for {
		paren, ok := expr.(*syntax.ParenExpr)
		if !ok {
			return expr
		}
		expr = paren.X
	}
}

// elemsOf returns the elements of a tuple or list expression.
func elemsOf(expr syntax.Expr) (elems []syntax.Expr, ok bool) {
	switch x := expr.(type) {
	case *syntax.TupleExpr:
		return x.List, true
	case *syntax.ListExpr:
		return x.List, true
	}
	return nil, false
}

// firstOf returns the identifier that first binds id's variable; nil for a predeclared name.
func firstOf(id *syntax.Ident) *syntax.Ident {
	if binding, ok := id.Binding.(*resolve.Binding); ok && binding.First != nil {
		return binding.First
	}
	return nil
}

// isNamed reports whether an expression is one of these predeclared names, and not shadowed by the script.
func isNamed(expr syntax.Expr, names ...string) bool {
	id, ok := expr.(*syntax.Ident)
	if !ok {
		return false
	}
	binding, ok := id.Binding.(*resolve.Binding)
	return ok && (binding.Scope == resolve.Predeclared || binding.Scope == resolve.Universal) && slices.Contains(names, id.Name)
}
