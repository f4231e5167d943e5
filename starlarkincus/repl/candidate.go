package repl

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"incus-star/starlarkincus/internal/printable"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// A candidate is a proposed text.
type candidate struct {
	text string
	kind string // words for what it is; empty for none
}

// longestKind is the most columns of the words for a kind.
const longestKind = 24

// tab returns the answer of the line editor's Tab: the text to insert between head and tail, of which the part before
// keep stays. It is what all candidates begin with. If that is nothing new, the second Tab lists them.
func (e *editor) tab(head, tail string, keep int, found []candidate) (string, []string, string) {
	again := e.tabbed == head+"\x00"+tail
	e.tabbed = ""
	if len(found) == 0 {
		return head, nil, tail
	}
	before := head[:keep]
	word := commonPrefix(found)
	switch {
	case len(found) == 1 || len(word) > len(head)-keep:
	case again:
		width, height, _ := term.GetSize(int(os.Stdout.Fd()))
		e.printAbove(inColumns(found, width, height))
	default:
		word = head[keep:] // nothing new
	}
	if len(found) > 1 {
		e.tabbed = before + word + "\x00" + tail
	}
	return show(before), []string{show(word)}, show(tail)
}

// commonPrefix returns the text that all candidates begin with.
func commonPrefix(found []candidate) string {
	prefix := found[0].text
	for _, k := range found {
		for !strings.HasPrefix(k.text, prefix) {
			_, size := utf8.DecodeLastRuneInString(prefix)
			prefix = prefix[:len(prefix)-size]
		}
	}
	return prefix
}

// inColumns returns the candidates in columns for a screen of a size: with their kinds if there is room.
func inColumns(found []candidate, width, height int) string {
	name, kind := 0, 0
	for _, k := range found {
		name = max(name, runewidth.StringWidth(printable.Line(k.text)))
		kind = max(kind, runewidth.StringWidth(kindText(k)))
	}
	room := max(1, height-3)
	name = min(name, max(1, width-2))
	if column := name + kind + 4; kind > 0 && column <= width && rowsOf(len(found), width/column) <= room {
		return grid(found, name, kind, width/column, len(found))
	}
	columns := max(1, width/(name+2))
	return grid(found, name, 0, columns, columns*room)
}

func kindText(k candidate) string {
	return runewidth.Truncate(printable.Line(k.kind), longestKind, "…")
}

func rowsOf(n, columns int) int { return (n + columns - 1) / columns }

// grid returns the first most candidates, from top to bottom, in columns of a width for the text and the kind.
func grid(found []candidate, name, kind, columns, most int) string {
	left := max(0, len(found)-most)
	found = found[:len(found)-left]
	rows := rowsOf(len(found), columns)
	var out strings.Builder
	for row := range rows {
		var line strings.Builder
		for i := row; i < len(found); i += rows {
			line.WriteString(runewidth.FillRight(runewidth.Truncate(printable.Line(found[i].text), name, "…"), name+2))
			if kind > 0 {
				line.WriteString(runewidth.FillRight(kindText(found[i]), kind+2))
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	if left > 0 {
		fmt.Fprintf(&out, "… %s more\n", printable.Count(left))
	}
	return out.String()
}
