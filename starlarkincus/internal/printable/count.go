package printable

import (
	"fmt"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// cells measures as most terminals do, whatever the locale says.
var cells runewidth.Condition

// Width returns how many cells of a terminal a text takes.
func Width(s string) int { return cells.StringWidth(s) }

// Cut returns a text that takes no more than width cells, with … for the rest.
func Cut(s string, width int) string { return cells.Truncate(s, width, "…") }

// Head returns the longest beginning of a text that takes no more than width cells.
func Head(s string, width int) string {
	short := s
	if limit := 16*width + 64; len(s) > limit { // measuring a long text is slow
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		short = s[:limit]
	}
	return cells.Truncate(short, width, "")
}

// Count returns a number with a comma between thousands.
func Count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
