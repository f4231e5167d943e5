// Package show lays out values for a person at a terminal: a list of objects as a table with the columns of its kind, an
// object as aligned fields, a dict with a line for each key.
//
// [Text] returns the text of any value. [Grid] is the layout of tables, which the function table shares. Text from values
// never reaches the terminal without escapes for control characters, values of secret names are hidden, and no line is wider
// than the terminal.
package show

import (
	"strings"

	"incus-star/starlarkincus/internal/printable"
)

// A Style describes the terminal.
type Style struct {
	// Width and Height are the terminal's columns and rows; 0 for an unknown number, which is no limit.
	Width, Height int
	// Color allows escape sequences for colours.
	Color bool
	// All shows all fields and rows, and wraps long lines instead of cutting them.
	All bool
	// OneLine shows an object in one line, by the columns of its table.
	OneLine bool

	max int // bytes of a line, if not 0
}

// A Color is the escape sequence of a colour; empty for none.
type Color string

const (
	good    Color = "\x1b[32m"
	bad     Color = "\x1b[31m"
	unsure  Color = "\x1b[33m"
	faint   Color = "\x1b[2m"
	heading Color = "\x1b[1m"
	kind    Color = "\x1b[36m"
	class   Color = "\x1b[1;31m"
)

func (s Style) paint(c Color, text string) string {
	if !s.Color || c == "" || strings.TrimSpace(text) == "" {
		return text
	}
	return string(c) + text + "\x1b[m"
}

// statusFields are the fields whose values have a colour.
var statusFields = map[string]bool{"status": true, "state": true, "severity": true, "level": true}

// statuses are the colours of statuses, in lower case.
var statuses = map[string]Color{
	"running": good, "success": good, "online": good, "created": good, "ready": good, "started": good,
	"frozen": unsure, "pending": unsure, "starting": unsure, "stopping": unsure, "freezing": unsure, "thawed": unsure, "cancelling": unsure,
	"evacuated": unsure, "evacuating": unsure, "restoring": unsure, "blocked": unsure, "new": unsure, "moderate": unsure, "warning": unsure,
	"error": bad, "errored": bad, "failure": bad, "offline": bad, "unavailable": bad, "high": bad,
	"stopped": faint, "cancelled": faint, "resolved": faint, "acknowledged": faint,
}

// colorOf returns the colour of the text of a field.
func colorOf(field, text string) Color {
	switch {
	case statusFields[field]:
		return statuses[strings.ToLower(text)]
	case field == "class" && strings.HasSuffix(text, "Error"):
		return class
	}
	return ""
}

// cut returns a text of at most width cells; 0 for no limit.
func cut(text string, width int) string {
	if width <= 0 || printable.Width(text) <= width {
		return text
	}
	return printable.Cut(text, width)
}

// wrap returns the lines of a text in one line, each of at most width cells; 0 for no limit.
func wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	for text != "" {
		line := printable.Head(text, width)
		if line == "" {
			return append(lines, "…") // a letter is wider than the line
		}
		lines, text = append(lines, line), text[len(line):]
	}
	return lines
}
