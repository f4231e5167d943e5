package check

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"incus-star/errors"
	declare "incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// checkDeclared checks a call of a function against its declaration. A mismatch is tried with sample values, and
// reported with the message of that trial, so that check and a run use the same words.
func (m *module) checkDeclared(name string, recv typ, args []syntax.Expr, at syntax.Position) {
	d := m.declaration(name)
	if recv.class == errorClass {
		d = makesError
	}
	if d == nil {
		return
	}
	mixed := mismatched[name] != nil && mismatched[name](m.invocation(recv, args))
	mixed = mixed || recv.frozen && slices.Contains(changers, name)
	b := &binder{module: m, decl: d, wrong: mixed, given: make(map[string]bool), exact: mixed, at: at}
	var rows, columns syntax.Expr // of a table
	var others []*trial           // for the other types of the argument that doesn't fit
	trial, odd, right := &trial{name: name, recv: recv}, &trial{name: name, recv: recv}, &trial{name: name, recv: recv}
	for _, arg := range args {
		value, named, spread := argument(arg)
		if spread {
			return
		}
		var p *declare.Param
		if named != "" {
			p = b.byName(named)
		} else {
			p = b.next()
		}
		v := b.value(p, value)
		switch {
		case p == nil:
		case p.Name == "rows":
			rows = value
		case p.Name == "columns":
			columns = value
		}
		for _, other := range others {
			other.add(named, v)
		}
		if b.misfit == value {
			for _, t := range b.typeOf(value) {
				other := *trial
				other.args, other.kwargs = slices.Clip(trial.args), slices.Clip(trial.kwargs)
				other.add(named, t.exact())
				others = append(others, &other)
			}
		}
		trial.add(named, v)
		odd.add(named, b.number(p, value, v))
		if p != nil && p.Passing != declare.Keywords && b.misfit == value {
			v = fitting(p)
		}
		right.add(named, v)
	}
	if rows != nil && columns != nil && !b.wrong {
		m.checkColumns(name, rows, columns)
	}
	for _, p := range d.Params {
		if p.Required && !d.Loose && !b.given[p.Name] {
			b.wrong = true
		}
	}
	text := ""
	switch {
	case b.wrong:
		if text = trial.run(); text != "" && b.misfit != nil && text == right.run() {
			return // not because of the argument
		}
		for _, other := range others {
			if text != "" && other.run() == "" {
				return // it may have this type
			}
		}
	case b.odd && !recv.native():
		if text = odd.run(); text != "" && text == trial.run() {
			return // not because of the number
		}
	}
	if text != "" {
		text, near := suggestion(text)
		m.report(b.at, near, "%s", text)
	}
}

// A binder assigns arguments to parameters.
type binder struct {
	*module
	decl   *declare.Decl
	count  int // number of positional arguments so far
	given  map[string]bool
	exact  bool // the trial uses the known values of arguments
	wrong  bool
	odd    bool            // some number may be out of range
	misfit syntax.Expr     // the first argument of a type that its parameter doesn't accept; nil if there is none
	at     syntax.Position // position of the mistake
}

// next returns the parameter of the next positional argument; nil if there is none.
func (b *binder) next() *declare.Param {
	i := 0
	for k := range b.decl.Params {
		p := &b.decl.Params[k]
		switch p.Passing {
		case declare.Rest:
			return p
		case declare.Either, declare.ByPosition:
			if i == b.count {
				b.count++
				return p
			}
			i++
		}
	}
	b.wrong = true
	return nil
}

// byName returns the parameter of a named argument; nil if there is none.
func (b *binder) byName(name string) *declare.Param {
	for k := range b.decl.Params {
		if p := &b.decl.Params[k]; p.Passing == declare.Keywords || p.Name == name && p.Passing != declare.Rest {
			return p
		}
	}
	b.wrong = true
	return nil
}

// value checks an argument against its parameter, and returns its value for a trial.
func (b *binder) value(p *declare.Param, value syntax.Expr) starlark.Value {
	u := b.typeOf(value)
	fits := true
	if p != nil && p.Passing != declare.Keywords {
		b.given[p.Name] = true
		fits = len(u) == 0 || slices.ContainsFunc(u, func(t typ) bool { return takes(p.Type, t) })
	}
	if t, one := u.one(); fits && one && p != nil && p.Values != nil && t.value != nil {
		text, _ := starlark.AsString(t.value)
		fits = slices.Contains(p.Values, text)
	}
	if !fits && !b.wrong {
		b.wrong, b.misfit, b.at = true, value, syntax.Start(value)
	}
	if !fits {
		return u.first().exact()
	}
	if b.exact {
		if v := b.shown(value); v != nil {
			return v
		}
	}
	t, one := u.one()
	switch {
	case one && (b.exact || p == nil || p.Type == declare.Any):
		return t.exact()
	case p == nil:
		return starlark.None
	}
	return fitting(p)
}

