package check

import (
	"slices"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// A collector records the variables of a file and their uses.
type collector struct {
	*module
	readOnly map[*syntax.Ident]bool // uses that don't change the value
	library  bool                   // isLibrary: other files may use all globals

	sites   map[*syntax.Ident][]callSite // by the function's name
	inCalls map[*syntax.Ident]bool       // uses of functions that sites covers
	lambdas map[*syntax.LambdaExpr]callSite
	named   map[*syntax.LambdaExpr]*syntax.Ident // the variables that lambdas are assigned to
}

func (m *module) newVariable() *variable {
	v := &variable{types: never}
	m.facts.order = append(m.facts.order, v)
	return v
}

// variable returns the variable of an identifier; nil for a predeclared name.
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

// assign records an assignment of a value with the source's types to a target.
func (c *collector) assign(target syntax.Expr, source func() union) {
	elems, _ := elemsOf(unparen(target))
	switch target := unparen(target).(type) {
	case *syntax.Ident:
		c.readOnly[target] = true
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
	}
	for i, elem := range elems {
		c.assign(elem, func() union { return unpacked(source(), i, len(elems)) })
	}
}

// put records the addition of an element to a variable's value.
func (c *collector) put(id *syntax.Ident, key, value func() union) {
	c.readOnly[id] = true
	if v := c.variable(id); v != nil {
		v.puts = append(v.puts, put{key, value})
	}
}

// unpacked returns the types of the i-th of n parts of an unpacked value.
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
				return orNone(t.elem(0).loose())
			}
			return orNone(simple(failure))
		}
		return t.element()
	})
}

// block records the variables of statements.
func (c *collector) block(stmts []syntax.Stmt) {
	for _, stmt := range stmts {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.AssignStmt:
				c.assignment(n)
			case *syntax.ForStmt:
				c.markReadOnly(n.X)
				c.assign(n.Vars, func() union { return c.typeOf(n.X).element() })
			case *syntax.ForClause:
				c.markReadOnly(n.X)
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
				c.recordCall(n)
			case *syntax.IndexExpr:
				c.markReadOnly(n.X)
			case *syntax.SliceExpr:
				c.markReadOnly(n.X)
			case *syntax.DotExpr:
				if !slices.Contains(mutators, n.Name.Name) {
					c.markReadOnly(n.X)
				}
			case *syntax.UnaryExpr:
				if n.Op != syntax.STAR && n.Op != syntax.STARSTAR {
					c.markReadOnly(n.X)
				}
			case *syntax.BinaryExpr:
				if n.Op != syntax.AND && n.Op != syntax.OR && n.Op != syntax.EQ {
					c.markReadOnly(n.X)
					c.markReadOnly(n.Y)
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
						c.markReadOnly(id)
					}
				}
			}
			return true
		})
	}
}

// mutators are the methods that add elements to a list, a set or a dict.
var mutators = []string{"append", "insert", "extend", "add", "update", "setdefault"}

func (c *collector) assignment(n *syntax.AssignStmt) {
	if n.Op == syntax.EQ {
		id, ok := n.LHS.(*syntax.Ident)
		if fn, lambda := unparen(n.RHS).(*syntax.LambdaExpr); ok && lambda {
			c.named[fn] = id
		}
		c.assign(n.LHS, func() union { return c.typeOf(n.RHS) })
		return
	}
	c.markReadOnly(n.RHS)
	c.assign(n.LHS, func() union {
		u, _ := binary(binaryOf(n.Op), c.typeOf(n.LHS), c.typeOf(n.RHS))
		return u
	})
	if id, ok := n.LHS.(*syntax.Ident); ok && n.Op == syntax.PLUS_EQ {
		c.put(id, nil, func() union { return c.typeOf(n.RHS).element() })
	}
}

// binaryOf returns the binary operator of an assignment such as +=.
func binaryOf(op syntax.Token) syntax.Token { return op - syntax.PLUS_EQ + syntax.PLUS }

// markReadOnly records that a use of a variable doesn't change its value.
func (c *collector) markReadOnly(expr syntax.Expr) {
	if id, ok := unparen(expr).(*syntax.Ident); ok {
		c.readOnly[id] = true
	}
}

// condition records that the variables in a condition are only read.
func (c *collector) condition(expr syntax.Expr) {
	c.markReadOnly(expr)
	switch x := unparen(expr).(type) {
	case *syntax.BinaryExpr:
		c.condition(x.X)
		c.condition(x.Y)
	case *syntax.UnaryExpr:
		c.condition(x.X)
	}
}

// define returns a new callable for a def or a lambda, and records its parameters.
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
				c.assign(p.X, func() union { return nil })
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

// recordCall records the effects of a call on its arguments and its receiver.
func (c *collector) recordCall(n *syntax.CallExpr) {
	if dot, ok := n.Fn.(*syntax.DotExpr); ok && slices.Contains(mutators, dot.Name.Name) {
		if id, ok := dot.X.(*syntax.Ident); ok {
			c.puts(id, dot.Name.Name, n.Args)
		}
	}
	for _, arg := range n.Args {
		value, name, spread := argument(arg)
		if name != "" {
			c.facts.argNames[name] = true
		}
		id, ok := value.(*syntax.Ident)
		if !ok || c.readOnly[id] {
			continue
		}
		c.readOnly[id] = true
		if v := c.variable(id); v != nil && !spread {
			v.leaks = append(v.leaks, func() bool { return c.leaks(c.typeOf(n.Fn)) })
		}
	}
	c.recordAttrQuery(n)
	c.recordSites(n)
}

// leaks reports whether a function may retain or change its arguments.
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

// puts records the elements that a call of a mutator adds to a variable's value.
func (c *collector) puts(id *syntax.Ident, name string, args []syntax.Expr) {
	at := func(i int) func() union {
		return func() union {
			if i >= len(args) {
				return noneT
			}
			return c.typeOfArg(args, i)
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

// uses records every use that isn't read-only as a leak.
func (c *collector) uses() {
	syntax.Walk(c.file, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok && !c.readOnly[id] {
			if v := c.facts.vars[firstOf(id)]; v != nil {
				v.leaks = append(v.leaks, func() bool { return true })
			}
		}
		return true
	})
}

// loadedTypes returns the types of a loaded name. They are loose, because other files that load it may change the
// value.
func (m *module) loadedTypes(load *syntax.LoadStmt, name string) union {
	from := m.loaded(load)
	if from == nil || from.file == nil || from.collecting {
		return nil
	}
	first := from.globals()[name]
	if first == nil {
		return nil
	}
	v := from.collectFacts().vars[first]
	if v == nil {
		return nil
	}
	return v.types.loose()
}
