package repl

import "strings"

// A scanner follows just enough of Starlark's grammar to say what the end of a text stands in: brackets, a string, a
// comment. It takes the text in pieces of whole lines; only the last piece may end within a line.
type scanner struct {
	open      []bracket
	quote     byte // of the string that is open; 0 outside of one
	triple    bool
	comment   bool
	continued bool // the line ended with a backslash
	read      int
}

// A bracket that is still open, where it stands in the text, and where what its commas separate begins.
type bracket struct {
	char  byte
	at    int
	parts []int
}

func (s *scanner) add(text string) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\n' {
			s.newline(i > 0 && text[i-1] == '\\')
			continue
		}
		s.continued = false
		switch {
		case s.comment:
		case s.quote != 0:
			switch {
			case c == '\\' && i+1 < len(text):
				i++ // also where a newline follows: the string goes on
			case c == s.quote && !s.triple:
				s.quote = 0
			case c == s.quote && strings.HasPrefix(text[i:], tripled(c)):
				s.quote, i = 0, i+2
			}
		case c == '#':
			s.comment = true
		case c == '"', c == '\'':
			s.quote, s.triple = c, strings.HasPrefix(text[i:], tripled(c))
			if s.triple {
				i += 2
			}
		case c == '(', c == '[', c == '{':
			s.open = append(s.open, bracket{c, s.read + i, []int{s.read + i + 1}})
		case c == ',' && len(s.open) > 0:
			inner := &s.open[len(s.open)-1]
			inner.parts = append(inner.parts, s.read+i+1)
		case (c == ')' || c == ']' || c == '}') && len(s.open) > 0:
			s.open = s.open[:len(s.open)-1]
		}
	}
	s.read += len(text)
}

func (s *scanner) newline(escaped bool) {
	s.continued = escaped && !s.comment && s.quote == 0
	s.comment = false
	if !s.triple {
		s.quote = 0 // a mistake that the parser will report
	}
}

func tripled(quote byte) string { return strings.Repeat(string(quote), 3) }

// within says whether the next line belongs to the same statement whatever it holds.
func (s *scanner) within() bool { return len(s.open) > 0 || s.quote != 0 || s.continued }
