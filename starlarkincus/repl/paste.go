package repl

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A terminal that was asked to marks what is pasted.
const (
	marksOn    = "\x1b[?2004h"
	marksOff   = "\x1b[?2004l"
	pasteStart = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// interruptKey is what Ctrl-C sends while it makes no signal.
const interruptKey = 0x03

// A pasteFilter makes a terminal's bytes into what the line editor is to read: text as it is shown, and of what isn't
// pasted the keys.
type pasteFilter struct {
	pasting bool
	cr      bool   // the last pasted byte was a carriage return
	held    []byte // may be the start of a mark or of a character, or a key in what is pasted
	shower  shower
}

// feed gives what the editor is to read for the terminal's bytes.
func (f *pasteFilter) feed(input []byte) []byte { return f.filter(input, false) }

// flush gives what was held back, when nothing has followed.
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
			// The way out where the end's mark was lost. A key stands alone; within what is pasted it is text.
			f.pasting, f.shower = false, shower{}
			return append(out, interruptKey)
		}
		r, size := utf8.DecodeRune(rest)
		i += size
		out = f.character(out, r, rest[0], r == utf8.RuneError && size == 1)
	}
	return out
}

// character adds one character. Terminals send a carriage return for the end of a pasted line.
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
