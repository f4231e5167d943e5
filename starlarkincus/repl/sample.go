package repl

import (
	"maps"
	"strings"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/nesting"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A sampler returns values like those of expressions, for completion. It calls no function and sends nothing: the result
// of a call is a sample by its declaration.
type sampler struct {
	get    func(name string) starlark.Value // nil for an unknown name
	tokens *tokens                          // the entry, with the text after the cursor
	bound  map[string]starlark.Value        // variables of comprehensions
	steps  int
}

// maxSamples limits the work for one value.
const maxSamples = 2000

// range_ returns the value of the expression of the tokens from start up to end; nil if it is unknown.
func (s *sampler) range_(start, end int) starlark.Value {
	source := strings.TrimSpace(s.tokens.source(start, end))
	if source == "" || len(source) > 8<<10 {
		return nil
	}
	if _, err := nesting.Check(source); err != nil {
		return nil
	}
	expr, err := new(syntax.FileOptions).ParseExpr("", source, 0)
	if err != nil {
		return nil
	}
	return s.value(expr, start)
}

// value returns the value of an expression in the token at; nil if it is unknown.
func (s *sampler) value(expr syntax.Expr, at int) starlark.Value {
	if s.steps++; s.steps > maxSamples {
		return nil
	}
	switch x := expr.(type) {
	case *syntax.ParenExpr:
		return s.value(x.X, at)
	case *syntax.Ident:
		return s.variable(x.Name, at)
	case *syntax.Literal:
		switch v := x.Value.(type) {
		case string:
			return starlark.String(v)
		case int64:
			return starlark.MakeInt64(v)
		case float64:
			return starlark.Float(v)
		}
	case *syntax.DotExpr:
		return s.attr(s.value(x.X, at), x.Name.Name)
	case *syntax.CallExpr:
		return s.call(x, at)
	case *syntax.IndexExpr:
		return s.index(s.value(x.X, at), s.value(x.Y, at))
	case *syntax.SliceExpr:
		return s.value(x.X, at)
	case *syntax.ListExpr:
		var elems []starlark.Value
		for _, elem := range x.List {
			if v := s.value(elem, at); v != nil {
				elems = append(elems, v)
				break
			}
		}
		return starlark.NewList(elems)
	case *syntax.TupleExpr:
		out := make(starlark.Tuple, len(x.List))
		for i, elem := range x.List {
			if out[i] = s.value(elem, at); out[i] == nil {
				out[i] = starlark.None
			}
		}
		return out
	case *syntax.DictExpr:
		d := new(starlark.Dict)
		for _, e := range x.List {
			entry := e.(*syntax.DictEntry)
			if key, ok := s.value(entry.Key, at).(starlark.String); ok {
				v := s.value(entry.Value, at)
				if v == nil {
					v = starlark.None
				}
				_ = d.SetKey(key, v)
			}
		}
		return d
	case *syntax.CondExpr:
		if v := s.value(x.True, at); v != nil && v != starlark.None {
			return v
		}
		return s.value(x.False, at)
	case *syntax.BinaryExpr:
		switch v := s.value(x.X, at); {
		case x.Op == syntax.OR && (v == nil || v == starlark.None):
			return s.value(x.Y, at)
		case x.Op == syntax.AND:
			return s.value(x.Y, at)
		case x.Op == syntax.OR, x.Op == syntax.PLUS, x.Op == syntax.PERCENT:
			return v
		}
	case *syntax.Comprehension:
		return s.comprehension(x, at)
	}
	return nil
}

func (s *sampler) comprehension(x *syntax.Comprehension, at int) starlark.Value {
	defer s.bind(x.Clauses, at)()
	if _, ok := x.Body.(*syntax.DictEntry); ok {
		return new(starlark.Dict)
	}
	if v := s.value(x.Body, at); v != nil {
		return starlark.NewList([]starlark.Value{v})
	}
	return starlark.NewList(nil)
}

// bind gives the variables of a comprehension's clauses values, and returns a function that takes them back.
func (s *sampler) bind(clauses []syntax.Node, at int) (restore func()) {
	outer := s.bound
	s.bound = maps.Clone(outer)
	if s.bound == nil {
		s.bound = make(map[string]starlark.Value)
	}
	for _, clause := range clauses {
		if loop, ok := clause.(*syntax.ForClause); ok {
			s.assign(loop.Vars, element(s.value(loop.X, at)))
		}
	}
	return func() { s.bound = outer }
}

// assign gives the variables of a loop the parts of a value.
func (s *sampler) assign(vars syntax.Expr, v starlark.Value) {
	switch vars := vars.(type) {
	case *syntax.Ident:
		s.bound[vars.Name] = v
	case *syntax.ParenExpr:
		s.assign(vars.X, v)
	case *syntax.TupleExpr:
		for i, each := range vars.List {
			s.assign(each, s.index(v, starlark.MakeInt(i)))
		}
	}
}

// variable returns the value of a name: that of a loop or an assignment in the entry before the token at, else the
// session's.
func (s *sampler) variable(name string, at int) starlark.Value {
	if v, ok := s.bound[name]; ok {
		return v
	}
	ts := s.tokens
	for i := min(at, len(ts.list)) - 1; i >= 0; i-- {
		if ts.word(i) != name {
			continue
		}
		starts := i == 0 || ts.list[i-1].kind == newlineToken || ts.is(i-1, ";") || ts.is(i-1, ":") && ts.enclosing(i) < 0
		if starts && ts.is(i+1, "=") {
			return s.range_(i+2, ts.expressionEnd(i+2))
		}
		if v, ok := s.loop(i); ok {
			return v
		}
	}
	if open := ts.enclosing(min(at, len(ts.list))); open >= 0 { // a comprehension, whose variable follows
		for i := at; i < len(ts.list); i++ {
			if ts.list[i].kind == closeToken && ts.list[i].match < at {
				break
			}
			if ts.word(i) == name {
				if v, ok := s.loop(i); ok {
					return v
				}
			}
		}
	}
	return s.get(name)
}

// loop returns the value of the loop variable at i, if that is one.
func (s *sampler) loop(i int) (v starlark.Value, ok bool) {
	ts := s.tokens
	place := 0
	first := i
	for ts.is(first-1, ",") && ts.name(first-2) != "" {
		first, place = first-2, place+1
	}
	if ts.word(first-1) != "for" {
		return nil, false
	}
	several := place > 0
	for i++; ts.is(i, ",") && ts.name(i+1) != ""; i += 2 {
		several = true
	}
	if ts.word(i) != "in" {
		return nil, false
	}
	elem := element(s.range_(i+1, ts.expressionEnd(i+1)))
	if several {
		elem = s.index(elem, starlark.MakeInt(place))
	}
	return elem, true
}

// element returns an element of what a loop goes over; nil if it is unknown.
func element(v starlark.Value) starlark.Value {
	switch v := v.(type) {
	case *starlarkincus.Collection:
		return v.SampleElement()
	case *starlark.Dict:
		if keys := v.Keys(); len(keys) > 0 {
			return keys[0]
		}
		return starlark.String("")
	case starlark.String, starlark.Bytes:
		return nil
	case starlark.Indexable:
		if v.Len() > 0 {
			return v.Index(0)
		}
	}
	return nil
}

// attr returns an attribute of a value. A field that a sample doesn't have is a sample by its declaration.
func (s *sampler) attr(v starlark.Value, name string) starlark.Value {
	attrs, ok := v.(starlark.HasAttrs)
	if !ok {
		return nil
	}
	got, err := attrs.Attr(name)
	if err != nil {
		return nil
	}
	if d, ok := v.(*starlark.Dict); ok && got == nil { // its keys are attributes
		for _, key := range []string{name, strings.ReplaceAll(name, "_", "-")} {
			if got, found, _ := d.Get(starlark.String(key)); found {
				return got
			}
		}
	}
	if o, ok := v.(*starlarkincus.Object); ok && (got == starlark.None || got == nil) {
		if f := spec.Find(o.Resource().Fields, name); f != nil {
			return starlarkincus.SampleField(f)
		}
	}
	return got
}

// index returns an element of a value.
func (s *sampler) index(v, key starlark.Value) starlark.Value {
	switch v := v.(type) {
	case *starlarkincus.Collection:
		if name, ok := key.(starlark.String); ok {
			return v.SampleItem(string(name))
		}
		return v.SampleElement()
	case *starlarkincus.Object:
		if name, ok := key.(starlark.String); ok {
			return s.attr(v, string(name))
		}
	case starlark.Mapping:
		if key == nil {
			return nil
		}
		if got, found, err := v.Get(key); found && err == nil {
			return got
		}
	case starlark.String:
		return v
	case starlark.Indexable:
		if n, ok := key.(starlark.Int); ok {
			if i, err := starlark.AsInt32(n); err == nil && i >= 0 && i < v.Len() {
				return v.Index(i)
			}
		}
		return element(v)
	}
	return nil
}

// call returns a sample of a call's result.
func (s *sampler) call(x *syntax.CallExpr, at int) starlark.Value {
	fn := s.value(x.Fn, at)
	switch fn := fn.(type) {
	case *starlarkincus.Method:
		return fn.Sample(s.given(fn.Declaration(), x.Args, at))
	case *starlarkincus.Collection:
		if get, ok := s.attr(fn, "get").(*starlarkincus.Method); ok && fn.Resource().Lists == spec.Single {
			return get.Sample(func(string) starlark.Value { return nil })
		}
	case *starlark.Builtin:
		d := declared(fn)
		if d == nil {
			return nil
		}
		switch fn.Name() { // which return their argument's elements
		case "list", "sorted", "reversed":
			if len(x.Args) > 0 {
				if v := element(s.value(x.Args[0], at)); v != nil {
					return starlark.NewList([]starlark.Value{v})
				}
			}
		}
		return sampleOf(d.Returns)
	}
	return nil
}

// given returns a function that returns the value of a call's argument.
func (s *sampler) given(m *spec.Method, args []syntax.Expr, at int) func(name string) starlark.Value {
	return func(name string) starlark.Value {
		place := 0
		positional := positional(m.Arguments())
		for _, arg := range args {
			given := ""
			if pair, ok := arg.(*syntax.BinaryExpr); ok && pair.Op == syntax.EQ {
				if id, ok := pair.X.(*syntax.Ident); ok {
					given, arg = id.Name, pair.Y
				}
			} else if place < len(positional) {
				given, place = positional[place].Script(), place+1
			}
			if given == name {
				return s.value(arg, at)
			}
		}
		return nil
	}
}

// positional returns the fields that are accepted by position.
func positional(fields []spec.Field) []spec.Field {
	var out []spec.Field
	for _, f := range fields {
		if f.Positional {
			out = append(out, f)
		}
	}
	return out
}

// declared returns the declaration of a builtin; nil if there is none.
func declared(fn *starlark.Builtin) *builtin.Decl {
	if recv := fn.Receiver(); recv != nil && !strings.Contains(fn.Name(), ".") {
		return builtin.Native(recv.Type() + "." + fn.Name())
	}
	if d := host.Declared(fn.Name()); d != nil {
		return d
	}
	return builtin.Native(fn.Name())
}

// sampleOf returns a value of the type; nil if there may be several.
func sampleOf(t builtin.Type) starlark.Value {
	switch t.Plain() &^ builtin.None {
	case builtin.String:
		return starlark.String("")
	case builtin.Bytes:
		return starlark.Bytes("")
	case builtin.Int:
		return starlark.MakeInt(0)
	case builtin.Float:
		return starlark.Float(0)
	case builtin.Bool:
		return starlark.False
	case builtin.Dict:
		return new(starlark.Dict)
	case builtin.Set:
		return new(starlark.Set)
	case builtin.List, builtin.Tuple:
		var elems []starlark.Value
		if v := sampleOf(t.Elem()); v != nil {
			elems = []starlark.Value{v}
		}
		return starlark.NewList(elems)
	}
	return nil
}
