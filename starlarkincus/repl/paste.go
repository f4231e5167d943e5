package repl

import (
	"bytes"
	"strings"
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

// The line editor has one line and acts on control characters. So those that are text, in what is pasted and in
// entries of the history, are shown to it as Unicode's pictures of them: a newline is ␊, a tab ␉.
const pictures = 0x2400

// show makes text that fits the line editor.
func show(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return pictures + r
		}
		return r
	}, text)
}

// unshow makes of the editor's line the text that it stands for.
func unshow(line string) string {
	return strings.Map(func(r rune) rune {
		if r >= pictures && r < pictures+' ' {
			return r - pictures
		}
		return r
	}, line)
}

// A pasteFilter makes pasted text out of a terminal's bytes into what the line editor takes for typed.
type pasteFilter struct {
	pasting bool
	cr      bool   // the last pasted byte was a carriage return
	held    []byte // may be the start of a mark
}

// feed gives what the editor is to read for the terminal's bytes.
func (f *pasteFilter) feed(input []byte) []byte {
	var out []byte
	input = append(f.held, input...)
	f.held = nil
	for i := 0; i < len(input); i++ {
		mark := pasteStart
		if f.pasting {
			mark = pasteEnd
		}
		rest := input[i:]
		switch {
		case bytes.HasPrefix(rest, []byte(mark)):
			f.pasting, f.cr = !f.pasting, false
			i += len(mark) - 1
		case rest[0] == mark[0] && strings.HasPrefix(mark, string(rest)):
			f.held = bytes.Clone(rest)
			return out
		case f.pasting:
			out = f.paste(out, rest[0])
		default:
			out = append(out, rest[0])
		}
	}
	return out
}

// flush gives what was held back, when nothing has followed: it was no mark.
func (f *pasteFilter) flush() []byte {
	out := f.held
	f.held = nil
	if !f.pasting {
		return out
	}
	var pasted []byte
	for _, c := range out {
		pasted = f.paste(pasted, c)
	}
	return pasted
}

// paste adds one pasted byte. Terminals send a carriage return for the end of a line.
func (f *pasteFilter) paste(out []byte, c byte) []byte {
	after := f.cr
	f.cr = c == '\r'
	switch {
	case c == interruptKey: // the way out where the end's mark was lost
		f.pasting = false
		return append(out, c)
	case c == '\n' && after, c == 0x7f:
		return out
	case c == '\r':
		c = '\n'
	}
	if c < ' ' {
		return append(out, show(string(rune(c)))...)
	}
	return append(out, c)
}
