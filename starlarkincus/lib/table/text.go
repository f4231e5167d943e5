package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// cellText returns the text of a cell.
func cellText(v starlark.Value) string {
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return ""
	case *starlark.List, starlark.Tuple, *starlark.Set:
		var parts []string
		for elem := range starlark.Elements(v.(starlark.Iterable)) {
			parts = append(parts, builtin.PlainText(elem))
		}
		return strings.Join(parts, ", ")
	}
	return builtin.PlainText(v)
}

// oneLine returns a text in one line, safe for a terminal.
func oneLine(s string) string {
	return printable.Line(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) && printable.Rune(r) || r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return r
	}, strings.TrimSpace(s)))
}

// heading returns the headings of the columns; nil for none.
func (g *grid) heading() []string {
	if g.headers != nil {
		return g.headers
	}
	return g.columns
}

const tableGap = 2

// text writes aligned columns, numbers to the right. Width is that of the terminal, or 0 for no limit.
func (g *grid) text(width int) string {
	var lines [][]string
	if g.headers != nil {
		lines = append(lines, g.headers)
	} else if g.columns != nil {
		var names []string
		for _, name := range g.columns {
			names = append(names, strings.ToUpper(strings.ReplaceAll(name, "_", " ")))
		}
		lines = append(lines, names)
	}
	var number []bool
	for _, row := range g.rows {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = cellText(cell)
			if len(number) == i {
				number = append(number, true)
			}
			switch cell.(type) {
			case nil, starlark.NoneType, starlark.Int, starlark.Float:
			default:
				number[i] = false
			}
		}
		lines = append(lines, line)
	}
	var widths []int
	for _, line := range lines {
		for i := range line {
			line[i] = oneLine(line[i])
			if len(widths) == i {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], printable.Width(line[i]))
		}
	}
	if width > 0 {
		narrow(widths, width)
	}
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			if printable.Width(cell) > widths[i] {
				cell = printable.Cut(cell, widths[i])
			}
			space := strings.Repeat(" ", widths[i]-printable.Width(cell))
			if i < len(number) && number[i] {
				text.WriteString(space + cell)
			} else {
				text.WriteString(cell + space)
			}
			text.WriteString(strings.Repeat(" ", tableGap))
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return b.String()
}

// minColumn is the minimal width of a cut column.
const minColumn = 8

// narrow reduces the widest columns until all columns fit.
func narrow(widths []int, total int) {
	for left := total - tableGap*(len(widths)-1); ; {
		sum, widest := 0, 0
		for i, w := range widths {
			if sum += w; w > widths[widest] {
				widest = i
			}
		}
		if sum <= left || len(widths) == 0 || widths[widest] <= minColumn {
			return
		}
		// Reduce to the next smaller width, or by the excess.
		next := minColumn
		for i, w := range widths {
			if i != widest {
				next = max(next, w)
			}
		}
		widths[widest] -= max(1, min(sum-left, widths[widest]-next))
	}
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
			record = append(record, cellText(cell))
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
