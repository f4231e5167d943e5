package check

import (
	"slices"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// A collector finds the variables of a file, and their uses.
type collector struct {
	*module
	kept    map[*syntax.Ident]bool // uses that change nothing
	library bool                   // the file's names are for others to load

	sites   map[*syntax.Ident][]site // by the functions' names
	inCalls map[*syntax.Ident]bool   // uses of names that are such a place
	lambdas map[*syntax.LambdaExpr]site
}

func (m *module) newVariable() *variable {
	v := &variable{types: never}
	m.facts.order = append(m.facts.order, v)
	return v
}

// variable is the variable that an identifier binds.
func (m *module) variable(id *syntax.Ident) *variable {
	first := firstOf(id)
	if first == nil {
		return nil
	}
	v := m.facts.vars[first]
	if v == nil {
		v = m.newVariable()
		m.facts.vars[first] = v
	}
	return v
}

func unknown() union { return nil }

// assign notes what is assigned to a target.
func (c *collector) assign(target syntax.Expr, source func() union) {
	var elems []syntax.Expr
	switch target := target.(type) {
	case *syntax.ParenExpr:
		c.assign(target.X, source)
	case *syntax.Ident:
		c.kept[target] = true
		if v := c.variable(target); v != nil {
			v.sources = append(v.sources, source)
			if binding, ok := target.Binding.(*resolve.Binding); ok && binding.Scope == resolve.Global && c.library {
				v.leaks = append(v.leaks, func() bool { return true })
			}
		}
	case *syntax.IndexExpr:
		if id, ok := target.X.(*syntax.Ident); ok {
			c.put(id, func() union { return c.typeOf(target.Y) }, source)
		}
	case *syntax.TupleExpr:
		elems = target.List
	case *syntax.ListExpr:
		elems = target.List
	}
	for i, elem := range elems {
		c.assign(elem, func() union { return unpacked(source(), i, len(elems)) })
	}
}

// put notes what is put into a variable's value.
func (c *collector) put(id *syntax.Ident, key, value func() union) {
	c.kept[id] = true
	if v := c.variable(id); v != nil {
		v.puts = append(v.puts, put{key, value})
	}
}

// unpacked is the i-th of n that a value unpacks into.
func unpacked(u union, i, n int) union {
	return u.each(func(t typ) union {
		switch {
		case t.class == tuple && !t.open:
			if len(t.elems) == n {
				return t.elems[i].loose()
			}
			return never
		case t.class == result:
			switch {
			case n != 2:
				return never
			case i == 0:
				return orNone(t.elem(0))
			}
			return orNone(of(failure))
		}
		return t.element()
	})
}

// block collects the variables of statements.
func (c *collector) block(stmts []syntax.Stmt) {
	for _, stmt := range stmts {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.AssignStmt:
				c.assignment(n)
			case *syntax.ForStmt:
				c.keep(n.X)
				c.assign(n.Vars, func() union { return c.typeOf(n.X).element() })
			case *syntax.ForClause:
				c.keep(n.X)
				c.assign(n.Vars, func() union { return c.typeOf(n.X).element() })
			case *syntax.DefStmt:
				fn := c.define(n, n.Name.Name, n.Params)
				fn.body = n.Body
				c.assign(n.Name, func() union { return only(typ{class: function, name: n.Name.Name, fn: fn}) })
				fn.result.sources = append(fn.result.sources, fn.returns)
			case *syntax.LambdaExpr:
				fn := c.define(n, "lambda", n.Params)
				fn.value = n.Body
				fn.result.sources = append(fn.result.sources, fn.returns)
			case *syntax.LoadStmt:
				for i := range n.To {
					from := n.From[i].Name
					c.assign(n.To[i], func() union { return c.loadedTypes(n, from) })
				}
			case *syntax.CallExpr:
				c.call(n)
			case *syntax.IndexExpr:
				c.keep(n.X)
			case *syntax.SliceExpr:
				c.keep(n.X)
			case *syntax.DotExpr:
				if !slices.Contains(mutators, n.Name.Name) {
					c.keep(n.X)
				}
			case *syntax.UnaryExpr:
				if n.Op != syntax.STAR && n.Op != syntax.STARSTAR {
					c.keep(n.X)
				}
			case *syntax.BinaryExpr:
				if n.Op != syntax.AND && n.Op != syntax.OR && n.Op != syntax.EQ {
					c.keep(n.X)
					c.keep(n.Y)
				}
			case *syntax.IfStmt:
				c.condition(n.Cond)
			case *syntax.WhileStmt:
				c.condition(n.Cond)
			case *syntax.CondExpr:
				c.condition(n.Cond)
			case *syntax.IfClause:
				c.condition(n.Cond)
			case *syntax.ReturnStmt:
				if id, ok := n.Result.(*syntax.Ident); ok {
					if binding, ok := id.Binding.(*resolve.Binding); ok && binding.Scope == resolve.Local {
						c.keep(id)
					}
				}
			}
			return true
		})
	}
}

// mutators are the methods that put something into a list, a set or a dict.
var mutators = []string{"append", "insert", "extend", "add", "update", "setdefault"}

