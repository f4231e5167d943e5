package check

import (
	"slices"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// checkColumns reports columns of a table, given as a list of literals, that no row has. As an attribute of an object, an
// unknown one is reported only if it is similar to another.
func (m *module) checkColumns(name string, rows, columns syntax.Expr) {
	list, ok := elemsOf(unparen(columns))
	known, open := m.columnsOf(rows)
	if !ok || known == nil {
		return
	}
	for _, elem := range list {
		column, ok := starlark.AsString(m.literal(elem))
		if !ok || slices.Contains(known, column) {
			continue
		}
		if near := errors.Nearest(column, known); near != "" || !open {
			m.report(syntax.Start(elem), near, "%s: columns: no row has %s", name, column)
		}
	}
}

// columnsOf returns the columns that rows may have; nil if they are unknown. Open reports whether there may be others.
func (m *module) columnsOf(rows syntax.Expr) (known []string, open bool) {
	if keys := m.keysOf(rows); keys != nil {
		return keys, false
	}
	for _, t := range m.typeOf(rows).element() {
		switch {
		case t.class == object:
			for i := range t.res.Fields {
				known = append(known, t.res.Fields[i].Name, t.res.Fields[i].Script())
			}
			known, open = append(known, "changed"), true
		case t.class == structure && t.fields != nil:
			for name := range t.fields {
				known = append(known, name)
			}
		default:
			return nil, false
		}
	}
	return known, open
}

// keysOf returns the keys of a literal list of dict literals; nil if some are unknown.
func (m *module) keysOf(rows syntax.Expr) (keys []string) {
	elems, _ := elemsOf(unparen(rows))
	for _, elem := range elems {
		dict, ok := unparen(elem).(*syntax.DictExpr)
		if !ok {
			return nil
		}
		for _, entry := range dict.List {
			key, ok := starlark.AsString(m.literal(entry.(*syntax.DictEntry).Key))
			if !ok {
				return nil
			}
			keys = append(keys, key)
		}
	}
	return keys
}
