package check

import (
	"slices"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// facts are what is known of a file's variables.
type facts struct {
	vars      map[*syntax.Ident]*variable // by the identifier that first binds the variable
	order     []*variable
	callables map[syntax.Node]*callable
	guards    map[*syntax.Ident]guard // by the identifier that first binds the variable
	branches  map[*syntax.Ident]bool  // uses that stand behind a condition
	hidden    map[string]bool         // attributes that the script asks for with hasattr or getattr
	given     map[string]bool         // names of arguments in calls: fields that an error may have been given
	excused   map[syntax.Node]bool    // calls and functions whose mistakes are what the script wants

	proven map[syntax.Expr]bool  // that were evaluated, alone or in another
	types  map[syntax.Expr]union // of expressions that were looked at
}

// A variable is a name of a script's, or what a function of its returns, with all that it may be.
type variable struct {
	sources []func() union
	puts    []put         // what is put into a list, a set or a dict in it
	leaks   []func() bool // uses that may let others change it
	types   union
	param   bool // of a function of the script's
}

// A put adds to what a variable's value holds.
type put struct{ key, value func() union }

// maxRounds bounds the rounds in which variables that depend on each other settle.
const maxRounds = 12

// learn collects the facts of a file, once.
func (m *module) learn() *facts {
	if m.facts != nil {
		return m.facts
	}
	m.facts = &facts{
		vars: make(map[*syntax.Ident]*variable), callables: make(map[syntax.Node]*callable), guards: make(map[*syntax.Ident]guard), branches: make(map[*syntax.Ident]bool),
		hidden: make(map[string]bool), given: make(map[string]bool), excused: make(map[syntax.Node]bool),
		proven: make(map[syntax.Expr]bool), types: make(map[syntax.Expr]union),
	}
	m.learning = true
	c := &collector{module: m, kept: make(map[*syntax.Ident]bool), library: forOthers(m.file),
		sites: make(map[*syntax.Ident][]site), inCalls: make(map[*syntax.Ident]bool), lambdas: make(map[*syntax.LambdaExpr]site)}
	c.block(m.file.Stmts)
	c.uses()
	c.connect()
	m.guard()
	m.settle()
	m.learning = false
	syntax.Walk(m.file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			m.excuse(call)
		}
		return true
	})
	return m.facts
}

// settle finds the least types that variables have. In each round the types only grow; what still does so at the end is
// uncertain.
func (m *module) settle() {
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

// compute joins what the variable may be, by what is known of others now.
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

// firstOf is the identifier that first binds what id names; nil for a name that isn't the script's.
func firstOf(id *syntax.Ident) *syntax.Ident {
	if binding, ok := id.Binding.(*resolve.Binding); ok && binding.First != nil {
		return binding.First
	}
	return nil
}

// isNamed says whether an expression is one of the names that every script has, and not the script's own.
func isNamed(expr syntax.Expr, names ...string) bool {
	id, ok := expr.(*syntax.Ident)
	if !ok {
		return false
	}
	binding, ok := id.Binding.(*resolve.Binding)
	return ok && (binding.Scope == resolve.Predeclared || binding.Scope == resolve.Universal) && slices.Contains(names, id.Name)
}
