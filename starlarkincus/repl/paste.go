package repl

import (
	"bytes"
	"slices"
	"strings"
	"time"
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
	editKeys   = "\x18\x05" // Ctrl-X Ctrl-E edits the entry in an editor
	linesKey   = 0x0f       // Ctrl-O takes it line by line
	suspendKey = 0x1a       // Ctrl-Z stops the process
)

// interruptKey is the byte that Ctrl-C sends in the editor's mode.
const interruptKey = 0x03

// maxPaste limits pasted text, in bytes.
var maxPaste = 1 << 20

// maxTyped is the longest pasted text that the editor gets as if it were typed, also into a search. It draws its line after
// each of its reads, so longer text comes at once.
const maxTyped = 200

// Limits of waits for the rest of something.
const (
	escapeTime = 50 * time.Millisecond  // of a sequence after ESC, which is a key too
	reportTime = time.Second            // of a longer sequence
	fastTime   = 20 * time.Millisecond  // of lines that come too fast to be typed
	dropPause  = 100 * time.Millisecond // of lines that are dropped
	frontTime  = 200 * time.Millisecond // between two looks at whether the process has the terminal again
)

// pasteTime limits the wait for the rest of pasted text, which is shown then. Its end mark may be lost.
var pasteTime = 200 * time.Millisecond

// A pasteFilter converts a terminal's bytes for the line editor: text to its shown form, keys to the editor's, and no reports.
// Pasted text is held until its end mark or a pause.
type pasteFilter struct {
	pasting bool
	alone   bool   // the last input was Ctrl-C and nothing else
	cr      bool   // the last inserted byte was a carriage return
	refused bool   // text was dropped because it was too long, which is still to be said
	over    bool   // the pasted text is too long
	pasted  []byte // since the start mark, or since the last pause
	total   int    // bytes since the start mark
	scanned int    // bytes of pasted without the end mark
	held    []byte // perhaps the start of a character
	shower  shower
	keys    sequences
	blocks  [][]byte // shown forms of pasted texts that the editor takes at once

	indented int  // the spaces at the start of the line, until the first key
	within   bool // the line continues an entry
	control  bool // Ctrl-X was typed
	moved    bool // the line may have had other rows, or the cursor isn't at its end
}

// wait returns the time after which flush must be called if nothing more comes; 0 for no limit.
func (f *pasteFilter) wait() time.Duration {
	switch {
	case f.pasting && (len(f.pasted) > partial(f.pasted) || f.alone):
		return pasteTime
	case f.keys.state == afterEscape, len(f.held) > 0:
		return escapeTime
	case f.keys.within():
		return reportTime
	}
	return 0
}

// feed returns the converted bytes.
func (f *pasteFilter) feed(input []byte) []byte {
	f.alone = f.pasting && string(input) == string(rune(interruptKey))
	return f.filter(input, false)
}

// flush returns the held bytes after a pause.
func (f *pasteFilter) flush() []byte {
	out := f.key(nil, f.keys.end())
	if !f.pasting {
		return append(out, f.filter(nil, true)...)
	}
	if f.alone {
		// Ctrl-C ends a paste whose end mark was lost. A key comes alone; within pasted text the byte is text.
		f.endPaste()
		return append(out, interruptKey)
	}
	rest := f.pasted[len(f.pasted)-partial(f.pasted):]
	out = f.insert(out, f.pasted[:len(f.pasted)-len(rest)])
	f.pasted, f.scanned = bytes.Clone(rest), 0
	return out
}

// partial returns the length of the end of pasted text that may be the start of the end mark, or of a character.
func partial(text []byte) int {
	for n := min(len(text), len(pasteEnd)-1); n > 0; n-- {
		if strings.HasPrefix(pasteEnd, string(text[len(text)-n:])) {
			return n
		}
	}
	for n := 1; n <= min(len(text), utf8.UTFMax-1); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return n
			}
			break
		}
	}
	return 0
}

func (f *pasteFilter) filter(input []byte, last bool) []byte {
	var out []byte
	input = append(f.held, input...)
	f.held = nil
	for len(input) > 0 {
		if f.pasting {
			var ended bool
			if input, ended = f.paste(input); ended {
				out = f.insert(out, f.pasted)
				f.endPaste()
			}
			continue
		}
		if input[0] == escByte || f.keys.within() {
			key, taken := f.keys.add(input[0])
			if taken {
				input = input[1:]
			}
			if key == pasteBegins {
				f.pasting = true
				continue
			}
			out = f.key(out, key)
			continue
		}
		if !last && !utf8.FullRune(input) {
			f.held = bytes.Clone(input)
			return out
		}
		r, size := utf8.DecodeRune(input)
		if r < ' ' || r == delByte {
			out = f.key(out, string(input[:1]))
		} else {
			f.indented, f.control = 0, false
			out = f.shower.add(out, r, input[0], r == utf8.RuneError && size == 1)
		}
		input = input[size:]
	}
	return out
}

