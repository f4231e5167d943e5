package check

import (
	"context"
	stderrors "errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// checkKnown checks a call of a function that check knows. What it finds is tried with values of the types: what they
// give is what a run says.
func (m *module) checkKnown(name string, recv typ, args []syntax.Expr, at syntax.Position) {
	k, ok := knowns[name]
	if recv.class == errorClass {
		k, ok = makesError, true
	}
	if !ok {
		return
	}
	var positional, byName []parameter
	for _, p := range k.params {
		if !p.byName {
			positional = append(positional, p)
		}
		byName = append(byName, p)
	}
	wrong := recv.frozen && slices.Contains(changers, name) || k.wrong != nil && k.wrong(m.invocation(recv, args))
	given := make(map[string]bool)
	trial := &trial{name: name, recv: recv}
	count, open := 0, false
	where := at
	take := func(p *parameter, value syntax.Expr) starlark.Value {
		u := m.typeOf(value)
		if v := m.shown(value); v != nil && k.wrong != nil {
			if p != nil {
				given[p.name] = true
			}
			return v
		}
		if p == nil {
			if t, ok := u.one(); ok {
				return t.exact()
			}
			return nil
		}
		given[p.name] = true
		if p.takes == anything {
			if t, ok := u.one(); ok {
				return t.exact()
			}
			return starlark.None
		}
		fits := u == nil || len(u) == 0 || slices.ContainsFunc(u, func(t typ) bool { return p.takes&bits(t.class) != 0 })
		if !fits {
			wrong = true
			where = syntax.Start(value)
			return u.first().exact()
		}
		return fitting(p.takes)
	}
	for _, arg := range args {
		value, named, spread := argument(arg)
		switch {
		case spread:
			open = true
		case named != "":
			i := slices.IndexFunc(byName, func(p parameter) bool { return p.name == named })
			var p *parameter
			if i >= 0 {
				p = &byName[i]
			} else if !k.named {
				wrong = true
			}
			trial.kwargs = append(trial.kwargs, named)
			trial.values = append(trial.values, take(p, value))
		default:
			var p *parameter
			if count < len(positional) {
				p = &positional[count]
			} else if !k.varargs {
				wrong = true
			}
			trial.args = append(trial.args, take(p, value))
			count++
		}
	}
	for _, p := range positional {
		if !p.optional && !given[p.name] && !open {
			wrong = true
		}
	}
	if !wrong || open {
		return
	}
	if text := trial.run(); text != "" {
		text, near := suggestion(text)
		m.report(where, near, "%s", text)
	}
}

// changers are the methods that change what they belong to.
var changers = []string{"list.append", "list.clear", "list.extend", "list.insert", "list.pop", "list.remove",
	"dict.clear", "dict.pop", "dict.popitem", "dict.setdefault", "dict.update"}

// fitting is a value that a parameter takes.
func fitting(takes accepts) starlark.Value {
	for c := class(1); c < classes; c++ {
		if takes&bits(c) != 0 && c != object && c != collection && c != method {
			return typ{class: c}.sample()
		}
	}
	return starlark.None
}

// trialTime bounds a trial. None takes long: what would wait has a wrong argument, and fails before.
const trialTime = 200 * time.Millisecond

// A trial is a call of a function with values that stand for the arguments.
type trial struct {
	name   string
	recv   typ
	args   []starlark.Value
	kwargs []string
	values []starlark.Value // of kwargs
}

// run makes the call, and returns what its failure says; empty where it doesn't fail.
func (t *trial) run() string {
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
		if v == nil {
			v = starlark.None
		}
		name := "a" + strconv.Itoa(len(args))
		names[name] = v
		args = append(args, prefix+name)
	}
	for _, v := range t.args {
		add("", v)
	}
	for i, v := range t.values {
		add(t.kwargs[i]+" = ", v)
	}
	ctx, cancel := context.WithTimeout(context.Background(), trialTime)
	defer cancel()
	err := host.New(host.Options{Predeclared: names}).RunSource(ctx, "trial", []byte(callee+"("+strings.Join(args, ", ")+")"))
	var failed *starlark.EvalError
	if ctx.Err() == nil && stderrors.As(err, &failed) {
		return failed.Msg
	}
	return ""
}
