package reference

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"incus-star/starlarkincus/internal/printable"
)

// helpWidth is the width of help: that of the narrowest terminal in use.
const helpWidth = 80

// A text collects paragraphs of help, with an empty line between them.
type text struct {
	strings.Builder
	ref *Reference
}

// print writes the text to w.
func (t *text) print(w io.Writer) { _, _ = io.WriteString(w, printable.Text(t.String())) }

func (t *text) gap() {
	if t.Len() > 0 {
		t.WriteString("\n")
	}
}

func (t *text) line(s string)    { t.gap(); t.WriteString(s + "\n") }
func (t *text) para(s string)    { t.gap(); t.indented("", s) }
func (t *text) heading(s string) { t.line(s + ":") }

// prose writes paragraphs in lines of the help's width. Columns and indented examples keep their lines.
func (t *text) prose(s string) {
	for part := range strings.SplitSeq(strings.Trim(s, "\n"), "\n\n") {
		if strings.HasPrefix(part, " ") || strings.Contains(part, "\n ") || strings.Contains(part, "  ") {
			t.line(part)
		} else {
			t.para(part)
		}
	}
}

// indented writes words in lines that all start with the margin.
func (t *text) indented(margin, s string) { t.hanging(margin, margin, s) }

// hanging writes words in lines: the first starts with first, the others with rest.
func (t *text) hanging(first, rest, s string) {
	line, empty := first, true
	for word := range strings.FieldsSeq(s) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > helpWidth {
			t.WriteString(line + "\n")
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	t.WriteString(strings.TrimRight(line, " ") + "\n")
}

// signature writes a call as a script writes it, in several lines if it is long.
func (t *text) signature(name string, params []string) {
	t.gap()
	open := name + "("
	t.hanging(open, strings.Repeat(" ", min(utf8.RuneCountInString(open), 24)), strings.Join(params, ", ")+")")
}

// maxCell is the greatest width of a column. After a longer cell the row continues in the next line.
const maxCell = 30

// table writes rows under a heading: all columns but the last as wide as their widest cell, the last one in lines.
func (t *text) table(heading string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	t.heading(heading)
	widths := make([]int, len(rows[0])-1)
	margin := "  "
	for i := range widths {
		for _, row := range rows {
			if n := utf8.RuneCountInString(row[i]); n <= maxCell {
				widths[i] = max(widths[i], n)
			}
		}
		margin += strings.Repeat(" ", widths[i]+2)
	}
	for _, row := range rows {
		line := "  "
		for i, w := range widths {
			line += fmt.Sprintf("%-*s  ", w, row[i])
		}
		if utf8.RuneCountInString(line) > len(margin) {
			t.WriteString(strings.TrimRight(line, " ") + "\n")
			line = margin
		}
		t.hanging(line, margin, row[len(row)-1])
	}
}

// sentence returns the first sentence of a text.
func sentence(s string) string {
	s, _, _ = strings.Cut(s, "\n\n")
	s = strings.Join(strings.Fields(s), " ")
	if i := strings.Index(s, ". "); i >= 0 {
		return s[:i+1]
	}
	return s
}

// dedent returns a docstring without the indentation of its lines.
func dedent(doc string) string {
	lines := strings.Split(strings.TrimSpace(doc), "\n")
	margin := -1
	for _, line := range lines[1:] {
		if indent := len(line) - len(strings.TrimLeft(line, " \t")); strings.TrimSpace(line) != "" && (margin < 0 || indent < margin) {
			margin = indent
		}
	}
	for i, line := range lines[1:] {
		lines[i+1] = strings.TrimRight(line[min(max(margin, 0), len(line)):], " \t")
	}
	return strings.Join(lines, "\n")
}
