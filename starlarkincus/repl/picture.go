package repl

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// The line editor has a single line, interprets control characters, and loses invalid UTF-8. So it gets such text as
// Unicode's pictures of control characters: a newline as ␊, a tab as ␉. Anything without a picture is encoded as a
// picture and a variation selector, which has no width and which the editor keeps with the preceding letter. A picture
// in the text is encoded in the same way.
const (
	pictures   = 0x2400
	pictureDEL = 0x2421
)

// The selectors, with the meaning of a picture before each.
const (
	selected    = 0xfe00 + iota // the control character, before a selector in the text
	itself                      // the picture
	highControl                 // a character of C1, U+0080 to U+009F
	direction                   // an element of directions
	invalid                     // an invalid byte from 0x80; four selectors with 32 bytes each
	selectorEnd = invalid + 4
)

// directions are the characters that change the display order of others.
var directions = []rune("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

func isPicture(r rune) bool { return r >= pictures && r < pictures+' ' || r == pictureDEL }

func isSelector(r rune) bool { return r >= selected && r < selectorEnd }

// A shower converts text for the line editor, one character at a time.
type shower struct {
	bare bool // the last character was the picture of a control character
}

// add appends the shown form of the character r. If isByte is set, it is the invalid byte b instead.
func (s *shower) add(out []byte, r rune, b byte, isByte bool) []byte {
	bare := s.bare
	s.bare = false
	pair := func(base, selector rune) []byte {
		return utf8.AppendRune(utf8.AppendRune(out, base), selector)
	}
	switch {
	case isByte:
		return pair(pictures+rune(b%32), invalid+rune(b/32)-4)
	case r < ' ', r == 0x7f:
		s.bare = true
		if r == 0x7f {
			return utf8.AppendRune(out, pictureDEL)
		}
		return utf8.AppendRune(out, pictures+r)
	case r >= 0x80 && r < 0xa0:
		return pair(pictures+r-0x80, highControl)
	case isPicture(r):
		return pair(r, itself)
	case slices.Contains(directions, r):
		return pair(pictures+rune(slices.Index(directions, r)), direction)
	case bare && isSelector(r):
		return pair(selected, r)
	}
	return utf8.AppendRune(out, r)
}

// show returns the shown form of text for the line editor.
func show(text string) string {
	var s shower
	out := make([]byte, 0, len(text))
	for i, r := range text {
		isByte := r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError))
		out = s.add(out, r, text[i], isByte)
	}
	return string(out)
}

// unshow returns the text that a line of the editor shows.
func unshow(line string) string {
	runes := []rune(line)
	out := make([]byte, 0, len(line))
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		if !isPicture(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		n := r - pictures
		next := rune(0)
		if i+1 < len(runes) && isSelector(runes[i+1]) {
			i++
			next = runes[i]
		}
		switch {
		case next == itself:
			out = utf8.AppendRune(out, r)
		case next == highControl && n < ' ':
			out = utf8.AppendRune(out, 0x80+n)
		case next == direction && int(n) < len(directions):
			out = utf8.AppendRune(out, directions[n])
		case next >= invalid && n < ' ':
			out = append(out, byte(next-invalid+4)*32+byte(n))
		case r == pictureDEL:
			out = append(out, 0x7f)
		default:
			out = append(out, byte(n))
		}
	}
	return string(out)
}
