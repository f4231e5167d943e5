package check

import (
	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// facts are what is known of a file's variables.
type facts struct {
	vars    map[*syntax.Ident]*variable // by the identifier that first binds the variable
	hidden  map[string]bool             // attributes that the script asks for with hasattr or getattr
	excused map[syntax.Node]bool        // calls and functions whose mistakes are what the script wants
	slots   map[syntax.Expr]bool        // what is assigned to as x[i]

	constant map[syntax.Expr]bool // that were evaluated, alone or in another
	kinds    map[syntax.Expr]kind // of expressions that were looked at
}

// A variable is a name of a script's, with all that is ever assigned to it.
type variable struct {
	sources []func() kind
	list    bool // every use keeps a list as it is
	busy    bool // it is being looked at: it depends on itself
	known   *kind
}

// kind is what is certain of the variable, whenever it is looked at.
func (v *variable) kind() kind {
	if v.known == nil {
		if v.busy {
			return kind{}
		}
		v.busy = true
		k := kind{sort: nothing}
		for _, source := range v.sources {
			if k = join(k, source()); k.sort == unknown {
				break
			}
		}
		v.busy = false
		if k.sort == list && !v.list {
			k = kind{}
		}
		v.known = &k
	}
	return *v.known
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
	if !ok || binding.Scope != resolve.Predeclared && binding.Scope != resolve.Universal {
		return false
	}
	for _, name := range names {
		if id.Name == name {
			return true
		}
	}
	return false
}

// learn collects the facts of a file, once.
func (m *module) learn() *facts {
	if m.facts != nil {
		return m.facts
	}
	f := &facts{
		vars: make(map[*syntax.Ident]*variable), hidden: make(map[string]bool), excused: make(map[syntax.Node]bool),
		slots: make(map[syntax.Expr]bool), constant: make(map[syntax.Expr]bool), kinds: make(map[syntax.Expr]kind),
	}
	m.facts = f
	kept := make(map[*syntax.Ident]bool) // uses of a variable that leave a list as it is
	keep := func(expr syntax.Expr) {
		if id, ok := expr.(*syntax.Ident); ok {
			kept[id] = true
		}
	}
	syntax.Walk(m.file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.AssignStmt:
			if n.Op == syntax.EQ {
				m.assign(n.LHS, func() kind { return m.kindOf(n.RHS) }, keep)
			} else {
				m.assign(n.LHS, func() kind { return kind{} }, keep)
			}
		case *syntax.ForStmt:
			keep(n.X)
			m.assign(n.Vars, func() kind { return m.elemOf(n.X) }, keep)
		case *syntax.ForClause:
			keep(n.X)
			m.assign(n.Vars, func() kind { return m.elemOf(n.X) }, keep)
		case *syntax.DefStmt:
			fn := &callable{module: m, name: n.Name.Name, node: n, params: n.Params, body: n.Body}
			m.assign(n.Name, func() kind { return kind{sort: function, name: n.Name.Name, fn: fn} }, keep)
			m.params(n.Params, keep)
		case *syntax.LambdaExpr:
			m.params(n.Params, keep)
		case *syntax.LoadStmt:
			for i := range n.To {
				from := n.From[i].Name
				m.assign(n.To[i], func() kind { return m.loadedKind(n, from) }, keep)
			}
		case *syntax.IndexExpr:
			if !f.slots[n] {
				keep(n.X)
			}
		case *syntax.BinaryExpr:
			switch n.Op {
			case syntax.IN, syntax.NOT_IN, syntax.EQL, syntax.NEQ:
				keep(n.X)
				keep(n.Y)
			}
		case *syntax.IfStmt:
			keep(n.Cond)
		case *syntax.CallExpr:
			if isNamed(n.Fn, "len", "list", "sorted", "reversed", "enumerate", "zip", "print", "table", "parallel", "any", "all", "min", "max", "tuple", "set", "str", "repr", "bool") {
				for _, arg := range n.Args {
					keep(arg)
				}
			}
			m.asked(n)
		case *syntax.Ident:
			if v := f.vars[firstOf(n)]; v != nil && !kept[n] {
				v.list = false
			} else if first := firstOf(n); first != nil && v == nil && !kept[n] {
				f.vars[first] = &variable{}
			}
		}
		return true
	})
	syntax.Walk(m.file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			m.excuse(call)
		}
		return true
	})
	return f
}

// variable is the variable that an identifier binds.
func (m *module) variable(id *syntax.Ident) *variable {
	first := firstOf(id)
	if first == nil {
		return nil
	}
	v := m.facts.vars[first]
	if v == nil {
		v = &variable{list: true}
		m.facts.vars[first] = v
	}
	return v
}

// assign notes what is assigned to a target.
func (m *module) assign(target syntax.Expr, source func() kind, keep func(syntax.Expr)) {
	part := func(i, n int) func() kind {
		return func() kind { return unpacked(source(), i, n) }
	}
	var elems []syntax.Expr
	switch target := target.(type) {
	case *syntax.ParenExpr:
		m.assign(target.X, source, keep)
	case *syntax.Ident:
		keep(target)
		if v := m.variable(target); v != nil {
			v.sources = append(v.sources, source)
		}
	case *syntax.IndexExpr:
		m.facts.slots[target] = true
	case *syntax.TupleExpr:
		elems = target.List
	case *syntax.ListExpr:
		elems = target.List
	}
	for i, elem := range elems {
		m.assign(elem, part(i, len(elems)), keep)
	}
}

