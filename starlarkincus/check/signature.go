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

// A signature describes the parameters of a function.
type signature struct {
	wording        wording
	params         []param
	varargs, named bool // has *args, **kwargs
	lenient        bool // the required arguments depend on others
	changes        bool // of an object, which keeps the fields that aren't given
}

type param struct {
	name     string
	position bool // may be positional
	only     bool // positional only
	required bool
	field    *spec.Field // the declaration, for methods of the incus module
}

// find returns the parameter that can be passed by name; nil if there is none.
func (s *signature) find(name string) *param {
	for i := range s.params {
		if p := &s.params[i]; p.name == name && !p.only {
			return p
		}
	}
	return nil
}

// positions returns the names of the parameters that may be positional.
func (s *signature) positions() []string {
	var names []string
	for _, p := range s.params {
		if p.position {
			names = append(names, p.name)
		}
	}
	return names
}

// methodSignature returns the signature of a method of the incus module.
func (c *checker) methodSignature(decl *spec.Method) *signature {
	if s := c.methods[decl]; s != nil {
		return s
	}
	s := &signature{changes: decl.Verb&(spec.Update|spec.Replace) != 0}
	c.methods[decl] = s
	args := decl.Arguments()
	for i := range args {
		f := &args[i]
		s.params = append(s.params, param{name: f.Script(), position: f.Positional, required: f.Required, field: f})
	}
	return s
}

