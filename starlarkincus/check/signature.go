package check

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus"
	declare "incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A signature is what a function can be called with.
type signature struct {
	caller         caller
	params         []param
	varargs, named bool // it takes any further arguments without a name, and with one
	lenient        bool // which arguments it needs depends on others
}

type param struct {
	name     string
	position bool // may be given without its name
	only     bool // may be given only so
	required bool
	field    *spec.Field // of the incus module's methods
}

// find is the parameter of that name; nil where there is none.
func (s *signature) find(name string) *param {
	for i := range s.params {
		if p := &s.params[i]; p.name == name && !p.only {
			return p
		}
	}
	return nil
}

// positions are the parameters that may be given without their names.
func (s *signature) positions() []string {
	var names []string
	for _, p := range s.params {
		if p.position {
			names = append(names, p.name)
		}
	}
	return names
}

// ofMethod is the signature of one of the incus module's methods.
func (c *checker) ofMethod(decl *spec.Method) *signature {
	if s := c.methods[decl]; s != nil {
		return s
	}
	s := new(signature)
	c.methods[decl] = s
	args := decl.Arguments()
	for i := range args {
		f := &args[i]
		s.params = append(s.params, param{name: f.Script(), position: f.Position, required: f.Required, field: f})
	}
	return s
}

// ofParams is the signature that a def's parameters make.
func ofParams(params []syntax.Expr) *signature {
	s := &signature{caller: byFunction}
	position := true
	for _, p := range params {
		switch p := p.(type) {
		case *syntax.Ident:
			s.params = append(s.params, param{name: p.Name, position: position, required: true})
		case *syntax.BinaryExpr:
			s.params = append(s.params, param{name: p.X.(*syntax.Ident).Name, position: position})
		case *syntax.UnaryExpr:
			position = false
			switch {
			case p.Op == syntax.STARSTAR:
				s.named = true
			case p.X != nil:
				s.varargs = true
			}
		}
	}
	return s
}

// ofBuiltin is the signature of a function of ours; nil where the name isn't one.
func (c *checker) ofBuiltin(name string) *signature {
	s, ok := c.builtins[name]
	if d := c.declared[name]; !ok && d != nil && d.Callable() {
		s = &signature{lenient: d.Loose, caller: byBuiltin}
		position := true
		for _, p := range d.Params {
			switch p.Passing {
			case declare.Rest:
				s.varargs, position = true, false
			case declare.Keywords:
				s.named = true
			default:
				s.params = append(s.params, param{name: p.Name, position: position && p.Passing != declare.ByName, required: p.Required, only: p.Passing == declare.ByPosition})
			}
		}
	}
	c.builtins[name] = s
	return s
}

// check reports what is wrong with a call's arguments. Who is what messages call the function; at is where the call
// stands. Of a call of which only some arguments are known, none is missing.
func (m *module) check(s *signature, who string, args []syntax.Expr, at syntax.Position) {
	positions := s.positions()
	given := make(map[string]bool)
	count, open := 0, false
	for _, arg := range args {
		switch arg := arg.(type) {
		case *syntax.UnaryExpr:
			if arg.Op == syntax.STAR || arg.Op == syntax.STARSTAR {
				open = true
				continue
			}
		case *syntax.BinaryExpr:
			if arg.Op == syntax.EQ {
				m.checkNamed(s, who, arg, given)
				continue
			}
		}
		if count < len(positions) {
			given[positions[count]] = true
			m.checkValue(s.find(positions[count]), who, arg)
		}
		count++
	}
	if count > len(positions) && !s.varargs {
		m.report(at, "", "%s", s.tooMany(who, count, len(args)-count, positions))
		return
	}
	if open || s.lenient {
		return
	}
	var missing []param
	for _, p := range s.params {
		if p.required && !given[p.name] {
			missing = append(missing, p)
		}
	}
	if missing != nil {
		m.report(at, "", "%s", s.lacking(who, missing))
	}
}