// number returns the value of a number that may be out of the parameter's range, because it is not positive, below 1
// where it is no time, or above the highest one; sample for any other argument.
func (b *binder) number(p *declare.Param, value syntax.Expr, sample starlark.Value) starlark.Value {
	t, one := b.typeOf(value).one()
	if p == nil || p.Passing == declare.Keywords || p.Type == declare.Any || !one || t.value == nil || t.class != integer && t.class != float {
		return sample
	}
	n, _ := starlark.AsFloat(t.value)
	if n > 0 && (n >= 1 || p.Type&declare.Duration != 0) && (p.Most == 0 || n <= float64(p.Most)) {
		return sample
	}
	if !b.odd {
		b.odd, b.at = true, syntax.Start(value)
	}
	return t.value
}

// changers are the methods that change their receiver.
var changers = []string{"list.append", "list.clear", "list.extend", "list.insert", "list.pop", "list.remove",
	"dict.clear", "dict.pop", "dict.popitem", "dict.setdefault", "dict.update"}

// fitting returns a value that a parameter accepts.
func fitting(p *declare.Param) starlark.Value {
	if p.Values != nil {
		return starlark.String(p.Values[0])
	}
	takes := p.Type
	for c := boolean; c < classes; c++ {
		if takes != declare.Any && declaredAs[c] != 0 && allows(takes, c) {
			return typ{class: c}.sample()
		}
	}
	return starlark.None
}

// native reports whether the type is one of Starlark's own with methods. Which numbers these accept depends on the value.
func (t typ) native() bool {
	return slices.Contains([]class{text, octets, list, dict, set}, t.class)
}

// callMethod is run for a method of one of Starlark's own types, which needs no host.
func (t *trial) callMethod() string {
	fn, err := t.recv.fixed().(starlark.HasAttrs).Attr(t.name[strings.LastIndex(t.name, ".")+1:])
	if err != nil || fn == nil {
		return ""
	}
	if _, err := starlark.Call(&starlark.Thread{Name: "trial"}, fn, t.args, t.kwargs); err != nil {
		return message(err)
	}
	return ""
}

// trialTime limits the time of a trial. A trial fails early, because it has a wrong argument.
const trialTime = 200 * time.Millisecond

// A trial is a call of a function with sample values as arguments.
type trial struct {
	name   string
	recv   typ
	args   starlark.Tuple
	kwargs []starlark.Tuple
}

// add adds an argument, which is positional if it has no name.
func (t *trial) add(name string, v starlark.Value) {
	if name != "" {
		t.kwargs = append(t.kwargs, starlark.Tuple{starlark.String(name), v})
	} else {
		t.args = append(t.args, v)
	}
}

// run makes the call and returns the message of its failure; empty if it succeeds.
func (t *trial) run() string {
	if t.recv.native() {
		return t.callMethod()
	}
	names := starlark.StringDict{}
	callee := t.name
	switch {
	case t.recv.class == errorClass && errorClasses[t.name] == nil:
		callee = "error_class(" + strconv.Quote(t.name) + ")"
	case t.recv.class == errorClass:
	case t.recv.class != 0:
		names["x"] = t.recv.fixed()
		callee = "x" + t.name[strings.LastIndex(t.name, "."):]
	}
	var args []string
	add := func(prefix string, v starlark.Value) {
		name := "a" + strconv.Itoa(len(args))
		names[name] = v
		args = append(args, prefix+name)
	}
	for _, v := range t.args {
		add("", v)
	}
	if t.name == "flag" && len(args) > 0 {
		args[0] = `"name"` // flag requires a literal
	}
	for _, arg := range t.kwargs {
		add(string(arg[0].(starlark.String))+" = ", arg[1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), trialTime)
	defer cancel()
	err := host.New(host.Options{Predeclared: names, ReadOnly: true, Servers: sampleServers}).RunSource(ctx, "trial", []byte(callee+"("+strings.Join(args, ", ")+")"))
	var failed *starlark.EvalError
	if ctx.Err() == nil && errors.As(err, &failed) {
		return failed.Msg
	}
	return ""
}
