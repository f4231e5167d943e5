package cli_test

import (
	"fmt"
	"html"
	"strings"

	"github.com/hinshun/vt10x"
)

// The size of a letter in a picture, and of the margin.
const (
	letterWidth, letterHeight = 8, 18
	pictureMargin             = 12
)

// palette has the colours of a picture, by the terminal's numbers.
var palette = map[vt10x.Color]string{
	vt10x.Red: "#f48771", vt10x.Green: "#89d185", vt10x.Yellow: "#e2c08d", vt10x.Blue: "#6cb6ff", vt10x.Magenta: "#d2a8ff", vt10x.Cyan: "#76d9e6", vt10x.DarkGrey: "#8b949e",
}

// A style is that of letters in a picture.
type style struct {
	color string
	bold  bool
}

func styleOf(g vt10x.Glyph) style {
	const bold = 1 << 2 // the emulator's, which also makes the eight colours bright
	color, known := palette[g.FG]
	if !known {
		color, known = palette[g.FG-8]
	}
	if !known || g.FG == vt10x.DefaultFG {
		color = "#d4d4d4"
	}
	return style{color, g.Mode&bold != 0}
}

// pictureOf returns an SVG picture of rows of a terminal. Each text has its width, so that the columns are straight in any
// font.
func pictureOf(rows [][]vt10x.Glyph, title string) string {
	cols := 100
	for _, row := range rows {
		cols = max(cols, len(row))
	}
	width, height := cols*letterWidth+2*pictureMargin, len(rows)*letterHeight+2*pictureMargin
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13.3">`+"\n", width, height, width, height)
	fmt.Fprintf(&out, "<title>%s</title>\n<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#1e1e1e\"/>\n", html.EscapeString(title), width, height)
	for y, row := range rows {
		for x := 0; x < len(row); {
			if blank(row[x]) {
				x++
				continue
			}
			from, look := x, styleOf(row[x])
			var text strings.Builder
			for ; x < len(row) && !(blank(row[x]) && (x+1 == len(row) || blank(row[x+1]))) && (blank(row[x]) || styleOf(row[x]) == look); x++ {
				if blank(row[x]) {
					text.WriteByte(' ')
				} else {
					text.WriteRune(row[x].Char)
				}
			}
			shown := strings.TrimRight(text.String(), " ")
			weight := ""
			if look.bold {
				weight = ` font-weight="bold"`
			}
			fmt.Fprintf(&out, "<text x=\"%d\" y=\"%d\" fill=\"%s\"%s textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\">%s</text>\n", pictureMargin+from*letterWidth,
				pictureMargin+y*letterHeight+13, look.color, weight, len([]rune(shown))*letterWidth, html.EscapeString(shown))
		}
	}
	return out.String() + "</svg>\n"
}

func blank(g vt10x.Glyph) bool { return g.Char == 0 || g.Char == ' ' }
