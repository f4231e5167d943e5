package repl

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A terminal in bracketed paste mode marks the start and end of pasted text.
const (
	marksOn    = "\x1b[?2004h"
	marksOff   = "\x1b[?2004l"
	pasteStart = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// interruptKey is the byte that Ctrl-C sends in the editor's mode.
const interruptKey = 0x03

// A pasteFilter converts a terminal's bytes for the line editor: text to its shown form, and keys, unless they are
// pasted, to themselves.
type pasteFilter struct {
	pasting bool
	cr      bool   // the last pasted byte was a carriage return
	held    []byte // perhaps the start of a mark or of a character, or a key in pasted text
	shower  shower
}

// feed returns the converted bytes.
func (f *pasteFilter) feed(input []byte) []byte { return f.filter(input, false) }

// flush returns the held bytes after a timeout.
func (f *pasteFilter) flush() []byte { return f.filter(nil, true) }

func (f *pasteFilter) filter(input []byte, last bool) []byte {
	var out []byte
	input = append(f.held, input...)
	f.held = nil
	for i := 0; i < len(input); {
		mark := pasteStart
		if f.pasting {
			mark = pasteEnd
		}
		rest := input[i:]
		switch {
		case bytes.HasPrefix(rest, []byte(mark)):
			f.pasting, f.cr = !f.pasting, false
			i += len(mark)
			continue
		case !last && (strings.HasPrefix(mark, string(rest)) || !utf8.FullRune(rest) || f.pasting && string(rest) == string(rune(interruptKey))):
			f.held = bytes.Clone(rest)
			return out
		case last && f.pasting && rest[0] == interruptKey:
			// Ctrl-C ends a paste whose end mark was lost. A key comes alone; within pasted text the byte is text.
			f.pasting, f.shower = false, shower{}
			return append(out, interruptKey)
		}
		r, size := utf8.DecodeRune(rest)
		i += size
		out = f.character(out, r, rest[0], r == utf8.RuneError && size == 1)
	}
	return out
}

// character appends one character. Terminals send a carriage return at the end of a pasted line.
func (f *pasteFilter) character(out []byte, r rune, b byte, isByte bool) []byte {
	if !f.pasting {
		if r < ' ' || r == 0x7f { // a key
			f.shower = shower{}
			return append(out, b)
		}
		return f.shower.add(out, r, b, isByte)
	}
	after := f.cr
	f.cr = r == '\r'
	switch {
	case r == '\n' && after:
		return out
	case r == '\r':
		r = '\n'
	}
	return f.shower.add(out, r, b, isByte)
}
