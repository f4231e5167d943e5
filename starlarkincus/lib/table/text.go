package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/show"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// heading returns the headings of the columns; nil for none.
func (g *grid) heading() []string {
	if g.headers != nil {
		return g.headers
	}
	return g.columns
}

// text returns aligned columns, numbers to the right.
func (g *grid) text(style show.Style) string {
	out := new(show.Grid)
	if g.headers == nil {
		for i, name := range g.columns {
			if fn := g.function(i); fn == nil || fn.Name() == name || fn.Name() == "lambda" && name == fmt.Sprintf("column_%d", i+1) {
				name = strings.ToUpper(strings.ReplaceAll(name, "_", " ")) // otherwise it's the given header
			}
			out.Head = append(out.Head, show.Line(name))
		}
	}
	for _, text := range g.headers {
		out.Head = append(out.Head, show.Line(text))
	}
	for _, row := range g.rows {
		line := make([]show.Cell, len(row))
		for i, cell := range row {
			field := ""
			if i < len(g.columns) {
				field = g.columns[i]
			}
			line[i] = show.NewCell(cell, field)
		}
		out.Rows = append(out.Rows, line)
	}
	return out.Text(style)
}

// csv returns the rows with a heading above them; nil for none.
func (g *grid) csv(heading []string, comma rune) (string, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = comma
	write := func(record []string) {
		if len(record) == 1 && record[0] == "" {
			w.Flush()
			b.WriteString("\"\"\n") // an empty line would be no row
			return
		}
		_ = w.Write(record) // a strings.Builder never fails
	}
	if heading != nil {
		write(heading)
	}
	for _, row := range g.rows {
		var record []string
		for _, cell := range row {
			record = append(record, show.CellText(cell))
		}
		write(record)
	}
	w.Flush()
	return b.String(), w.Error()
}

// json writes each row as an object with the columns in order, or as a list if the columns have no names.
func (g *grid) json() (string, error) {
	names := g.columns
	if names == nil {
		names = g.headers
	}
	var b bytes.Buffer
	for i, row := range g.rows {
		b.WriteString(separator(i))
		b.WriteByte("[{"[min(len(names), 1)])
		if names != nil {
			row = append(slices.Clone(row), make([]starlark.Value, max(0, len(names)-len(row)))...)
		}
		for j, cell := range row {
			b.WriteString(separator(j))
			path := fmt.Sprintf("rows[%d][%d]", i, j)
			if names != nil {
				path = value.Index(fmt.Sprintf("rows[%d]", i), names[j])
				writeJSON(&b, names[j])
				b.WriteByte(':')
			}
			if cell == nil {
				cell = starlark.None
			}
			v, err := value.Any(path, cell)
			if err != nil {
				return "", err
			}
			writeJSON(&b, v)
		}
		b.WriteByte("]}"[min(len(names), 1)])
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte("["+b.String()+"]"), "", "  "); err != nil {
		return "", err
	}
	return string(printable.JSON(out.Bytes())), nil
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// writeJSON writes a result of value.Any, which always has a JSON form.
func writeJSON(b *bytes.Buffer, v any) {
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
}