// paramsSignature returns the signature of a def or lambda.
func paramsSignature(params []syntax.Expr) *signature {
	s := &signature{wording: functionWording}
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

// builtinSignature returns the signature of a function of the host; nil for another name.
func (c *checker) builtinSignature(name string) *signature {
	s, ok := c.builtins[name]
	if d := c.declared[name]; !ok && d != nil && d.Callable() {
		s = &signature{lenient: d.Loose, wording: builtinWording}
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

// checkSignature reports wrong arguments of a call. Who is the function's name in messages, and at the position of the
// call. Missing arguments are not reported if there are spread ones.
func (m *module) checkSignature(s *signature, who string, args []syntax.Expr, at syntax.Position) {
	positions := s.positions()
	given, sure := make(map[string]bool), make(map[string]bool)
	count, open := 0, false
	pass := func(p *param, value syntax.Expr) {
		if p != nil && p.field != nil {
			sure[p.name] = m.surelyGiven(value)
		}
	}
	for _, arg := range args {
		switch value, name, spread := argument(arg); {
		case spread:
			open = true
			m.checkSpread(s, who, value, given)
		case name != "":
			m.checkNamed(s, who, name, syntax.Start(arg), value, given)
			pass(s.find(name), value)
		default:
			if count < len(positions) {
				pass(s.find(positions[count]), value)
				given[positions[count]] = !m.absent(s, value)
				m.checkValue(s.find(positions[count]), who, value)
			}
			count++
		}
	}
	if count > len(positions) && !s.varargs {
		m.report(at, "", "%s%s", s.tooMany(who, count, len(args)-count, positions), m.unnamedHint(s, who, args))
		return
	}
	for _, p := range s.params {
		for _, other := range p.excludes() {
			if sure[p.name] && sure[other] {
				m.report(at, "", "%s: %s= and %s= exclude each other", who, p.name, other)
				return
			}
		}
	}
	if open || s.lenient {
		return
	}
	m.checkBeside(s, who, args)
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

// absent reports whether an argument counts as not given, as None does for methods of the incus module.
func (m *module) absent(s *signature, value syntax.Expr) bool {
	return s.wording == methodWording && m.typeOf(value).is(none)
}

// excludes returns the names of the parameters that can't be given with this one.
func (p *param) excludes() []string {
	if p.field == nil {
		return nil
	}
	return p.field.Excludes
}

// surelyGiven reports whether the value of an argument is certain to be neither None nor False.
func (m *module) surelyGiven(value syntax.Expr) bool {
	u := m.typeOf(value)
	return len(u) > 0 && !u.has(none) && !slices.ContainsFunc(u, func(t typ) bool { return t.class == boolean && t.value != starlark.True })
}

// checkSpread checks the arguments in **{…}.
func (m *module) checkSpread(s *signature, who string, value syntax.Expr, given map[string]bool) {
	dict, ok := value.(*syntax.DictExpr)
	if !ok {
		return
	}
	for _, elem := range dict.List {
		entry := elem.(*syntax.DictEntry)
		if key, ok := entry.Key.(*syntax.Literal); ok {
			if name, ok := key.Value.(string); ok {
				m.checkNamed(s, who, name, key.TokenPos, entry.Value, given)
			}
		}
	}
}

// checkNamed checks one argument name=value.
func (m *module) checkNamed(s *signature, who, name string, pos syntax.Position, value syntax.Expr, given map[string]bool) {
	p := s.find(name)
	switch {
	case p != nil && given[name]:
		m.report(pos, "", "%s", s.twice(who, name))
	case p != nil:
		given[name] = !m.absent(s, value)
		m.checkValue(p, who, value)
	case !s.named:
		var names []string
		for _, p := range s.params {
			if !p.only {
				names = append(names, p.name)
			}
		}
		slices.Sort(names)
		if hint := starlarkincus.ConditionHint(s.fields(), name); hint != "" {
			m.report(pos, "", "%s: unknown argument %s%s", who, name, hint)
			return
		}
		near := errors.Nearest(name, names)
		m.report(pos, near, "%s", s.unknown(who, name, near, names))
	}
}

// checkValue checks an argument against the declaration of its parameter.
func (m *module) checkValue(p *param, who string, value syntax.Expr) {
	if p == nil || p.field == nil {
		return
	}
	dict, ok := value.(*syntax.DictExpr)
	switch {
	case ok && (p.field.Type == spec.Filter || p.field.Type == spec.Conditions):
		m.checkFilter(p, who, dict)
		return
	case ok && p.field.Type == spec.Object && p.field.Fields != nil:
		before := len(m.wrong)
		if m.checkKeys(p, who, dict); len(m.wrong) > before {
			return
		}
	}
	if message := m.badArgument(p, value); message != "" {
		message, near := suggestion(message)
		m.report(syntax.Start(value), near, "%s: %s", who, message)
	}
}

// badArgument returns a method's message for a wrong argument; empty if it may be right.
func (m *module) badArgument(p *param, value syntax.Expr) string {
	f := p.field
	try := func(v starlark.Value) string {
		if err := starlarkincus.CheckArgument(f, v); err != nil {
			return err.Error()
		}
		return ""
	}
	u := m.typeOf(value)
	if v := m.shown(value); v != nil && len(u) == 1 {
		if f.Type == spec.Certificate && u[0].class == text {
			return "" // it may be read from a file
		}
		return try(v)
	}
	if p.required {
		u = u.without(none) // reported as missing
	}
	return failing(u, func(t typ) string {
		chosen := f.Others != spec.Accepted || f.Absolute
		if t.class == none || t.class == text && (f.Type == spec.Filter || f.Type == spec.Certificate || f.Type == spec.FileMode || (chosen || f.Type == spec.Time) && t.value == nil) {
			return ""
		}
		return try(t.exact())
	}).text
}

// shown returns the value of a literal, and of a list or dict literal with its known parts; nil for another expression.
func (m *module) shown(expr syntax.Expr) starlark.Value {
	switch x := expr.(type) {
	case *syntax.Literal:
		if t, ok := m.typeOf(x).one(); ok && (t.value != nil || x.Token != syntax.STRING) {
			return t.exact()
		}
	case *syntax.UnaryExpr:
		return m.literal(x)
	case *syntax.ParenExpr:
		return m.shown(x.X)
	case *syntax.ListExpr:
		out := new(starlark.List)
		for _, elem := range x.List {
			v := m.part(elem)
			if v == nil {
				return out // messages number the elements
			}
			_ = out.Append(v)
		}
		return out
	case *syntax.DictExpr:
		out := new(starlark.Dict)
		for _, elem := range x.List {
			entry := elem.(*syntax.DictEntry)
			if key, v := m.part(entry.Key), m.part(entry.Value); key != nil && v != nil {
				_ = out.SetKey(key, v) // checkDict reports unhashable keys
			}
		}
		return out
	}
	return nil
}

// part returns the value of a part of a literal, or a sample of its type; nil if that is unknown.
func (m *module) part(expr syntax.Expr) starlark.Value {
	if v := m.shown(expr); v != nil {
		return v
	}
	if t, ok := m.typeOf(expr).one(); ok {
		return t.exact()
	}
	return nil
}

// checkKeys checks the keys of a dict literal against the fields of the parameter.
func (m *module) checkKeys(p *param, who string, dict *syntax.DictExpr) {
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

// checkFilter checks the conditions of a filter given as a dict literal, as far as they are known.
func (m *module) checkFilter(p *param, who string, dict *syntax.DictExpr) {
	for _, elem := range dict.List {
		entry := elem.(*syntax.DictEntry)
		text, ok := starlark.AsString(m.literal(entry.Key))
		if !ok {
			continue
		}
		at, err := entry.Key, starlarkincus.CheckFilterField(p.field, text)
		if v := m.part(entry.Value); err == nil && v != nil {
			condition := starlark.NewDict(1)
			_ = condition.SetKey(starlark.String(text), v) // a string is hashable
			at, err = entry.Value, starlarkincus.CheckArgument(p.field, condition)
		}
		if err != nil {
			message, near := suggestion(err.Error())
			m.report(syntax.Start(at), near, "%s: %s", who, message)
		}
	}
}

// literal returns the known value of an expression; nil if it has none.
func (m *module) literal(expr syntax.Expr) starlark.Value {
	if t, ok := m.typeOf(expr).one(); ok && t.value != nil {
		return t.value
	}
	return nil
}

func atMost(positions []string) string {
	if len(positions) == 0 {
		return "only named ones"
	}
	return fmt.Sprintf("at most %d (%s)", len(positions), strings.Join(positions, ", "))
}