// checkNamed checks one name=value.
func (m *module) checkNamed(s *signature, who string, arg *syntax.BinaryExpr, given map[string]bool) {
	id := arg.X.(*syntax.Ident)
	p := s.find(id.Name)
	switch {
	case p != nil && given[id.Name]:
		m.report(id.NamePos, "", "%s", s.twice(who, id.Name))
	case p != nil:
		given[id.Name] = true
		m.checkValue(p, who, arg.Y)
	case !s.named:
		var names []string
		for _, p := range s.params {
			if !p.only {
				names = append(names, p.name)
			}
		}
		slices.Sort(names)
		near := errors.Nearest(id.Name, names)
		m.report(id.NamePos, near, "%s", s.unknown(who, id.Name, near, names))
	}
}

// checkValue checks an argument that is written out, and the keys of a dict that is.
func (m *module) checkValue(p *param, who string, value syntax.Expr) {
	if p == nil || p.field == nil {
		return
	}
	dict, ok := value.(*syntax.DictExpr)
	switch {
	case ok && (p.field.Type == spec.Filter || p.field.Type == spec.Conditions):
		m.checkFilter(p, who, dict)
		return
	case !ok || p.field.Type != spec.Object || p.field.Fields == nil:
		if v := m.valueOf(value); v != nil && v != starlark.None && p.field.Type != spec.Certificate {
			if err := starlarkincus.CheckArgument(p.field, v); err != nil {
				m.report(syntax.Start(value), "", "%s: %v", who, err)
			}
		}
		return
	}
	for _, elem := range dict.List {
		entry := elem.(*syntax.DictEntry)
		literal, ok := entry.Key.(*syntax.Literal)
		if !ok {
			continue
		}
		key, ok := literal.Value.(string)
		if !ok || spec.Find(p.field.Fields, key) != nil || p.field.Fields[0].Name == spec.AnyKey {
			continue
		}
		var names []string
		for i := range p.field.Fields {
			names = append(names, p.field.Fields[i].Script())
		}
		slices.Sort(names)
		near := errors.Nearest(key, names)
		text := fmt.Sprintf("%s: %s: unknown key %s", who, p.name, key)
		if near == "" {
			text += ": there are " + strings.Join(names, ", ")
		}
		m.report(literal.TokenPos, near, "%s", text)
	}
}

// checkFilter checks the fields that a filter's dict names.
func (m *module) checkFilter(p *param, who string, dict *syntax.DictExpr) {
	for _, elem := range dict.List {
		key := elem.(*syntax.DictEntry).Key
		if text, ok := starlark.AsString(m.valueOf(key)); ok {
			if err := starlarkincus.CheckFilterField(p.field, text); err != nil {
				message, near := suggestion(err.Error())
				m.report(syntax.Start(key), near, "%s: %s", who, message)
			}
		}
	}
}

// valueOf is the value of a literal, or of a list or dict of literals; nil of what isn't one.
func (m *module) valueOf(expr syntax.Expr) starlark.Value {
	switch expr.(type) {
	case *syntax.Literal, *syntax.ListExpr, *syntax.DictExpr:
	default:
		return nil
	}
	if !constant(expr) {
		return nil
	}
	options := syntax.FileOptions{Set: true}
	v, err := starlark.EvalOptions(&options, &starlark.Thread{Name: "check"}, m.path, m.between(expr), nil)
	if err != nil {
		return nil
	}
	return v
}

func atMost(positions []string) string {
	if len(positions) == 0 {
		return "only named ones"
	}
	return fmt.Sprintf("at most %d (%s)", len(positions), strings.Join(positions, ", "))
}

// A callable is a function of a script's own.
type callable struct {
	module *module
	name   string
	node   syntax.Node // the def or lambda: the same function is the same node
	params []syntax.Expr
	body   []syntax.Stmt
	value  syntax.Expr // of a lambda
	known  *kind       // what it returns, once that was asked for
}

// returns is what is certain of the values that the function returns.
func (f *callable) returns() kind {
	if f.value != nil {
		return f.module.kindOf(f.value)
	}
	if f.known != nil {
		return *f.known
	}
	f.known = new(kind) // until it is known: of a function that calls itself nothing is
	k := kind{sort: nothing}
	for _, stmt := range f.body {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.DefStmt, *syntax.LambdaExpr:
				return false
			case *syntax.ReturnStmt:
				if n.Result != nil {
					k = join(k, f.module.kindOf(n.Result))
				}
			}
			return true
		})
	}
	f.known = &k
	return k
}
