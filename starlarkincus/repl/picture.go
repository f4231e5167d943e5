package repl

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// The line editor has one line, acts on control characters, and loses what isn't UTF-8. So it is shown such text as
// Unicode's pictures of control characters: a newline as ␊, a tab as ␉. What has no picture of its own is a picture and
// a variation selector, which has no width and which the editor keeps with the letter before it: so is the picture that
// stands for itself.
const (
	pictures   = 0x2400
	pictureDEL = 0x2421
)

// The selectors, by what a picture with each stands for.
const (
	selected    = 0xfe00 + iota // the control character, before a selector that is text
	itself                      // the picture
	highControl                 // one of C1, U+0080 to U+009F
	direction                   // one of directions
	invalid                     // with the three after it: a byte from 0x80, 32 each
	selectorEnd = invalid + 4
)

// directions are the characters that change the order in which a terminal shows others.
var directions = []rune("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

func isPicture(r rune) bool { return r >= pictures && r < pictures+' ' || r == pictureDEL }

func isSelector(r rune) bool { return r >= selected && r < selectorEnd }

// A shower makes text that fits the line editor, in pieces of whole characters.
type shower struct {
	bare bool // a control character's picture came last
}

// add appends what is shown for one character, or for a byte that is part of none (r is utf8.RuneError, and b the byte).
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

// show makes text that fits the line editor.
func show(text string) string {
	var s shower
	out := make([]byte, 0, len(text))
	for i, r := range text {
		isByte := r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError))
		out = s.add(out, r, text[i], isByte)
	}
	return string(out)
}

// unshow makes of the editor's line the text that it stands for.
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