// paste takes pasted text, and returns the input after the end mark.
func (f *pasteFilter) paste(input []byte) (rest []byte, ended bool) {
	f.pasted = append(f.pasted, input...)
	if end := bytes.Index(f.pasted[f.scanned:], []byte(pasteEnd)); end >= 0 {
		end += f.scanned
		rest, ended = bytes.Clone(f.pasted[end+len(pasteEnd):]), true
		f.pasted = f.pasted[:end]
	}
	f.scanned = max(0, len(f.pasted)-len(pasteEnd)+1)
	if f.over || f.total+len(f.pasted) > maxPaste { // only the end is of use, for the mark
		drop := f.scanned
		if ended {
			drop = len(f.pasted)
		}
		f.refused, f.over = f.refused || !f.over, true
		f.total += drop
		f.pasted, f.scanned = append(f.pasted[:0], f.pasted[drop:]...), 0
	}
	return rest, ended
}

func (f *pasteFilter) endPaste() {
	f.pasting, f.alone, f.cr, f.over, f.pasted, f.scanned, f.total, f.shower = false, false, false, false, nil, 0, 0, shower{}
}

// insert appends what brings pasted text into the line. Terminals send a carriage return at the end of a pasted line.
func (f *pasteFilter) insert(out, text []byte) []byte {
	if len(text) == 0 {
		return out
	}
	if f.total == 0 {
		out = append(out, f.replaceIndent(text[0])...)
	}
	f.total += len(text)
	f.indented = 0
	shown := make([]byte, 0, len(text)+len(text)/8)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		b, after := text[i], f.cr
		i += size
		f.cr = r == '\r'
		switch {
		case r == '\n' && after:
			continue
		case r == '\r':
			r = '\n'
		}
		shown = f.shower.add(shown, r, b, r == utf8.RuneError && size == 1)
	}
	if len(shown) <= maxTyped {
		return append(out, shown...)
	}
	f.blocks = append(f.blocks, shown)
	return append(out, insertBlock...)
}

// key appends a key. The first Backspace in an indented line takes a step of the indentation.
func (f *pasteFilter) key(out []byte, key string) []byte {
	if key == "" {
		return out
	}
	f.shower = shower{}
	switch b := key[0]; {
	case len(key) > 1: // a sequence
	case b == bsByte, b == delByte:
		f.moved = true
		n := (f.indented-1)%len(indent) + 1
		f.indented -= n
		return append(out, strings.Repeat(key, max(1, n))...)
	case b == editKeys[0]:
		f.control = true
		return out
	case b == editKeys[1] && f.control:
		f.control = false
		return append(out, editWhole...)
	case b == linesKey:
		return append(out, editLines...)
	case b == suspendKey && bytes.HasSuffix(out, []byte(suspend)):
		return out // typed before the first one has stopped the process
	case b == suspendKey:
		return append(out, suspend...)
	case b == '\r' && f.moved:
		key = enterMoved
	}
	f.moved = key != "\r" && key != enterMoved && key[0] != interruptKey
	f.indented, f.control = 0, false
	return append(out, key...)
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
	return !f.pasting && len(f.held) == 0 && !f.keys.within() && !bytes.ContainsFunc(input, func(r rune) bool {
		return r < ' ' && r != '\r' && r != '\t' || r == delByte
	})
}

// lines returns the converted bytes of input that came at once. Several lines, or a long one, are pasted text; the line ends after
// it end it.
func (f *pasteFilter) lines(input []byte) []byte {
	text := bytes.TrimRight(input, "\r")
	if !severalLines(input) && len(text) <= maxTyped {
		return f.feed(input)
	}
	ends := len(input) - len(text)
	if !f.within {
		ends = min(ends, 1)
	}
	return f.feed(slices.Concat([]byte(pasteStart), text, []byte(pasteEnd), bytes.Repeat([]byte("\r"), ends)))
}

// severalLines reports whether input has more than one line.
func severalLines(input []byte) bool { return bytes.IndexByte(bytes.TrimRight(input, "\r"), '\r') >= 0 }