// unpacked is the i-th of n that a value unpacks into.
func unpacked(k kind, i, n int) kind {
	switch {
	case k.sort == tuple && len(k.elems) == n:
		return k.elems[i]
	case k.sort == list:
		return k.elem()
	case k.sort == result && n == 2 && i == 0:
		return k.elem()
	}
	return kind{}
}

// params notes that anything may be given for a parameter.
func (m *module) params(params []syntax.Expr, keep func(syntax.Expr)) {
	for _, param := range params {
		switch p := param.(type) {
		case *syntax.BinaryExpr:
			param = p.X
		case *syntax.UnaryExpr:
			param = p.X
		}
		if param != nil {
			m.assign(param, func() kind { return kind{} }, keep)
		}
	}
}

// loadedKind is what is certain of a name that is loaded. Lists may be changed by whoever else loads them.
func (m *module) loadedKind(load *syntax.LoadStmt, name string) kind {
	from := m.loaded(load)
	if from == nil || from.file == nil {
		return kind{}
	}
	first := from.globals()[name]
	if first == nil {
		return kind{}
	}
	v := from.learn().vars[first]
	if v == nil || v.kind().sort == list {
		return kind{}
	}
	return v.kind()
}

// elemOf is what is certain of each element of an expression's value.
func (m *module) elemOf(expr syntax.Expr) kind {
	if k := m.kindOf(expr); k.sort == list {
		return k.elem()
	}
	return kind{}
}

// kindOf is what is certain of an expression's value. An expression that depends on itself is looked at once.
func (m *module) kindOf(expr syntax.Expr) kind {
	kinds := m.learn().kinds
	k, known := kinds[expr]
	if !known {
		kinds[expr] = kind{}
		k = m.infer(expr)
		kinds[expr] = k
	}
	return k
}

func (m *module) infer(expr syntax.Expr) kind {
	switch x := expr.(type) {
	case *syntax.ParenExpr:
		return m.kindOf(x.X)
	case *syntax.Ident:
		return m.identKind(x)
	case *syntax.CondExpr:
		return join(m.kindOf(x.True), m.kindOf(x.False))
	case *syntax.BinaryExpr:
		if x.Op == syntax.OR || x.Op == syntax.AND {
			return join(m.kindOf(x.X), m.kindOf(x.Y))
		}
	case *syntax.DotExpr:
		k, _, _ := m.attr(m.kindOf(x.X), x.Name.Name, false)
		return k
	case *syntax.CallExpr:
		return m.returns(m.kindOf(x.Fn), x.Args)
	case *syntax.IndexExpr:
		return m.indexed(x)
	case *syntax.TupleExpr:
		k := kind{sort: tuple}
		for _, elem := range x.List {
			k.elems = append(k.elems, m.kindOf(elem))
		}
		return k
	case *syntax.ListExpr:
		k := kind{sort: nothing}
		for _, elem := range x.List {
			k = join(k, m.kindOf(elem))
		}
		return listOf(k)
	case *syntax.Comprehension:
		if !x.Curly {
			return listOf(m.kindOf(x.Body))
		}
	case *syntax.LambdaExpr:
		return kind{sort: function, name: "lambda", fn: &callable{module: m, name: "lambda", node: x, params: x.Params, value: x.Body}}
	}
	return kind{}
}

func (m *module) identKind(id *syntax.Ident) kind {
	if first := firstOf(id); first != nil {
		if v := m.learn().vars[first]; v != nil {
			return v.kind()
		}
		return kind{}
	}
	switch binding, ok := id.Binding.(*resolve.Binding); {
	case !ok:
		return kind{}
	case binding.Scope == resolve.Universal && id.Name == "None":
		return kind{sort: nothing}
	case binding.Scope == resolve.Universal:
		return kind{sort: builtin, name: id.Name}
	case binding.Scope != resolve.Predeclared:
		return kind{}
	}
	switch {
	case id.Name == "incus":
		return kind{sort: client}
	case id.Name == "lock":
		k, _, _ := m.clientAttr("lock")
		return k
	case errorClasses[id.Name] != nil:
		return kind{sort: class, name: id.Name}
	case m.libraries[id.Name] != nil:
		return kind{sort: library, name: id.Name}
	}
	return kind{sort: builtin, name: id.Name}
}

func (m *module) indexed(x *syntax.IndexExpr) kind {
	k := m.kindOf(x.X)
	if k.sort == list {
		return k.elem()
	}
	if index, ok := x.Y.(*syntax.Literal); ok && index.Token == syntax.INT {
		if i, ok := index.Value.(int64); ok {
			switch {
			case k.sort == result && i == 0:
				return k.elem()
			case k.sort == tuple && i >= 0 && int(i) < len(k.elems):
				return k.elems[i]
			}
		}
	}
	return kind{}
}
