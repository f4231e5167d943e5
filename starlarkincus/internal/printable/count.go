package printable

import (
	"fmt"

	"github.com/mattn/go-runewidth"
)

// cells measures as most terminals do, whatever the locale says.
var cells runewidth.Condition

// Width returns how many cells of a terminal a text takes.
func Width(s string) int { return cells.StringWidth(s) }

// Cut returns a text that takes no more than width cells, with … for the rest.
func Cut(s string, width int) string { return cells.Truncate(s, width, "…") }

// Count returns a number with a comma between thousands.
func Count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
