package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// checkColumns reports columns of a table, given as a list of literals, that no row has. As an attribute of an object, an
// unknown one is reported only if it is similar to another.
func (m *module) checkColumns(name string, rows, columns syntax.Expr) {
	list, ok := elemsOf(unparen(columns))
	if !ok {
		return
	}
	known, open := m.columnsOf(rows)
	for i, elem := range list {
		column, ok := starlark.AsString(m.literal(elem))
		if !ok {
			m.checkComputed(fmt.Sprintf("%s: columns[%d]", name, i), name != "csv.encode", elem)
			continue
		}
		root, below, _ := strings.Cut(column, ".") // a configuration key, or that of a device
		if known == nil || slices.Contains(known, column) || open && below != "" && slices.Contains(known, root) {
			continue
		}
		if near := errors.Nearest(column, known); near != "" || !open {
			m.report(syntax.Start(elem), near, "%s: columns: no row has %s", name, column)
		}
	}
}

// checkComputed checks a column that isn't the name of a field, but maybe a function, or a tuple of a header and a function.
func (m *module) checkComputed(place string, computes bool, elem syntax.Expr) {
	fn, got := unparen(elem), ""
	want, others := "string", []class{text}
	if computes {
		want = "a string, a function or a tuple of a header and a function"
		if header, computed := headed(fn); computed != nil {
			m.fail(header, failing(m.typeOf(header), func(t typ) string {
				if t.class == text {
					return ""
				}
				return fmt.Sprintf("%s: got tuple, want %s", place, want)
			}))
			fn, others, got = computed, nil, "tuple"
		}
	}
	u := m.typeOf(fn)
	if m.fail(fn, failing(u, func(t typ) string {
		if slices.Contains(others, t.class) || computes && (t.class == collection || notFunction(place, "", t) == "") {
			return ""
		}
		return fmt.Sprintf("%s: got %s, want %s", place, cmp.Or(got, t.typeName()), want)
	})) || !computes {
		return
	}
	if !u.is(text) {
		at := syntax.Start(fn)
		m.checkArgs(u, []syntax.Expr{&syntax.Ident{NamePos: at, Name: "row"}}, at)
	}
}

// headed returns the elements of a tuple of a header and a function; nil for other expressions.
func headed(elem syntax.Expr) (header, fn syntax.Expr) {
	if pair, ok := unparen(elem).(*syntax.TupleExpr); ok && len(pair.List) == 2 {
		return unparen(pair.List[0]), unparen(pair.List[1])
	}
	return nil, nil
}

// recordColumns records the calls of the functions in the columns of a table.
func (c *collector) recordColumns(n *syntax.CallExpr) {
	dot, _ := n.Fn.(*syntax.DotExpr)
	if !isNamed(n.Fn, "table") && (dot == nil || dot.Name.Name != "text" || !isNamed(dot.X, "table")) {
		return
	}
	given := make(map[string]syntax.Expr)
	for i, arg := range n.Args {
		value, name, spread := argument(arg)
		if spread {
			return
		}
		if name == "" && i < 2 {
			name = []string{"rows", "columns"}[i]
		}
		given[name] = value
	}
	if given["rows"] == nil || given["columns"] == nil {
		return
	}
	columns, _ := elemsOf(unparen(given["columns"]))
	for _, column := range columns {
		fn := unparen(column)
		if _, computed := headed(column); computed != nil {
			fn = computed
		}
		c.addSite(fn, c.elementsOf(given["rows"]))
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
			for i := range t.res.Columns {
				known = append(known, t.res.Columns[i].Name())
			}
			known = slices.AppendSeq(known, maps.Keys(t.res.StateColumns()))
			known, open = append(known, "changed"), true
		case t.class == structure && t.fields != nil:
			for name := range t.fields {
				known = append(known, name)
			}
		case t.class == result:
			known = append(known, t.sample().(starlark.HasAttrs).AttrNames()...)
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
