package repl

import "strings"

// A scanner tracks the open brackets, string or comment at the end of a text. It reads the text in pieces of whole
// lines; only the last piece may end within a line.
type scanner struct {
	open      []bracket
	quote     byte // of the open string; 0 outside of strings
	triple    bool
	comment   bool
	continued bool // the line ended with a backslash
	last      byte // the last letter of the code, without spaces and comments
}

// A bracket is an open bracket.
type bracket struct{ char byte }

func (s *scanner) add(text string) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\n' {
			s.newline(i > 0 && text[i-1] == '\\')
			continue
		}
		s.continued = false
		if !s.comment && c != '#' && c != ' ' && c != '\t' {
			s.last = c
		}
		switch {
		case s.comment:
		case s.quote != 0:
			switch {
			case c == '\\' && i+1 < len(text):
				i++ // even a newline: the string continues
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
			s.open = append(s.open, bracket{c})
		case (c == ')' || c == ']' || c == '}') && len(s.open) > 0:
			s.open = s.open[:len(s.open)-1]
		}
	}
}

func (s *scanner) newline(escaped bool) {
	s.continued = escaped && !s.comment && s.quote == 0
	s.comment = false
	if !s.triple {
		s.quote = 0 // an unterminated string, which the parser will report
	}
}

func tripled(quote byte) string { return strings.Repeat(string(quote), 3) }

// within reports whether the next line continues the statement.
func (s *scanner) within() bool { return len(s.open) > 0 || s.quote != 0 || s.continued }
