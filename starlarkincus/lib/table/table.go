// Package table is the function table, which prints rows with aligned columns, or as CSV or JSON.
package table

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/show"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// The types of the arguments rows, and columns and headers.
const (
	Rows  = builtin.Iterable &^ (builtin.Dict | builtin.Error | builtin.Environment | builtin.Result)
	Names = builtin.List | builtin.Tuple | builtin.Set | builtin.None
)

var params = []builtin.Param{builtin.Need("rows", Rows), builtin.Opt("columns", Names, "None"), builtin.Opt("headers", Names, "None"), builtin.Opt("format", builtin.String, `"text"`).Among("text", "csv", "json")}

// Decl is the function.
var Decl = builtin.Decl{
	Name:    "table",
	Params:  params,
	Returns: builtin.None, Help: `Prints rows with aligned columns on standard output.

    table(incus.instances.list())
    table(incus.instances.list(), columns=["name", "status", "location"])
    table([("web", 2), ("db", 4)], headers=["server", "cpus"])
    table(incus.instances.list(), columns=["name", lambda i: i.addresses(), ("CPUS", lambda i: i.config.get("limits.cpu"))])

A row is a list or tuple of cells, or a dict, struct, error or object of Incus. columns selects the fields: by default all,
those of a struct that a method returns in the order of the prompt, but the name, status, type and description of an object of Incus, and the class, status, message and object of an error;
both have remote too if they are of several servers. A Result has value and error, after the item of parallel or the remote of
a fleet.
On a terminal, objects of one kind have the columns of the incus command, which columns may name too: ipv4, addresses and snapshots
of an instance, which are an error unless list(state=True) has read them, as are its fields last_state, last_addresses and last_snapshots.
config.limits.cpu is that key of config, as in a filter, and devices.eth0.network one of a device; the cell is empty if it isn't set.
state.memory.usage is that value in the state. A column can also be a function, which is called
with each row and returns the cell, or a tuple of a header and such a function. The header of a function alone is its name.
headers replaces the names of the columns. Text has these names in capitals, and the headers that a script gives as they are.
format="csv" and format="json" print for programs; json keeps numbers and lists.

On a narrow terminal the widest columns are cut, and the last ones left out. A terminal has colours, unless NO_COLOR is set.
table.text(rows, …) returns the text instead of printing it.`,
	Call: printTable,
	Members: []builtin.Decl{{
		Name: "table.text", Params: params,
		Returns: builtin.String, Help: `Returns what table prints, with whole columns: write_file("servers.txt", table.text(rows))`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			text, err := render(c, show.Style{})
			return starlark.String(text), err
		},
	}},
}

// A grid is the content of a table: rows with a cell for each column; nil for a missing cell.
type grid struct {
	columns []string                                                        // nil for rows that are lists
	compute []starlark.Callable                                             // by column; nil for a field
	call    func(starlark.Callable, starlark.Value) (starlark.Value, error) // nil if no column may have a function
	headers []string                                                        // the argument
	rows    [][]starlark.Value
}

func printTable(c *builtin.Call) (starlark.Value, error) {
	out := builtin.Of(c.Thread)
	text, err := render(c, show.Style{Width: out.Width(), Color: out.Color()})
	if err != nil {
		return nil, err
	}
	if text != "" {
		if err := out.Print(c, strings.TrimSuffix(text, "\n")); err != nil {
			return nil, err
		}
	}
	return starlark.None, nil
}

