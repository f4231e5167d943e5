package repl

import (
	"slices"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/syntax"
)

// changing are the effects of the methods whose results are shown in one line.
var changing = []spec.Effect{spec.Creates, spec.Changes, spec.Deletes}

// changes reports whether the value of an entry is the result of a change, such as that of instance.start(), which may be followed by
// other calls that return the same object, such as wait_ready(). Like deeds, it is called while the session has the values that the entry
// used.
func (p *prompt) changes(text string) (yes bool) {
	defer func() {
		if recover() != nil { // a value's panic must not end the prompt
			yes = false
		}
	}()
	file, err := dialect.Parse("", text, 0)
	if err != nil || len(file.Stmts) == 0 {
		return false
	}
	expr, ok := file.Stmts[len(file.Stmts)-1].(*syntax.ExprStmt)
	if !ok {
		return false
	}
	s := &sampler{get: p.session.Get, tokens: new(tokens)}
	for x := expr.X; ; {
		if paren, ok := x.(*syntax.ParenExpr); ok {
			x = paren.X
			continue
		}
		call, ok := x.(*syntax.CallExpr)
		if !ok {
			return false
		}
		m, ok := s.value(call.Fn, 0).(*starlarkincus.Method)
		if !ok {
			return false
		}
		if slices.Contains(changing, m.Declaration().Effect) {
			return true
		}
		dot, ok := call.Fn.(*syntax.DotExpr)
		if !ok || m.Declaration().Returns.Shape != spec.Itself {
			return false
		}
		x = dot.X
	}
}
