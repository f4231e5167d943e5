package show

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/starlarkincus/internal/printable"
)

// A Cell is a cell of a Grid. Its text is one line without control characters, as [Line] returns it.
type Cell struct {
	Text  string
	Right bool // a number, or nothing; a column of such is aligned to the right
	Color Color
}

// A Grid is a table with aligned columns.
type Grid struct {
	Head []string // nil for none
	Rows [][]Cell // of any lengths
}

const (
	columnGap = 2
	minColumn = 8 // the minimal width of a cut column
	minNarrow = 5 // the same on a narrow terminal
)

// Text returns the lines of the grid. If not all columns fit into the style's width, the widest are cut; if that isn't enough, the last
// ones are left out, which the last line says.
func (g *Grid) Text(s Style) string {
	widths, content, right := g.measure()
	shown := widths
	if s.Width > 0 {
		shown = fit(widths, content, s.Width)
	}
	var b strings.Builder
	if g.Head != nil {
		head := make([]Cell, len(g.Head))
		for i, text := range g.Head {
			head[i] = Cell{Text: text, Color: heading}
		}
		g.line(&b, s, head, shown, right)
	}
	for _, row := range g.Rows {
		g.line(&b, s, row, shown, right)
	}
	if left := len(widths) - len(shown); left > 0 {
		note := fmt.Sprintf("… %d more columns", left)
		if left == 1 {
			note = "… 1 more column"
		}
		if len(g.Head) == len(widths) {
			note += ": " + strings.Join(g.Head[len(shown):], ", ")
		}
		b.WriteString(s.paint(faint, cut(note, s.Width)) + "\n")
	}
	return b.String()
}

// measure returns the widths of the columns, those of their rows alone, and which of them are aligned to the right.
func (g *Grid) measure() (widths, content []int, right []bool) {
	for _, text := range g.Head {
		widths, content = append(widths, printable.Width(text)), append(content, 0)
	}
	for _, row := range g.Rows {
		for i, cell := range row {
			if len(widths) == i {
				widths, content = append(widths, 0), append(content, 0)
			}
			w := printable.Width(cell.Text)
			widths[i], content[i] = max(widths[i], w), max(content[i], w)
			if len(right) == i {
				right = append(right, true)
			}
			right[i] = right[i] && cell.Right
		}
	}
	return widths, content, right
}

func (g *Grid) line(b *strings.Builder, s Style, cells []Cell, widths []int, right []bool) {
	var line strings.Builder
	for i, width := range widths {
		if i >= len(cells) {
			break
		}
		cell := cells[i]
		text, used := cell.Text, printable.Width(cell.Text)
		if used > width {
			text = printable.Cut(text, width)
			used = printable.Width(text)
		}
		space := strings.Repeat(" ", max(0, width-used))
		text = s.paint(cell.Color, text)
		if i < len(right) && right[i] {
			line.WriteString(space + text)
		} else {
			line.WriteString(text + space)
		}
		line.WriteString(strings.Repeat(" ", columnGap))
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// fit returns the widths of the columns that fit into a line. Headings are cut before the content is.
func fit(widths, content []int, total int) []int {
	widths = slices.Clone(widths)
	excess := columnGap*(len(widths)-1) - total
	for _, w := range widths {
		excess += w
	}
	for ; excess > 0; excess-- {
		widest, most := 0, 0
		for i, w := range widths {
			if more := w - max(content[i], minNarrow); more > most {
				widest, most = i, more
			}
		}
		if most == 0 {
			break
		}
		widths[widest]--
	}
	for _, least := range []int{minColumn, minNarrow} {
		if shown := slices.Clone(widths); narrow(shown, total, least) {
			return shown
		}
	}
	for n := len(widths) - 1; n > 0; n-- {
		if shown := slices.Clone(widths[:n]); narrow(shown, total, minNarrow) {
			return shown
		}
	}
	if len(widths) == 0 {
		return nil
	}
	return []int{min(widths[0], total)}
}

// narrow reduces the widest columns until all columns fit, to no less than least, and reports whether they do.
func narrow(widths []int, total, least int) bool {
	for left := total - columnGap*(len(widths)-1); ; {
		sum, widest := 0, 0
		for i, w := range widths {
			if sum += w; w > widths[widest] {
				widest = i
			}
		}
		if sum <= left || len(widths) == 0 {
			return true
		}
		if widths[widest] <= least {
			return false
		}
		// Reduce to the next smaller width, or by the excess.
		next := least
		for i, w := range widths {
			if i != widest {
				next = max(next, w)
			}
		}
		widths[widest] -= max(1, min(sum-left, widths[widest]-next))
	}
}