// render returns the text of a call's table, for a terminal of that style.
func render(c *builtin.Call, style show.Style) (string, error) {
	var rowsArg starlark.Value
	var columnsArg, headersArg starlark.Value = starlark.None, starlark.None
	format := "text"
	if err := c.Unpack(&rowsArg, &columnsArg, &headersArg, &format); err != nil {
		return "", err
	}
	write := map[string]func(*grid) (string, error){
		"text": func(g *grid) (string, error) { return g.text(style), nil },
		"csv":  func(g *grid) (string, error) { return g.csv(g.heading(), ',') },
		"json": (*grid).json,
	}[format]
	if write == nil {
		return "", c.Errorf(`format is %q, want "text", "csv" or "json"`, format)
	}
	g := &grid{call: func(fn starlark.Callable, row starlark.Value) (starlark.Value, error) {
		return starlark.Call(c.Thread, fn, starlark.Tuple{row}, nil)
	}}
	if err := g.fill(rowsArg, columnsArg, headersArg); err != nil {
		var raised *starlark.EvalError
		if errors.As(err, &raised) {
			return "", raised // with the backtrace of the function
		}
		return "", c.Errorf("%w", err)
	}
	if format == "text" && style.Width > 0 && columnsArg == starlark.None && headersArg == starlark.None {
		if own := show.Objects(slices.Collect(starlark.Elements(rowsArg.(starlark.Iterable))), style); own != nil {
			return own.Text(style), nil
		}
	}
	text, err := write(g)
	switch {
	case err != nil:
		return "", c.Errorf("%w", err)
	case text != "" && !strings.HasSuffix(text, "\n"):
		text += "\n"
	}
	return text, nil
}

// CSV returns rows as CSV. The first line has the names of the columns, if header is set and there are names.
func CSV(rows, columns starlark.Value, header bool, comma rune) (string, error) {
	g := new(grid)
	if err := g.fill(rows, columns, starlark.None); err != nil {
		return "", err
	}
	var heading []string
	if header {
		heading = g.heading()
	}
	return g.csv(heading, comma)
}

// fill sets the content.
func (g *grid) fill(rowsArg, columnsArg, headersArg starlark.Value) error {
	_, mapping := rowsArg.(starlark.Mapping)
	iterable, ok := rowsArg.(starlark.Iterable)
	if !ok || mapping {
		return fmt.Errorf("rows is %s, want a list of rows", builtin.Described(rowsArg))
	}
	err := g.columnsArgument(columnsArg)
	if err != nil {
		return err
	}
	if g.headers, err = namesArgument("headers", headersArg); err != nil {
		return err
	}
	rows := slices.Collect(starlark.Elements(iterable))
	for i, row := range rows {
		if !isRow(row) {
			return fmt.Errorf("rows[%d] is %s, want a list, a tuple, a dict, a struct or an object", i, builtin.Described(row))
		}
	}
	if columnsArg == starlark.None {
		if g.columns, err = ownColumns(rows); err != nil {
			return err
		}
	}
	if g.columns != nil && g.headers != nil && len(g.headers) != len(g.columns) {
		return fmt.Errorf("got %d headers for %d columns", len(g.headers), len(g.columns))
	}
	found := make([]bool, len(g.columns))
	for i, fn := range g.compute {
		found[i] = fn != nil
	}
	for i, row := range rows {
		cells, err := g.cells(row, found)
		if err != nil {
			return fmt.Errorf("rows[%d]: %w", i, err)
		}
		g.rows = append(g.rows, cells)
	}
	if missing := slices.Index(found, false); missing >= 0 && len(rows) > 0 {
		return unknownColumn(g.columns[missing], rows)
	}
	return nil
}

// namesArgument returns the argument columns or headers; nil for None.
func namesArgument(name string, v starlark.Value) ([]string, error) {
	if v == starlark.None {
		return nil, nil
	}
	names, err := value.Strings(name, v)
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s is empty", name)
	}
	return names, err
}

func isRow(v starlark.Value) bool {
	switch v.(type) {
	case starlark.String, starlark.Bytes:
		return false
	case starlark.Indexable, starlark.Mapping, *starlarkstruct.Struct:
		return true
	}
	return false
}

// columned is a row with a default selection of columns.
type columned interface {
	starlark.Value
	Columns() []string
}

// A tabular is a row with cells of its own, although it is a list too: a Result.
type tabular interface {
	columned
	Cell(column string) starlark.Value
}

