package table

import (
	"fmt"
	"slices"

	"go.starlark.net/starlark"
)

// columnsArgument sets the columns from the argument.
func (g *grid) columnsArgument(v starlark.Value) error {
	var elems []starlark.Value
	switch v.(type) {
	case *starlark.List, starlark.Tuple, *starlark.Set:
		elems = slices.Collect(starlark.Elements(v.(starlark.Iterable)))
	}
	other := func(elem starlark.Value) bool { _, ok := elem.(starlark.String); return !ok }
	if g.call == nil || !slices.ContainsFunc(elems, other) {
		var err error
		g.columns, err = namesArgument("columns", v)
		return err
	}
	for i, elem := range elems {
		name, fn, err := column(elem, i)
		if err != nil {
			return err
		}
		g.columns, g.compute = append(g.columns, name), append(g.compute, fn)
	}
	return nil
}

// column returns the name of a column, and its function; nil for a field.
func column(v starlark.Value, i int) (name string, fn starlark.Callable, err error) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), nil, nil
	case starlark.Callable:
		if name = v.Name(); name == "lambda" {
			name = fmt.Sprintf("column_%d", i+1)
		}
		return name, v, nil
	case starlark.Tuple:
		if len(v) == 2 {
			name, ok := starlark.AsString(v[0])
			fn, callable := v[1].(starlark.Callable)
			if ok && callable {
				return name, fn, nil
			}
		}
	}
	return "", nil, fmt.Errorf("columns[%d]: got %s, want a string, a function or a tuple of a header and a function", i, v.Type())
}

// function returns the function of a column; nil for a field.
func (g *grid) function(i int) starlark.Callable {
	if i >= len(g.compute) {
		return nil
	}
	return g.compute[i]
}
