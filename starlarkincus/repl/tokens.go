package repl

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A token is a part of a text that may be incomplete.
type token struct {
	kind       tokenKind
	start, end int
	match      int // of an opening or closing bracket, the index of the other one; -1 for none
}

type tokenKind int

const (
	wordToken tokenKind = iota // a name or keyword
	numberToken
	textToken    // a string
	openText     // a string without its end
	openToken    // ( [ {
	closeToken   // ) ] }
	newlineToken // outside of brackets
	commentToken
	otherToken
)

// tokens are the tokens of a text, in order.
type tokens struct {
	text string
	list []token
	open []int // indexes of the open brackets at the end
}

// tokenize returns the tokens of the text.
func tokenize(text string) *tokens {
	ts := &tokens{text: text}
	for i := 0; i < len(text); {
		start := i
		add := func(kind tokenKind, end int) {
			ts.list = append(ts.list, token{kind, start, end, -1})
			i = end
		}
		c := text[i]
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case c == '\n':
			if i++; len(ts.open) == 0 {
				add(newlineToken, i)
			}
		case c == '\\' || c == ' ' || c == '\t' || c == '\r' || c == '\f':
			i++
		case c == '#':
			end := len(text)
			if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
				i += n // no token, because the comment has an end
				continue
			}
			add(commentToken, end)
		case c == '"' || c == '\'':
			end, closed := textEnd(text, i)
			if !closed {
				add(openText, end)
				if end < len(text) { // the string ended with its line
					ts.list[len(ts.list)-1].kind = textToken
				}
				continue
			}
			add(textToken, end)
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(text) && isDigit(text[i+1]):
			end := i
			for end < len(text) && (text[end] == '.' || text[end] == '_' || isWordByte(text[end])) {
				end++
			}
			add(numberToken, end)
		case r == '_' || unicode.IsLetter(r):
			end := i + size
			for end < len(text) {
				r, size := utf8.DecodeRuneInString(text[end:])
				if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
					break
				}
				end += size
			}
			if end < len(text) && (text[end] == '"' || text[end] == '\'') && isPrefix(text[i:end]) {
				i = end // of a string such as r"a"
				continue
			}
			add(wordToken, end)
		case c == '(' || c == '[' || c == '{':
			ts.open = append(ts.open, len(ts.list))
			add(openToken, i+1)
		case c == ')' || c == ']' || c == '}':
			add(closeToken, i+1)
			if n := len(ts.open); n > 0 {
				other := ts.open[n-1]
				ts.open = ts.open[:n-1]
				ts.list[other].match, ts.list[len(ts.list)-1].match = len(ts.list)-1, other
			}
		case strings.HasPrefix(text[i:], "==") || strings.HasPrefix(text[i:], "!=") || strings.HasPrefix(text[i:], "<=") || strings.HasPrefix(text[i:], ">="):
			add(otherToken, i+2)
		case c < utf8.RuneSelf:
			add(otherToken, i+1)
		default:
			add(otherToken, i+size)
		}
	}
	return ts
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isPrefix reports whether a word before a quote belongs to the string.
func isPrefix(word string) bool { return word == "r" || word == "b" || word == "rb" }

// textEnd returns the end of the string at i, and whether it has one.
func textEnd(text string, i int) (end int, closed bool) {
	quote := text[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text[i:], triple) {
		quote = triple
	}
	for i += len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote), true
		case text[i] == '\n' && len(quote) == 1:
			return i, false
		}
	}
	return len(text), false
}

// is reports whether the token at i is the given text.
func (ts *tokens) is(i int, text string) bool {
	return i >= 0 && i < len(ts.list) && ts.list[i].kind != textToken && ts.list[i].kind != openText && ts.text[ts.list[i].start:ts.list[i].end] == text
}

// word returns the token at i if it is a name or a keyword.
func (ts *tokens) word(i int) string {
	if i < 0 || i >= len(ts.list) || ts.list[i].kind != wordToken {
		return ""
	}
	return ts.text[ts.list[i].start:ts.list[i].end]
}

// name returns the token at i if it is a name.
func (ts *tokens) name(i int) string {
	if word := ts.word(i); !isKeyword[word] {
		return word
	}
	return ""
}

// endsOperand reports whether the token at i may be the end of an operand.
func (ts *tokens) endsOperand(i int) bool {
	if i < 0 {
		return false
	}
	switch ts.list[i].kind {
	case textToken, closeToken:
		return true
	}
	return ts.name(i) != ""
}

// primary returns the start of the primary expression before the token at end, such as a name with calls, indexes and
// attributes; -1 if there is none.
func (ts *tokens) primary(end int) int {
	for i := end - 1; i >= 0; i-- {
		switch ts.list[i].kind {
		case closeToken:
			if i = ts.list[i].match; i < 0 {
				return -1
			}
			if !ts.is(i, "{") && ts.endsOperand(i-1) {
				continue // a call or an index
			}
		case textToken:
		default:
			if ts.name(i) == "" {
				return -1
			}
		}
		if !ts.is(i-1, ".") {
			return i
		}
		i--
	}
	return -1
}

// source returns the text of the tokens from start up to end.
func (ts *tokens) source(start, end int) string {
	if start < 0 || start >= end {
		return ""
	}
	from := ts.list[start].start
	if ts.list[start].kind == textToken { // with its prefix
		for from > 0 && isWordByte(ts.text[from-1]) {
			from--
		}
	}
	return ts.text[from:ts.list[end-1].end]
}

// enclosing returns the index of the innermost bracket that is open before the token at i; -1 for none.
func (ts *tokens) enclosing(i int) int {
	for i--; i >= 0; i-- {
		switch ts.list[i].kind {
		case closeToken:
			if i = ts.list[i].match; i < 0 {
				return -1
			}
		case openToken:
			return i
		}
	}
	return -1
}

// elements returns the starts of the elements between an open bracket and the token at end.
func (ts *tokens) elements(open, end int) []int {
	starts := []int{open + 1}
	for i := open + 1; i < end; i++ {
		switch {
		case ts.list[i].kind == openToken && ts.list[i].match > i:
			i = ts.list[i].match
		case ts.is(i, ","):
			starts = append(starts, i+1)
		}
	}
	return starts
}

// expressionEnd returns the end of the expression that starts at i: the next token at the same depth that can't belong
// to it.
func (ts *tokens) expressionEnd(i int) int {
	for ; i < len(ts.list); i++ {
		switch ts.list[i].kind {
		case openToken:
			if ts.list[i].match < 0 {
				return i
			}
			i = ts.list[i].match
		case closeToken, newlineToken, openText, commentToken:
			return i
		}
		switch {
		case ts.is(i, ":"), ts.is(i, ";"), ts.is(i, ","), ts.is(i, "="), ts.word(i) == "for", ts.word(i) == "if":
			return i
		}
	}
	return i
}

// textValue returns the content of the string at i, without escapes.
func (ts *tokens) textValue(i int) string {
	text := ts.source(i, i+1)
	text = strings.TrimLeft(text, "rb")
	return strings.Trim(text, text[:1])
}