func (c *collector) assignment(n *syntax.AssignStmt) {
	if n.Op == syntax.EQ {
		c.assign(n.LHS, func() union { return c.typeOf(n.RHS) })
		return
	}
	c.keep(n.RHS)
	result := func() union { return c.operate(binaryOf(n.Op), c.typeOf(n.LHS), c.typeOf(n.RHS)) }
	c.assign(n.LHS, result)
	if id, ok := n.LHS.(*syntax.Ident); ok && n.Op == syntax.PLUS_EQ {
		c.put(id, nil, func() union { return c.typeOf(n.RHS).element() })
	}
}

// binaryOf is the operator of an assignment such as +=.
func binaryOf(op syntax.Token) syntax.Token { return op - syntax.PLUS_EQ + syntax.PLUS }

// keep notes that a use of a variable changes nothing.
func (c *collector) keep(expr syntax.Expr) {
	switch x := expr.(type) {
	case *syntax.Ident:
		c.kept[x] = true
	case *syntax.ParenExpr:
		c.keep(x.X)
	}
}

// condition notes that a value is only looked at.
func (c *collector) condition(expr syntax.Expr) {
	c.keep(expr)
	switch x := expr.(type) {
	case *syntax.BinaryExpr:
		c.condition(x.X)
		c.condition(x.Y)
	case *syntax.UnaryExpr:
		c.condition(x.X)
	case *syntax.ParenExpr:
		c.condition(x.X)
	}
}

// define makes the callable of a def or a lambda.
func (c *collector) define(n syntax.Node, name string, params []syntax.Expr) *callable {
	fn := &callable{module: c.module, name: name, node: n, params: params, result: c.newVariable()}
	c.facts.callables[n] = fn
	for i, param := range params {
		var fallback syntax.Expr
		switch p := param.(type) {
		case *syntax.BinaryExpr:
			param, fallback = p.X, p.Y
		case *syntax.UnaryExpr:
			if p.X != nil {
				c.assign(p.X, unknown)
			}
			continue
		}
		if id, ok := param.(*syntax.Ident); ok {
			c.assign(id, func() union { return fn.argument(i, id.Name, fallback) })
			if v := c.variable(id); v != nil {
				v.param = true
			}
		}
	}
	return fn
}

func (m *module) callable(n syntax.Node) *callable { return m.facts.callables[n] }

// call notes what a call does to its arguments, and to what its method belongs to.
func (c *collector) call(n *syntax.CallExpr) {
	if dot, ok := n.Fn.(*syntax.DotExpr); ok && slices.Contains(mutators, dot.Name.Name) {
		if id, ok := dot.X.(*syntax.Ident); ok {
			c.puts(id, dot.Name.Name, n.Args)
		}
	}
	for _, arg := range n.Args {
		value, name, spread := argument(arg)
		if name != "" {
			c.facts.given[name] = true
		}
		id, ok := value.(*syntax.Ident)
		if !ok || c.kept[id] {
			continue
		}
		if spread {
			c.kept[id] = true
			continue
		}
		c.kept[id] = true
		if v := c.variable(id); v != nil {
			v.leaks = append(v.leaks, func() bool { return c.leaks(c.typeOf(n.Fn)) })
		}
	}
	c.asked(n)
	c.called(n)
}

// leaks reports whether a function may keep or change what it is given.
func (m *module) leaks(fn union) bool {
	return fn == nil || slices.ContainsFunc(fn, func(t typ) bool {
		switch t.class {
		case method:
			return false
		case builtin:
			_, calls := forwarding[t.name]
			return t.name == "struct" || t.name == "getattr" || calls && t.name != "parallel" || errorClasses[t.name] != nil
		case bound:
			return slices.Contains([]string{"list.append", "list.insert", "set.add", "dict.setdefault", "dict.get", "dict.pop"}, t.name)
		case none, text, integer, boolean:
			return false
		}
		return true
	})
}

// puts notes what a call of a method such as append puts into a variable's value.
func (c *collector) puts(id *syntax.Ident, name string, args []syntax.Expr) {
	at := func(i int) func() union {
		return func() union {
			if i >= len(args) {
				return noneT
			}
			value, named, spread := argument(args[i])
			if named != "" || spread {
				return nil
			}
			return c.typeOf(value)
		}
	}
	switch name {
	case "append", "add":
		c.put(id, nil, at(0))
	case "insert":
		c.put(id, nil, at(1))
	case "extend":
		c.put(id, nil, func() union { return at(0)().element() })
	case "setdefault":
		c.put(id, at(0), at(1))
	case "update":
		pairs := func(i int) func() union {
			return func() union {
				if len(args) != 1 {
					return nil
				}
				if t, ok := at(0)().one(); ok && t.class == dict {
					return t.elem(i)
				}
				return nil
			}
		}
		c.put(id, pairs(0), pairs(1))
	}
}

// uses finds the uses that may change a variable's value elsewhere.
func (c *collector) uses() {
	syntax.Walk(c.file, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok && !c.kept[id] {
			if v := c.facts.vars[firstOf(id)]; v != nil {
				v.leaks = append(v.leaks, func() bool { return true })
			}
		}
		return true
	})
}

// loadedTypes is what is certain of a name that is loaded. What lists and dicts hold may be changed by whoever else
// loads them.
func (m *module) loadedTypes(load *syntax.LoadStmt, name string) union {
	from := m.loaded(load)
	if from == nil || from.file == nil || from.learning {
		return nil
	}
	first := from.globals()[name]
	if first == nil {
		return nil
	}
	v := from.learn().vars[first]
	if v == nil {
		return nil
	}
	return v.types.loose()
}
