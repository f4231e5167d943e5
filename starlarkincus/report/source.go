package report

import (
	"strings"
	"sync"
	"unicode"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/syntax"
)

// Sources holds the text of scripts by the file names of their positions. It may be used from several goroutines.
type Sources struct {
	mu    sync.Mutex
	texts map[string]string
}

// Add adds a text, in place of an earlier one of that name.
func (s *Sources) Add(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = make(map[string]string)
	}
	s.texts[name] = text
}

// line returns the line n of a source, counted from 1; empty if there is none.
func (s *Sources) line(name string, n int) string {
	s.mu.Lock()
	text := s.texts[name]
	s.mu.Unlock()
	for ; n > 1; n-- {
		_, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return ""
		}
		text = rest
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// shown returns the line at a position, without secrets.
func (s *Sources) shown(pos syntax.Position) string {
	return secret.Mask(s.line(pos.Filename(), int(pos.Line)))
}

// maxExcerpt is the width of a source line in a report; of a longer one the part around the caret is shown.
const maxExcerpt = 120

// excerpt returns the source line at a position and a caret under its column; empty if the source isn't known.
func (p *Printer) excerpt(pos syntax.Position) string {
	line := []rune(strings.TrimRight(p.Sources.shown(pos), " \t"))
	column := int(pos.Col) - 1 // in runes
	start := 0
	for start < len(line) && unicode.IsSpace(line[start]) {
		start++
	}
	if start == len(line) {
		return ""
	}
	before, after := "", ""
	if column-start > maxExcerpt*3/4 {
		start, before = column-maxExcerpt/2, "…"
	}
	start = min(start, len(line))
	if len(line)-start > maxExcerpt {
		line, after = line[:start+maxExcerpt], "…"
	}
	var text, caret strings.Builder
	text.WriteString(before)
	caret.WriteString(strings.Repeat(" ", len([]rune(before))))
	for i, r := range line[start:] {
		shown := printable.Text(string(r))
		text.WriteString(shown)
		if start+i >= column {
			continue
		}
		if r == '\t' {
			caret.WriteRune('\t')
		} else {
			caret.WriteString(strings.Repeat(" ", printable.Width(shown)))
		}
	}
	if column > len(line) {
		caret.WriteString(strings.Repeat(" ", column-len(line)))
	}
	shown := "    " + text.String() + after + "\n"
	if pos.Col > 0 {
		shown += "    " + caret.String() + p.paint(caretColor, "^") + "\n"
	}
	return shown
}
