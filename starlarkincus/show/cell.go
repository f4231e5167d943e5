package show

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/spec"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
)

// CellText returns the text of a value in a table: that of print, the elements of a list with commas between them, and nothing for
// None.
func CellText(v starlark.Value) string {
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

// Line returns a text in one line, without control characters. Spaces replace newlines and tabs.
func Line(s string) string {
	s = strings.TrimSpace(s)
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || unicode.IsSpace(r) && printable.Rune(r):
			b.WriteByte(' ')
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			b.WriteByte(s[i]) // an invalid byte, which gets an escape below
		default:
			b.WriteRune(r)
		}
	}
	return printable.Line(b.String())
}

// NewCell returns the cell of a value in the column of a field; empty for none.
func NewCell(v starlark.Value, field string) Cell {
	text := Line(CellText(v))
	return Cell{Text: text, Right: isNumber(v), Color: colorOf(field, text)}
}

func isNumber(v starlark.Value) bool {
	switch v.(type) {
	case nil, starlark.NoneType, starlark.Int, starlark.Float:
		return true
	}
	return false
}

// maxText is the number of bytes of a value's text that is looked at, on a terminal of unknown width.
const maxText = 4000

// limit returns the number of bytes that may be visible in a line.
func (s Style) limit() int {
	if s.max > 0 {
		return s.max
	}
	if s.Width <= 0 || s.All {
		return maxText
	}
	return 8*s.Width + 64
}

// cell returns the cell of a value of any size, without secrets.
func (s Style) cell(v starlark.Value, field string) Cell {
	text := s.line(v, field)
	return Cell{Text: text, Right: isNumber(v), Color: colorOf(field, text)}
}

// line returns the visible part of a value in one line, without secrets.
func (s Style) line(v starlark.Value, field string) string {
	switch {
	case v == nil || v == starlark.None:
		return ""
	case secret.Key(field):
		return secret.Hidden
	}
	if text, ok := plain(v); ok {
		return secret.Text(Line(clip(text, s.limit())))
	}
	r := repr{limit: s.limit()}
	if list, ok := elementsOf(v); ok {
		r.list(list, "")
	} else {
		r.write(v)
	}
	return secret.Text(Line(r.String()))
}

// plain returns the content of a string or bytes.
func plain(v starlark.Value) (string, bool) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), true
	case starlark.Bytes:
		return string(v), true
	}
	return "", false
}

// clip returns the first bytes of a text, with … for the rest.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}

// column returns the cell of a field in a column of the table of its kind.
func (s Style) column(c spec.Column, f *spec.Field, v starlark.Value) Cell {
	name := c.Field
	if c.Key != "" {
		v, name = keyed(v, c.Key), c.Key
	}
	text, number := "", false
	switch {
	case v == nil || v == starlark.None:
		return Cell{Right: true}
	case c.Form == spec.Count:
		if n := starlark.Len(v); n >= 0 {
			text, number = strconv.Itoa(n), true
		}
	case c.Form == spec.Size:
		if n, ok := int64Of(v); ok {
			text, number = size(n), true
		}
	case c.Form == spec.Octal:
		if n, ok := int64Of(v); ok {
			text = fmt.Sprintf("%04o", n)
		}
	case c.Form == spec.Short:
		if t, ok := plain(v); ok {
			text = Line(clip(t, 4*shortLength))
			if runes := []rune(text); len(runes) > shortLength {
				text = string(runes[:shortLength])
			}
		}
	case c.Form == spec.IPv4, c.Form == spec.IPv6:
		return Cell{Text: s.addresses(v, c.Form == spec.IPv4)}
	case v.Type() == "time.time":
		if t, ok := v.(startime.Time); ok {
			text = time.Time(t).Local().Format(minutes)
		}
	case f != nil && f.Type == spec.Time && c.Key == "":
		if t, ok := plain(v); ok {
			text = moment(t)
		}
	}
	if text == "" {
		return s.cell(v, name)
	}
	return Cell{Text: text, Right: number}
}

// shortLength is the length of a fingerprint in a table, as the incus command shows it.
const shortLength = 12

// keyed returns the value of a key of a dict; of a list, the list of these values of its dicts.
func keyed(v starlark.Value, key string) starlark.Value {
	switch v := v.(type) {
	case starlark.Mapping:
		found, ok, err := v.Get(starlark.String(key))
		if !ok || err != nil {
			return nil
		}
		return found
	case *starlark.List:
		var all []starlark.Value
		for elem := range v.Elements() {
			if dict, ok := elem.(starlark.Mapping); ok {
				if found := keyed(dict, key); found != nil {
					all = append(all, found)
				}
			}
		}
		return starlark.NewList(all)
	}
	return nil
}

func int64Of(v starlark.Value) (int64, bool) {
	if i, ok := v.(starlark.Int); ok {
		return i.Int64()
	}
	return 0, false
}

// size returns a number of bytes with a unit.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	f, unit := float64(n), -1
	for f >= 1024 && unit < 5 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.2f%ciB", f, "KMGTPE"[unit])
}

// minutes is the layout of a time in a table.
const minutes = "2006-01-02 15:04"

// moment returns the local time of a time in RFC 3339, in minutes; empty for another text.
func moment(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return ""
	}
	return t.Local().Format(minutes)
}

// addresses returns the addresses of one family in a list.
func (s Style) addresses(v starlark.Value, v4 bool) string {
	var all []string
	for elem := range family(v, v4).Elements() {
		text, _ := starlark.AsString(elem)
		all = append(all, text)
	}
	return Line(clip(strings.Join(all, ", "), s.limit()))
}

// elementsOf returns the elements of a list, a tuple or a set.
func elementsOf(v starlark.Value) ([]starlark.Value, bool) {
	switch v := v.(type) {
	case *starlark.List:
		all := make([]starlark.Value, v.Len())
		for i := range all {
			all[i] = v.Index(i)
		}
		return all, true
	case starlark.Tuple:
		return v, true
	case *starlark.Set:
		var all []starlark.Value
		for elem := range v.Elements() {
			all = append(all, elem)
		}
		return all, true
	}
	return nil, false
}
