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

// Keys that the editor doesn't have.
const (
	editKeys = "\x18\x05" // Ctrl-X Ctrl-E edits the entry in an editor
	linesKey = 0x0f       // Ctrl-O takes it line by line
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

	indented int  // the spaces at the start of the line, until the first key
	within   bool // the line continues an entry
	control  bool // Ctrl-X was typed
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
			if f.pasting && i < len(input) {
				out = append(out, f.replaceIndent(input[i])...)
			}
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
			return f.key(out, b)
		}
		f.indented, f.control = 0, false
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

// key appends a key. The first Backspace in an indented line takes a step of the indentation.
func (f *pasteFilter) key(out []byte, b byte) []byte {
	const backspace, delete = 0x08, 0x7f
	switch b {
	case backspace, delete:
		n := (f.indented-1)%len(indent) + 1
		f.indented -= n
		return append(out, strings.Repeat(string(rune(b)), max(1, n))...)
	case editKeys[0]:
		f.control = true
		return out
	case editKeys[1]:
		if f.control {
			f.control = false
			return append(out, editWhole...)
		}
	case linesKey:
		return append(out, editLines...)
	}
	f.indented, f.control = 0, false
	return append(out, b)
}

// replaceIndent returns the key that removes the indentation of a line, if the pasted text that starts with a byte has its
// own.
func (f *pasteFilter) replaceIndent(first byte) string {
	const erase = "\x15"
	if f.indented > 0 && (first == ' ' || first == '\t') {
		f.indented = 0
		return erase
	}
	return ""
}

// unmarked reports whether input has no keys except line ends and tabs, as pasted text of a terminal that doesn't mark it.
func (f *pasteFilter) unmarked(input []byte) bool {
	return !f.pasting && len(f.held) == 0 && !bytes.ContainsFunc(input, func(r rune) bool {
		return r < ' ' && r != '\r' && r != '\t' || r == 0x7f
	})
}

// lines returns the converted bytes of input that came at once. Several lines are pasted text; those after its last line
// end it.
func (f *pasteFilter) lines(input []byte) []byte {
	text := bytes.TrimRight(input, "\r")
	if bytes.IndexByte(text, '\r') < 0 {
		return f.feed(input)
	}
	ends := len(input) - len(text)
	if !f.within {
		ends = min(ends, 1)
	}
	return append(f.feed([]byte(pasteStart+string(text)+pasteEnd)), strings.Repeat("\r", ends)...)
}
