package repl

import (
	"slices"
	"strings"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A deed is what a statement of an entry does, as far as a script is concerned.
type deed int

const (
	acts  deed = iota // it may change something
	looks             // it is an expression that only looks
	sits              // it opened a shell or a console, which needs a person
)

// deeds returns what the statements of an entry do. It is called while the session has the values that the entry used.
func (p *prompt) deeds(text string) (out []deed) {
	defer func() {
		if recover() != nil { // a value's panic must not end the prompt
			out = nil
		}
	}()
	file, err := dialect.Parse("", text, 0)
	if err != nil {
		return nil
	}
	// A name that another statement of the entry assigns may have had another value.
	whole := &savedStatement{stmts: file.Stmts}
	whole.look()
	get := func(name string) starlark.Value {
		if whole.binds[name] {
			return nil
		}
		return p.session.Get(name)
	}
	out = make([]deed, len(file.Stmts))
	for i, stmt := range file.Stmts {
		if expr, ok := stmt.(*syntax.ExprStmt); ok {
			l := &looker{&sampler{get: get, tokens: new(tokens)}}
			if l.looks(expr.X) {
				out[i] = looks
			}
		}
	}
	return out
}

// typed sets the deeds of the statements that opened a shell or a console, with those that are nil as unknown.
func typed(deeds []deed, statements []bool) []deed {
	if deeds == nil && slices.Contains(statements, true) {
		deeds = make([]deed, len(statements))
	}
	for i := range min(len(deeds), len(statements)) {
		if statements[i] {
			deeds[i] = sits
		}
	}
	return deeds
}

// A looker tells expressions that only look from others, by the declarations of the functions that they call.
type looker struct{ *sampler }

// looks reports whether all calls in an expression only look.
func (l *looker) looks(x syntax.Expr) bool {
	ok := true
	syntax.Walk(x, func(n syntax.Node) bool {
		if !ok || n == nil {
			return ok
		}
		switch n := n.(type) {
		case *syntax.CallExpr:
			ok = l.calls(n)
		case *syntax.LambdaExpr:
			defer l.bind(nil, 0)()
			for _, param := range n.Params {
				if name, given := param.(*syntax.Ident); given {
					l.bound[name.Name] = nil
				} else if l.bound[nameOfParam(param)] = nil; !l.defaults(param) {
					ok = false
				}
			}
			ok = ok && l.looks(n.Body)
			return false
		case *syntax.Comprehension:
			defer l.bind(n.Clauses, 0)()
			for _, clause := range n.Clauses {
				switch clause := clause.(type) {
				case *syntax.ForClause:
					ok = ok && l.looks(clause.X)
				case *syntax.IfClause:
					ok = ok && l.looks(clause.Cond)
				}
			}
			if entry, isDict := n.Body.(*syntax.DictEntry); isDict {
				ok = ok && l.looks(entry.Key) && l.looks(entry.Value)
			} else {
				ok = ok && l.looks(n.Body)
			}
			return false
		}
		return ok
	})
	return ok
}

// nameOfParam returns the name of a parameter with a default, or of *args and **kwargs.
func nameOfParam(param syntax.Expr) string {
	switch param := param.(type) {
	case *syntax.BinaryExpr:
		return param.X.(*syntax.Ident).Name
	case *syntax.UnaryExpr:
		if name, ok := param.X.(*syntax.Ident); ok {
			return name.Name
		}
	}
	return ""
}

// defaults reports whether the default of a parameter, if it has one, only looks.
func (l *looker) defaults(param syntax.Expr) bool {
	pair, ok := param.(*syntax.BinaryExpr)
	return !ok || l.looks(pair.Y)
}

// calls reports whether a function that is called only looks, with the functions that it is given.
func (l *looker) calls(call *syntax.CallExpr) bool {
	fn := l.value(call.Fn, 0)
	if m, ok := fn.(*starlarkincus.Method); ok && m.Declaration().Does == spec.DoRequest {
		return l.given(m.Declaration(), call.Args, 0)("method") == starlark.String("GET")
	}
	if !onlyLooks(fn) {
		return false
	}
	for _, arg := range call.Args {
		named := ""
		if pair, ok := arg.(*syntax.BinaryExpr); ok && pair.Op == syntax.EQ {
			named, arg = pair.X.(*syntax.Ident).Name, pair.Y
		}
		v := l.value(arg, 0)
		given, callable := v.(starlark.Callable)
		_, lambda := arg.(*syntax.LambdaExpr)
		switch {
		case lambda: // its body is looked at
		case callable && given.Type() != "error_class" && !onlyLooks(given):
			return false
		case v == nil && (named == "key" || forwards(fn)):
			return false
		}
	}
	return true
}

// onlyLooks reports whether a function changes nothing, neither on a server nor here, and doesn't wait.
func onlyLooks(fn starlark.Value) bool {
	switch fn := fn.(type) {
	case *starlarkincus.Method:
		m := fn.Declaration()
		return m.Effect == spec.Reads && !m.WritesFiles && !slices.Contains(waiting, m.Does)
	case *starlarkincus.Collection:
		return fn.Resource().Lists == spec.Single
	case *starlark.Builtin:
		name := fn.Name()
		if recv := fn.Receiver(); recv != nil && !strings.Contains(name, ".") {
			name = recv.Type() + "." + name
		}
		return pure(name)
	case starlark.Callable:
		return fn.Type() == "module" && pure(fn.Name()) // a library that may be called
	}
	return false
}

// waiting are the behaviors that read only, and for which a script waits, or after which its values are others.
var waiting = []spec.Behavior{spec.DoWait, spec.DoWaitCommand, spec.DoWaitReady, spec.DoRefresh, spec.DoLines}

// pureLibraries are those whose functions all compute a value of their arguments.
var pureLibraries = []string{"base64", "csv", "hash", "json", "math", "re", "string", "bytes", "time", "yaml"}

// pureNames are other functions that change nothing; try_, catch and parallel if the functions that they call don't.
var pureNames = strings.Fields(`abs all any bool bytes chr dict dir enumerate float getattr hasattr hash int len list max min ord range repr reversed
	set sorted str tuple type zip dict.get dict.items dict.keys dict.values list.index
	set.difference set.intersection set.issubset set.issuperset set.symmetric_difference set.union
	env.get env.items env.keys fs.abs fs.base fs.dir fs.escape fs.exists fs.ext fs.glob fs.join fs.list fs.stat read_file table.text
	catch fleet parallel try_ error.explain error.is_a Fleet.client`)

// pure reports whether a builtin changes nothing.
func pure(name string) bool {
	library, _, member := strings.Cut(name, ".")
	return member && slices.Contains(pureLibraries, library) || slices.Contains(pureNames, name)
}

// forwards reports whether a function calls its arguments.
func forwards(fn starlark.Value) bool {
	b, ok := fn.(*starlark.Builtin)
	return ok && slices.Contains([]string{"catch", "parallel", "try_"}, b.Name())
}
