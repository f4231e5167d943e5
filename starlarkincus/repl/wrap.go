package repl

import (
	"io"
	"os"
	"strings"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/terminal"
)

// narrowest is the width of a terminal from which on lines are wrapped at words.
const narrowest = 10

// wrapped returns a text whose lines end between words, for the terminal that w is. It is for texts to read: values keep
// their lines.
func wrapped(w io.Writer, text string) string {
	width, _ := terminal.Size(w)
	return wrapTo(text, width)
}

// wrapTo returns a text whose lines have a width at most, except for longer words. A line that goes on is indented like its
// beginning, or like its second column.
func wrapTo(text string, width int) string {
	if width < narrowest {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if widthOf(line) > width {
			lines[i] = wrapLine(strings.TrimSuffix(line, "\n"), width) + line[len(strings.TrimSuffix(line, "\n")):]
		}
	}
	return strings.Join(lines, "")
}

func widthOf(line string) int {
	return printable.Width(colors().ReplaceAllString(strings.TrimSuffix(line, "\n"), ""))
}

func wrapLine(line string, width int) string {
	margin := len(line) - len(strings.TrimLeft(line, " "))
	if i := strings.Index(line[margin:], "  "); i >= 0 { // a second column
		rest := line[margin+i:]
		if at := widthOf(line[:margin+i]) + len(rest) - len(strings.TrimLeft(rest, " ")); at <= width/2 {
			margin = at
		} else {
			margin += 2
		}
	}
	margin = min(margin, width/2)
	var out strings.Builder
	used := 0
	for i, word := range strings.SplitAfter(line, " ") {
		text := strings.TrimRight(word, " ")
		if n := widthOf(text); i > 0 && used > margin && text != "" && used+n > width {
			before := strings.TrimRight(out.String(), " ")
			out.Reset()
			out.WriteString(before + "\n" + strings.Repeat(" ", margin))
			used = margin
		}
		out.WriteString(word)
		used += widthOf(word)
	}
	return strings.TrimRight(out.String(), " ")
}

// wrapReport returns the report of an error with its messages wrapped at words. Frames and lines of source keep theirs, and
// so does JSON.
func wrapReport(w io.Writer, text string) string {
	width, _ := terminal.Size(w)
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "{") {
			lines[i] = wrapTo(line, width)
		}
	}
	return strings.Join(lines, "")
}

// forTerminal returns the notices that were not printed yet, for the terminal.
func (n *notices) forTerminal() string { return wrapped(os.Stdout, n.take()) }
