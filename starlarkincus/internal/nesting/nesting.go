// Package nesting limits the nesting of a script's source. It must be checked before Starlark sees the source: the
// parser, the resolver and the compiler are recursive, and a stack overflow ends a Go process.
package nesting

import (
	"fmt"
	"strings"

	"incus-star/errors"
)

const (
	// maxDepth is the limit of the depth: of nested brackets and blocks, of consecutive operators and calls in one
	// expression, and of the branches of one if.
	maxDepth = 5000
	// maxDigits is the limit of a number's length.
	maxDigits = 10_000
)

// A level is an open bracket, or the statement itself.
type level struct {
	chain int // operators, keywords and brackets since the last comma, each of which may be a level of the tree
}

// A block is a block of statements with the same indentation.
type block struct{ indent, branches int }

// A scanner determines the depth in one pass over the text. It knows only the syntax that matters to depth, and
// overestimates where that isn't enough.
type scanner struct {
	text   string
	line   int
	levels []level
	blocks []block
	depth  int // the sum over levels and blocks
}

// operatorWords are the keywords of operators and of other expressions with operands.
var operatorWords = map[string]bool{"not": true, "and": true, "or": true, "in": true, "if": true, "else": true, "for": true, "lambda": true}

// newlines makes all ends of lines that Starlark knows the same.
var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Check returns an error if a script nests too deeply or has too long a number, and the line of that.
func Check(text string) (line int, err error) {
	text = newlines.Replace(text)
	s := &scanner{text: text, line: 1, levels: make([]level, 1, 16)}
	i := s.indentation(0)
	for i < len(text) {
		c := text[i]
		switch {
		case c == '\n':
			s.line++
			i++
			if len(s.levels) == 1 {
				s.reset()
				i = s.indentation(i)
			}
			continue
		case c == '\\' && i+1 < len(text) && text[i+1] == '\n':
			s.line++
			i++
		case c == '#':
			i += len(text[i:]) - len(strings.TrimLeft(text[i:], "#"))
			if end := strings.IndexByte(text[i:], '\n'); end >= 0 {
				i += end
			} else {
				i = len(text)
			}
			continue
		case c == '"' || c == '\'':
			i = s.literal(i)
			continue
		case strings.IndexByte("([{", c) >= 0:
			s.extend()
			s.levels = append(s.levels, level{})
			s.depth++
		case strings.IndexByte(")]}", c) >= 0 && len(s.levels) > 1:
			s.reset()
			s.levels = s.levels[:len(s.levels)-1]
			s.depth--
		case c == ',' || c == ';':
			s.reset()
		case strings.IndexByte("+-*/%<>=!&|^~.", c) >= 0:
			s.extend()
		case isLetter(c):
			word := s.word(i)
			if c <= '9' && c >= '0' && len(word) > maxDigits {
				return s.line, fmt.Errorf("has a number of %d digits, more than the limit of %d", len(word), maxDigits)
			}
			if operatorWords[word] {
				s.extend()
			}
			i += len(word)
			if s.depth > maxDepth {
				return s.line, errTooDeep
			}
			continue
		}
		if s.depth > maxDepth {
			return s.line, errTooDeep
		}
		i++
	}
	return 0, nil
}

var errTooDeep = errors.Plain("is nested too deeply, or has too many terms in one expression (the limit is 5000)")

// extend adds a level to the current expression.
func (s *scanner) extend() {
	s.levels[len(s.levels)-1].chain++
	s.depth++
}

// reset starts a new expression beside the last one, at the same depth.
func (s *scanner) reset() {
	last := &s.levels[len(s.levels)-1]
	s.depth -= last.chain
	last.chain = 0
}

// indentation updates the blocks for the line at i, and returns the index of its first character after the indentation.
func (s *scanner) indentation(i int) int {
	start := i
	for i < len(s.text) && (s.text[i] == ' ' || s.text[i] == '\t') {
		i++
	}
	if i == len(s.text) || s.text[i] == '\n' || s.text[i] == '#' {
		return i
	}
	indent := i - start
	for len(s.blocks) > 0 && s.blocks[len(s.blocks)-1].indent > indent {
		s.depth -= s.blocks[len(s.blocks)-1].branches
		s.blocks = s.blocks[:len(s.blocks)-1]
	}
	if len(s.blocks) == 0 || s.blocks[len(s.blocks)-1].indent < indent {
		s.blocks = append(s.blocks, block{indent, 1})
		s.depth++
		return i
	}
	last := &s.blocks[len(s.blocks)-1]
	switch s.word(i) {
	case "elif":
		last.branches++
		s.depth++
	case "else":
	default:
		s.depth -= last.branches - 1
		last.branches = 1
	}
	return i
}

// literal returns the index after the string that begins at i.
func (s *scanner) literal(i int) int {
	quote := s.text[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s.text[i:], triple) {
		quote = triple
	}
	for i += len(quote); i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '\\':
			if i++; i < len(s.text) && s.text[i] == '\n' {
				s.line++
			}
		case strings.HasPrefix(s.text[i:], quote):
			return i + len(quote)
		case c == '\n':
			if len(quote) == 1 {
				return i // unterminated: the parser reports that
			}
			s.line++
		}
	}
	return i
}

// word returns the name or number at i.
func (s *scanner) word(i int) string {
	end := i
	for end < len(s.text) && isLetter(s.text[end]) {
		end++
	}
	return s.text[i:end]
}

func isLetter(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
