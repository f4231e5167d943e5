package check

import (
	"context"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/report"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// pure are the names in Starlark's universe without side effects.
var pure = []string{"True", "False", "None", "abs", "all", "any", "bool", "bytes", "chr", "dict", "enumerate", "float", "int", "len", "list",
	"max", "min", "ord", "range", "repr", "reversed", "set", "sorted", "str", "tuple", "type", "zip"}

// checkConstant evaluates a constant expression and reports its failure if the host has a hint for it. Other failures
// aren't reported because a script may want them.
func (m *module) checkConstant(expr syntax.Expr) {
	switch expr.(type) {
	case *syntax.BinaryExpr, *syntax.DotExpr, *syntax.CallExpr, *syntax.IndexExpr:
	default:
		return
	}
	if m.facts.proven[expr] || !constant(expr) {
		return
	}
	thread := &starlark.Thread{Name: "check"}
	thread.SetMaxExecutionSteps(10_000)
	options := syntax.FileOptions{Set: true}
	_, err := starlark.EvalOptions(&options, thread, m.path, m.sourceOf(expr), nil)
	var failed *starlark.EvalError
	switch {
	case err == nil:
	case errors.As(err, &failed) && report.WithHint(failed.Msg) != failed.Msg:
		m.report(syntax.Start(expr), "", "%s", failed.Msg)
	default:
		return
	}
	syntax.Walk(expr, func(n syntax.Node) bool {
		if inner, ok := n.(syntax.Expr); ok {
			m.facts.proven[inner] = true
		}
		return true
	})
}

// checkExit runs a call of exit with constant arguments.
func (m *module) checkExit(call *syntax.CallExpr) {
	if slices.ContainsFunc(call.Args, func(arg syntax.Expr) bool { return !constant(arg) }) {
		return
	}
	err := host.New(host.Options{}).RunSource(context.Background(), m.path, []byte(m.sourceOf(call)))
	var failed *starlark.EvalError
	if errors.As(err, &failed) {
		m.report(syntax.Start(call), "", "%s", failed.Msg)
	}
}

// sourceOf returns the source text of an expression, in parentheses.
func (m *module) sourceOf(expr syntax.Expr) string {
	start, end := expr.Span()
	if start.Line < 1 || int(end.Line) > len(m.lines) {
		return ""
	}
	lines := slices.Clone(m.lines[start.Line-1 : end.Line])
	last := []rune(lines[len(lines)-1])
	lines[len(lines)-1] = string(last[:min(len(last), int(end.Col)-1)])
	first := []rune(lines[0])
	lines[0] = string(first[min(len(first), int(start.Col)-1):])
	return "(" + strings.Join(lines, "\n") + ")"
}

// constant reports whether an expression is built of small literals and pure functions.
func constant(expr syntax.Expr) bool {
	all := func(list []syntax.Expr) bool {
		return !slices.ContainsFunc(list, func(e syntax.Expr) bool { return !constant(e) })
	}
	switch x := expr.(type) {
	case *syntax.Literal:
		n, isInt := x.Value.(int64)
		return x.Token != syntax.INT || isInt && n < 10_000
	case *syntax.Ident:
		binding, ok := x.Binding.(*resolve.Binding)
		return ok && (binding.Scope == resolve.Universal || binding.Scope == resolve.Predeclared) && slices.Contains(pure, x.Name)
	case *syntax.ParenExpr:
		return constant(x.X)
	case *syntax.UnaryExpr:
		return x.X != nil && x.Op != syntax.STAR && x.Op != syntax.STARSTAR && constant(x.X)
	case *syntax.BinaryExpr:
		if x.Op == syntax.EQ {
			return constant(x.Y)
		}
		return x.Op != syntax.STAR && x.Op != syntax.LTLT && constant(x.X) && constant(x.Y)
	case *syntax.ListExpr:
		return all(x.List)
	case *syntax.TupleExpr:
		return all(x.List)
	case *syntax.DictExpr:
		return all(x.List)
	case *syntax.DictEntry:
		return constant(x.Key) && constant(x.Value)
	case *syntax.DotExpr: // an attribute of a dict literal may be a key
		_, isDict := x.X.(*syntax.DictExpr)
		return !isDict && constant(x.X)
	case *syntax.CallExpr:
		if dot, ok := x.Fn.(*syntax.DotExpr); ok {
			return constant(dot.X) && all(x.Args)
		}
		return constant(x.Fn) && all(x.Args)
	case *syntax.IndexExpr:
		return constant(x.X) && constant(x.Y)
	}
	return false
}

// checkPercent checks a literal format of % by applying it to samples of the arguments' types.
func (m *module) checkPercent(n *syntax.BinaryExpr) {
	format, ok := starlark.AsString(m.literal(n.X))
	if !ok {
		return
	}
	conversions, byName, bad := conversionsOf(format)
	if bad != "" {
		m.report(syntax.Start(n.X), "", "%s", bad)
		return
	}
	u := m.typeOf(n.Y)
	var given starlark.Value
	if dict := m.numbered(n.Y); byName && dict != nil {
		if _, err := starlark.Binary(syntax.PERCENT, starlark.String(format), dict); err != nil {
			m.report(syntax.Start(n.X), "", "%s", message(err))
		}
		return
	}
	switch t, ok := u.one(); {
	case len(u) == 0 || byName && (!ok || t.class == dict || t.class == object || t.class == failure || t.class == environ):
		return
	case ok && t.class == tuple:
		if t.open {
			return
		}
		values := make(starlark.Tuple, len(t.elems))
		for i, elem := range t.elems {
			values[i] = conversionSample(conversionAt(conversions, i), elem)
		}
		given = values
	case u.has(tuple):
		return
	default:
		for _, one := range u {
			given = conversionSample(conversionAt(conversions, 0), only(one))
			if _, err := starlark.Binary(syntax.PERCENT, starlark.String(format), given); err == nil {
				return
			}
		}
		given = conversionSample(conversionAt(conversions, 0), u)
	}
	if _, err := starlark.Binary(syntax.PERCENT, starlark.String(format), given); err != nil {
		m.report(syntax.Start(n.X), "", "%s", message(err))
	}
}

// numbered returns a dict with the keys of a dict literal, and with a number for each value, which every conversion accepts;
// nil if a key isn't known.
func (m *module) numbered(expr syntax.Expr) starlark.Value {
	literal, ok := unparen(expr).(*syntax.DictExpr)
	if !ok {
		return nil
	}
	dict := new(starlark.Dict)
	for _, entry := range literal.List {
		key := m.literal(entry.(*syntax.DictEntry).Key)
		if key == nil || dict.SetKey(key, starlark.MakeInt(1)) != nil {
			return nil
		}
	}
	return dict
}

func conversionAt(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 's'
}

// conversionSample returns a sample of the first type that a conversion accepts, or else of the first type.
func conversionSample(conversion byte, u union) starlark.Value {
	if len(u) == 0 {
		return starlark.MakeInt(1)
	}
	for _, t := range u {
		var v starlark.Value
		if conversion == 'c' && t.class == text {
			v = starlark.String("a")
		} else if t.class != integer && t.class != float {
			v = t.sample()
		} else {
			v = starlark.MakeInt(1)
		}
		if _, err := starlark.Binary(syntax.PERCENT, starlark.String("%"+string(conversion)), starlark.Tuple{v}); err == nil {
			return v
		}
	}
	return u.first().sample()
}

// conversionsOf returns the letters of a format's conversions, and whether they take their values by name. Bad is the
// message for an unknown conversion.
func conversionsOf(format string) (letters string, byName bool, bad string) {
	for {
		_, rest, found := strings.Cut(format, "%")
		if strings.HasPrefix(rest, "(") {
			byName = true
			_, rest, _ = strings.Cut(rest, ")")
		}
		switch {
		case !found || rest == "":
			return letters, byName, ""
		case !strings.ContainsRune("%srdioxXeEfFgGc", rune(rest[0])):
			return letters, byName, "unknown conversion %" + string([]rune(rest)[0])
		case rest[0] != '%':
			letters += rest[:1]
		}
		format = rest[1:]
	}
}

// checkReplacements checks a literal format of string.format by calling it with samples of the arguments' types.
func (m *module) checkReplacements(x syntax.Expr, call *syntax.CallExpr) {
	format, ok := starlark.AsString(m.literal(x))
	if !ok {
		return
	}
	trial := &trial{name: "string.format", recv: typ{class: text, value: starlark.String(format)}}
	for _, arg := range call.Args {
		value, name, spread := argument(arg)
		if spread {
			return
		}
		v := starlark.Value(starlark.String("a"))
		if t, ok := m.typeOf(value).one(); ok {
			v = t.sample()
		}
		trial.add(name, v)
	}
	if text := trial.run(); text != "" {
		m.report(syntax.Start(x), "", "%s", text)
	}
}
