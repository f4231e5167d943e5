package check

import (
	"slices"

	"go.starlark.net/syntax"
)

// A callSite returns the types of the argument that one call of a function passes for a parameter: nil if they are
// unknown, never if the call doesn't pass it.
type callSite func(i int, name string) union

// argument returns the types of a parameter, joined over all calls of the function. They are unknown for an open one,
// which may have other calls.
func (f *callable) argument(i int, name string, fallback syntax.Expr) union {
	if f.open {
		return nil
	}
	u := never
	for _, s := range f.sites {
		given := s(i, name)
		if given != nil && len(given) == 0 && fallback != nil {
			given = f.module.typeOf(fallback)
		}
		if u = join(u, given.loose()); u == nil {
			return nil
		}
	}
	return u
}

// direct returns the site of a call with these arguments, without those named in own.
func (c *collector) direct(args []syntax.Expr, own []string) callSite {
	return func(i int, name string) union {
		count := 0
		for _, arg := range args {
			value, named, spread := argument(arg)
			switch {
			case spread:
				return nil
			case named != "" && slices.Contains(own, named):
			case named == name && named != "":
				return c.typeOf(value)
			case named == "":
				if count == i {
					return c.typeOf(value)
				}
				count++
			}
		}
		return never
	}
}

// elementsOf returns the site of a function that is called with each element of one value, or with each of several.
func (c *collector) elementsOf(values ...syntax.Expr) callSite {
	return func(i int, _ string) union {
		switch {
		case i > 0:
			return never
		case len(values) == 1:
			return c.typeOf(values[0]).element()
		}
		u := never
		for _, v := range values {
			u = join(u, c.typeOf(v))
		}
		return u
	}
}

// recordSites records the calls of the script's functions, by the script itself or by a builtin such as sorted.
func (c *collector) recordSites(n *syntax.CallExpr) {
	c.addSite(n.Fn, c.direct(n.Args, nil))
	c.recordColumns(n)
	if isNamed(n.Fn, "sorted", "min", "max") {
		var values []syntax.Expr
		for _, arg := range n.Args {
			if value, name, spread := argument(arg); name == "" && !spread {
				values = append(values, value)
			}
		}
		for _, arg := range n.Args {
			if value, name, _ := argument(arg); name == "key" && len(values) > 0 {
				c.addSite(value, c.elementsOf(values...))
			}
		}
		return
	}
	if dot, ok := n.Fn.(*syntax.DotExpr); ok {
		c.recordFleet(dot, n.Args)
	}
	_, f, ok := forwardingOf(n.Fn)
	if !ok {
		return
	}
	for _, i := range []int{f.fn, f.also} {
		if i >= len(n.Args) || i == 0 && f.fn != 0 {
			continue
		}
		value, name, spread := argument(n.Args[i])
		switch {
		case name != "" || spread:
		case f.given < 0:
			c.addSite(value, c.direct(n.Args[i+1:], f.own))
		case f.given == 0:
			c.addSite(value, c.direct(nil, nil))
		case len(n.Args) > 1:
			if items, name, spread := argument(n.Args[1]); name == "" && !spread {
				c.addSite(value, c.elementsOf(items))
			}
		}
	}
}

// callsForEach reports whether an attribute has the name of a fleet's method that calls a function for each server.
func callsForEach(method *syntax.DotExpr) bool {
	return method.Name.Name == "map" || method.Name.Name == "rollout"
}

// recordFleet records the calls of the functions in a call of a fleet's method.
func (c *collector) recordFleet(method *syntax.DotExpr, args []syntax.Expr) {
	if !callsForEach(method) {
		return
	}
	gets := func(given union) callSite {
		return func(i int, _ string) union {
			u := c.typeOf(method.X)
			switch {
			case i > 0, u != nil && len(u) == 0: // the fleet's type isn't known yet
				return never
			case u.is(fleet):
				return given
			}
			return nil
		}
	}
	fn, check := fleetFunctions(args)
	if fn != nil {
		c.addSite(fn, gets(simple(client)))
	}
	if check != nil {
		c.addSite(check, gets(listOf(resultOf(nil))))
	}
}

// fleetFunctions returns the arguments of a fleet's method that it calls; nil for one that isn't given.
func fleetFunctions(args []syntax.Expr) (fn, check syntax.Expr) {
	for i, arg := range args {
		value, name, spread := argument(arg)
		switch {
		case spread:
			return fn, check
		case name == "fn" || name == "" && i == 0:
			fn = value
		case name == "check" || name == "" && i == 2:
			check = value
		}
	}
	return fn, check
}

// addSite adds a call site of a function that is given by its name or as a lambda.
func (c *collector) addSite(fn syntax.Expr, s callSite) {
	switch fn := fn.(type) {
	case *syntax.Ident:
		if first := firstOf(fn); first != nil {
			c.sites[first] = append(c.sites[first], s)
			c.inCalls[fn] = true
		}
	case *syntax.LambdaExpr:
		c.lambdas[fn] = s
	}
}

// connect sets the call sites of all functions, and whether there may be others.
func (c *collector) connect() {
	open := make(map[*syntax.Ident]bool)
	syntax.Walk(c.file, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok && !c.inCalls[id] {
			if first := firstOf(id); first != nil && first != id {
				open[first] = true
			}
		}
		return true
	})
	name := func(fn *callable, id *syntax.Ident) {
		first := firstOf(id)
		v := c.facts.vars[first]
		fn.open = c.library || first != id || open[first] || v == nil || len(v.sources) != 1
		fn.sites = c.sites[first]
	}
	for node, fn := range c.facts.callables {
		switch n := node.(type) {
		case *syntax.DefStmt:
			name(fn, n.Name)
		case *syntax.LambdaExpr:
			if id := c.named[n]; id != nil {
				name(fn, id)
				continue
			}
			s := c.lambdas[n]
			fn.open = s == nil
			fn.sites = []callSite{s}
		}
	}
}