// ownColumns returns the default columns of the rows.
func ownColumns(rows []starlark.Value) (columns []string, err error) {
	if show.SeveralRemotes(rows) {
		columns = []string{"remote"}
	}
	if show.SeveralProjects(rows) {
		columns = append(columns, "project")
	}
	add := func(name string) {
		if !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	for i, row := range rows {
		switch row := row.(type) {
		case columned:
			for _, name := range row.Columns() {
				add(name)
			}
		case starlark.IterableMapping:
			for _, item := range row.Items() {
				name, ok := starlark.AsString(item[0])
				if !ok {
					return nil, fmt.Errorf("rows[%d] has %s as a key, want strings", i, builtin.Described(item[0]))
				}
				add(name)
			}
		case *starlarkstruct.Struct:
			for _, name := range show.FieldNames(row) {
				add(name)
			}
		}
	}
	return columns, nil
}

// cells returns the cells of a row. It records in found the columns that exist in any row.
func (g *grid) cells(row starlark.Value, found []bool) ([]starlark.Value, error) {
	list, ok := row.(starlark.Indexable)
	if _, isTabular := row.(tabular); isTabular {
		ok = false
	}
	if ok && g.compute == nil {
		if names := max(len(g.columns), len(g.headers)); names > 0 && list.Len() > names {
			return nil, fmt.Errorf("got %d cells for %d columns", list.Len(), names)
		}
		cells := make([]starlark.Value, list.Len())
		for i := range cells {
			cells[i] = list.Index(i)
		}
		for i := range found {
			found[i] = true
		}
		return cells, nil
	}
	cells := make([]starlark.Value, len(g.columns))
	next := 0 // of the list
	for i, name := range g.columns {
		if fn := g.function(i); fn != nil {
			v, err := g.call(fn, row)
			if err != nil {
				return nil, err
			}
			cells[i] = v
			continue
		}
		if ok {
			if next < list.Len() {
				cells[i] = list.Index(next)
			}
			found[i] = true
			next++
			continue
		}
		v, err := fieldOf(row, name)
		if err != nil {
			return nil, err
		}
		if v != nil {
			cells[i], found[i] = v, true
		}
	}
	if ok && list.Len() > next && next > 0 {
		return nil, fmt.Errorf("got %d cells for %d columns", list.Len(), next)
	}
	return cells, nil
}

// fieldOf returns an item or an attribute of a row; nil if there is none.
func fieldOf(row starlark.Value, name string) (starlark.Value, error) {
	if own, ok := row.(tabular); ok {
		return own.Cell(name), nil
	}
	if show.OfState(row, name) {
		return show.Column(row, name)
	}
	if m, ok := row.(starlark.Mapping); ok {
		if v, ok, err := m.Get(starlark.String(name)); ok || err != nil {
			return v, err
		}
	}
	if has, ok := row.(starlark.HasAttrs); ok && slices.Contains(has.AttrNames(), name) {
		v, err := has.Attr(name)
		if _, method := v.(starlark.Callable); err != nil || !method {
			return v, err
		}
	}
	return show.Column(row, name)
}

// unknownColumn returns the error for a column that no row has, with the nearest one or those that there are.
func unknownColumn(name string, rows []starlark.Value) error {
	var known []string
	for _, row := range rows[:min(len(rows), 100)] {
		known = append(known, fieldsOf(row)...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	near := show.InState(rows[0], name)
	if near == "" {
		near = errors.Nearest(name, known)
	}
	if near != "" {
		advice := fmt.Sprintf("did you mean %s?", near)
		if show.Unread(rows[0], near) != nil {
			advice += " list(state=True) reads it"
		}
		return fmt.Errorf("columns: no row has %s (%s)", name, advice)
	}
	if len(known) > maxNames {
		known = append(known[:maxNames], "…")
	}
	if known == nil {
		return fmt.Errorf("columns: no row has %s", name)
	}
	return fmt.Errorf("columns: no row has %s: there are %s", name, strings.Join(known, ", "))
}

// maxNames limits the columns in a message.
const maxNames = 40

// fieldsOf returns the names of the columns that a row may have.
func fieldsOf(row starlark.Value) []string {
	var names []string
	if m, ok := row.(starlark.IterableMapping); ok {
		for _, item := range m.Items() {
			if name, ok := starlark.AsString(item[0]); ok {
				names = append(names, name)
			}
		}
	}
	names = append(names, show.ColumnNames(row)...)
	if has, ok := row.(starlark.HasAttrs); ok {
		for _, name := range has.AttrNames() {
			if v, err := fieldOf(row, name); v != nil && err == nil {
				names = append(names, name)
			}
		}
	}
	return names
}
