package check

import (
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// checkBeside reports an argument that certainly has no effect, because another one isn't given.
func (m *module) checkBeside(s *signature, who string, args []syntax.Expr) {
	positions, values, count := s.positions(), make(map[string]syntax.Expr), 0
	for _, arg := range args {
		value, name, spread := argument(arg)
		switch {
		case spread:
			return
		case name == "" && count < len(positions):
			name = positions[count]
			count++
		}
		values[name] = value
	}
	for _, p := range s.params {
		value := values[p.name]
		if p.field == nil || p.field.Beside == "" || value == nil || !m.surelyGiven(value) || mayBeEmpty(value, p.field) {
			continue
		}
		other := s.find(p.field.Beside)
		if other == nil {
			continue
		}
		beside := values[other.name]
		if beside == nil && !s.changes || beside != nil && m.isOff(beside) {
			m.report(syntax.Start(value), "", "%s: %s", who, starlarkincus.Lacking(p.field, other.field))
			return
		}
	}
}

// mayBeEmpty reports whether a value may be an empty list, which counts as not given.
func mayBeEmpty(value syntax.Expr, f *spec.Field) bool {
	literal, ok := unparen(value).(*syntax.ListExpr)
	return f.Type == spec.Strings && (!ok || len(literal.List) == 0)
}

// isOff reports whether a value is certain to be False or None.
func (m *module) isOff(value syntax.Expr) bool {
	t, ok := m.typeOf(value).one()
	return ok && (t.class == none || t.class == boolean && t.value == starlark.False)
}
