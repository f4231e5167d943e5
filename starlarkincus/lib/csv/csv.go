// Package csv is the library that reads and writes CSV, as RFC 4180 describes it.
package csv

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/lib/table"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// Decl is the library.
var Decl = builtin.Decl{
	Name: "csv",
	Help: `Reads and writes CSV: csv.encode(rows), csv.decode(text).

    for server in csv.decode(read_file("servers.csv")):
        print(server["name"])`,
	Members: []builtin.Decl{{
		Name: "csv.encode", Params: []builtin.Param{builtin.Need("rows", table.Rows), builtin.Opt("columns", table.Names, "None"), builtin.Opt("header", builtin.Bool, "True"), builtin.Opt("delimiter", builtin.String, `","`)},
		Returns: builtin.String, Help: `Returns rows as CSV. Rows and columns are those of table: the first line has the names of the columns, unless header=False
or the rows are lists and columns isn't given. None is an empty cell. Cells are written as they are: one that begins with
= is a formula to a spreadsheet.`,
		Call: encode,
	}, {
		Name: "csv.decode", Params: []builtin.Param{builtin.Need("text", builtin.Text), builtin.Opt("header", builtin.Bool, "True"), builtin.Opt("delimiter", builtin.String, `","`)},
		Returns: builtin.List, Help: `Returns the rows of a CSV text. Each is a dict with the names of the first line as its keys; with header=False it is a list,
and the first line a row as well. All cells are strings. Empty lines are skipped.

A text that is not CSV, or a line with more or fewer cells than the first one has names, raises an Error with the line's
number, which try_ catches.`,
		Call: decode,
	}},
}

func encode(c *builtin.Call) (starlark.Value, error) {
	var rows starlark.Value
	var columns starlark.Value = starlark.None
	header, delimiter := true, ","
	if err := c.Unpack(&rows, &columns, &header, &delimiter); err != nil {
		return nil, err
	}
	comma, err := delimiterOf(c, delimiter)
	if err != nil {
		return nil, err
	}
	text, err := table.CSV(rows, columns, header, comma)
	if err != nil {
		return nil, c.Errorf("%w", err)
	}
	return starlark.String(text), nil
}

// delimiterOf parses the argument delimiter.
func delimiterOf(c *builtin.Call, s string) (rune, error) {
	r, size := utf8.DecodeRuneInString(s)
	if size != len(s) || size == 0 || r == utf8.RuneError || strings.ContainsRune("\"\r\n\x00", r) {
		return 0, c.Errorf("delimiter is %s, want one character, and no quote or newline", builtin.Described(starlark.String(s)))
	}
	return r, nil
}

func decode(c *builtin.Call) (starlark.Value, error) {
	var arg starlark.Value
	header, delimiter := true, ","
	if err := c.Unpack(&arg, &header, &delimiter); err != nil {
		return nil, err
	}
	text, err := c.Data("text", arg)
	if err != nil {
		return nil, err
	}
	comma, err := delimiterOf(c, delimiter)
	if err != nil {
		return nil, err
	}
	if line, invalid := value.InvalidLine([]byte(text)); invalid {
		return nil, c.BadData("line %d is not UTF-8", line)
	}
	rows, err := read(strings.TrimPrefix(text, "\ufeff"), header, comma)
	if err != nil {
		return nil, c.BadData("%v", err)
	}
	return starlark.NewList(rows), nil
}

// read returns the rows of a text.
func read(text string, header bool, comma rune) ([]starlark.Value, error) {
	text, err := normalReturns(text)
	if err != nil {
		return nil, err
	}
	text, hidden := hideReturns(text, comma)
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.FieldsPerRecord, reader.ReuseRecord = comma, -1, true
	var names []starlark.Value
	rows := []starlark.Value{}
	for {
		record, err := reader.Read()
		switch {
		case err == io.EOF:
			return rows, nil
		case err != nil:
			return nil, describe(err)
		}
		cells := make([]starlark.Value, len(record))
		for i, cell := range record {
			if hidden != 0 {
				cell = strings.ReplaceAll(cell, string(hidden), "\r")
			}
			cells[i] = starlark.String(cell)
		}
		line, _ := reader.FieldPos(0)
		switch {
		case !header:
			rows = append(rows, starlark.NewList(cells))
		case names == nil:
			if err := distinct(cells); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			names = cells
		case len(cells) != len(names):
			return nil, fmt.Errorf("line %d: got %d cells, want %d as in the first line", line, len(cells), len(names))
		default:
			row := starlark.NewDict(len(names))
			for i, name := range names {
				_ = row.SetKey(name, cells[i]) // a string is hashable
			}
			rows = append(rows, row)
		}
	}
}

// normalReturns replaces the carriage returns that end lines by newlines. Outside of quotes a text has either only these, or
// none without a newline after it.
func normalReturns(text string) (string, error) {
	if !strings.Contains(text, "\r") {
		return text, nil
	}
	quoted, line, first, newlines := false, 1, 0, false
	for i := range len(text) {
		switch text[i] {
		case '"':
			quoted = !quoted
		case '\n':
			line++
			newlines = newlines || !quoted
		case '\r':
			if !quoted && !strings.HasPrefix(text[i+1:], "\n") && first == 0 {
				first = line
			}
		}
	}
	switch {
	case first == 0:
		return text, nil
	case newlines:
		return "", fmt.Errorf("line %d: a carriage return outside of quotes, and other lines end with a newline", first)
	}
	quoted = false
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '\r' && !quoted:
			return '\n'
		}
		return r
	}, text), nil
}

// hideReturns replaces the carriage returns within quotes, which encoding/csv would drop before a newline, by a
// character that isn't in the text, and returns that; 0 if there are none.
func hideReturns(text string, comma rune) (string, rune) {
	if !strings.Contains(text, "\r") || !strings.Contains(text, `"`) {
		return text, 0
	}
	hidden := '\ue000'
	for hidden == comma || strings.ContainsRune(text, hidden) {
		hidden++
	}
	quoted := false
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			quoted = !quoted
		case r == '\r' && quoted:
			return hidden
		}
		return r
	}, text), hidden
}

// distinct returns an error if a name occurs twice.
func distinct(names []starlark.Value) error {
	seen := make(map[starlark.Value]bool)
	for _, name := range names {
		if seen[name] {
			return fmt.Errorf("two columns have the name %s: header=False returns lists", name)
		}
		seen[name] = true
	}
	return nil
}

// describe returns an error of encoding/csv that begins with the line.
func describe(err error) error {
	var wrong *csv.ParseError
	if !errors.As(err, &wrong) {
		return err
	}
	text := "a quote in a cell that doesn't begin with one"
	if wrong.Err == csv.ErrQuote {
		text = "a quoted cell has no end, or goes on after its quote"
	} else if wrong.Err != csv.ErrBareQuote {
		text = wrong.Err.Error()
	}
	if wrong.StartLine != wrong.Line {
		text += fmt.Sprintf("; the row begins in line %d", wrong.StartLine)
	}
	return fmt.Errorf("line %d, column %d: %s", wrong.Line, wrong.Column, text)
}
