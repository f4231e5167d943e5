package repl

import (
	"fmt"

	"github.com/mattn/go-runewidth"
)

// joinRows moves the cursor from below the rows that the ended line was drawn with to below those that it has. The editor
// leaves an empty row after a line that fills its last row, and doesn't forget the rows of a line that was longer.
func (e *editor) joinRows(prompt, line string) {
	columns := e.columns()
	width := columnsOf(line, columns, columnsOf(prompt, columns, 0))
	rows := (width + columns - 1) / columns
	row := rows // of the cursor
	if width%columns == 0 {
		row++
	}
	// The editor goes below the drawn rows, from the row in which "^C" would end.
	if below := row - rows + max(0, e.rows-(width+len("^C")+columns)/columns); below > 0 {
		fmt.Fprintf(e.out, "\x1b[%dA", below)
	}
}

// columnsOf adds the columns of a text to start, as the editor counts them: a wide character isn't split between two rows.
func columnsOf(text string, columns, start int) int {
	for _, r := range text {
		w := 1
		if r >= 127 {
			w = runewidth.RuneWidth(r)
		}
		start += w
		if w == 2 && start%columns == 1 {
			start++
		}
	}
	return start
}
