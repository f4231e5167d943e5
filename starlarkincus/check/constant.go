package check

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"incus-star/starlarkincus/host"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// pure are Starlark's functions that do nothing but give a value.
var pure = []string{"True", "False", "None", "abs", "all", "any", "bool", "bytes", "chr", "dict", "enumerate", "float", "int", "len", "list",
	"max", "min", "ord", "range", "repr", "reversed", "set", "sorted", "str", "tuple", "type", "zip"}

// checkConstant evaluates an expression that depends on nothing: a mistake there is one for sure, and what it says is
// what a run says. Failures without a hint aren't reported: a script may want them.
func (m *module) checkConstant(expr syntax.Expr) {
	switch expr.(type) {
	case *syntax.BinaryExpr, *syntax.DotExpr, *syntax.CallExpr, *syntax.IndexExpr:
	default:
		return
	}
	if m.facts.constant[expr] || !constant(expr) {
		return
	}
	syntax.Walk(expr, func(n syntax.Node) bool {
		if inner, ok := n.(syntax.Expr); ok {
			m.facts.constant[inner] = true
		}
		return true
	})
	thread := &starlark.Thread{Name: "check"}
	thread.SetMaxExecutionSteps(10_000)
	options := syntax.FileOptions{Set: true}
	_, err := starlark.EvalOptions(&options, thread, m.path, m.between(expr), nil)
	var failed *starlark.EvalError
	if errors.As(err, &failed) && host.WithHint(failed.Msg) != failed.Msg {
		m.report(syntax.Start(expr), "", "%s", failed.Msg)
	}
}

// checkExit tries a call of exit whose arguments are written out.
func (m *module) checkExit(call *syntax.CallExpr) {
	if !isNamed(call.Fn, "exit") || slices.ContainsFunc(call.Args, func(arg syntax.Expr) bool { return !constant(arg) }) {
		return
	}
	err := host.New(host.Options{}).RunSource(context.Background(), m.path, []byte(m.between(call)))
	var failed *starlark.EvalError
	if errors.As(err, &failed) {
		m.report(syntax.Start(call), "", "%s", failed.Msg)
	}
}

// between is the text of an expression.
func (m *module) between(expr syntax.Expr) string {
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

// constant reports whether an expression gives the same wherever it stands, and little of it.
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
	case *syntax.DotExpr: // of a dict it may be a key, but where it is called
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

// checkFormat looks at a format that is written out, whatever it is applied to.
func (m *module) checkFormat(format syntax.Expr, find func(text string) (message string)) {
	literal, ok := format.(*syntax.Literal)
	if !ok || m.facts.constant[format] {
		return
	}
	if text, ok := literal.Value.(string); ok && literal.Token == syntax.STRING {
		if message := find(text); message != "" {
			m.report(literal.TokenPos, "", "%s", message)
		}
	}
}

// badConversion is what % says of a format.
func badConversion(format string) string {
	for {
		_, rest, found := strings.Cut(format, "%")
		if !found || rest == "" {
			return ""
		}
		if strings.HasPrefix(rest, "(") {
			if _, rest, found = strings.Cut(rest, ")"); !found || rest == "" {
				return ""
			}
		}
		if !strings.ContainsRune("%srdioxXeEfFgGc", rune(rest[0])) {
			return "unknown conversion %" + string([]rune(rest)[0])
		}
		format = rest[1:]
	}
}

// badCount is what % says of a format that takes more values, or fewer, than it is given.
func badCount(format string, given syntax.Expr) string {
	if paren, ok := given.(*syntax.ParenExpr); ok {
		given = paren.X
	}
	count := 1
	switch given := given.(type) {
	case *syntax.TupleExpr:
		count = len(given.List)
	case *syntax.Literal, *syntax.ListExpr:
	default:
		return "" // it may be a tuple
	}
	wanted := 0
	for {
		_, rest, found := strings.Cut(format, "%")
		if !found {
			break
		}
		switch {
		case rest == "", rest[0] == '(':
			return ""
		case rest[0] != '%':
			wanted++
		}
		format = rest[1:]
	}
	switch {
	case wanted > count:
		return "not enough arguments for format string"
	case wanted < count:
		return "too many arguments for format string"
	}
	return ""
}

var replacement = regexp.MustCompile(`\{[^{}:!]*(?:![rs])?:([^{}]+)\}`)

// badReplacement is what string.format says of a format.
func badReplacement(format string) string {
	format = strings.NewReplacer("{{", "", "}}", "").Replace(format)
	if found := replacement.FindStringSubmatch(format); found != nil {
		return "format spec features not supported in replacement fields: " + found[1]
	}
	return ""
}
