// Package printable makes foreign text, such as a server's message, a file's name or a script's value, safe for
// terminals and logs: control characters, and characters that disguise text, are escaped.
//
// All output except that of a script's own print passes through it.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with escapes, and newlines and tabs as they are.
func Text(s string) string { return escaped(s, "\n\t") }

// Indented returns s as [Text] does, with the lines after the first indented, so that none of them passes for a line of
// the text around it.
func Indented(s string) string { return strings.ReplaceAll(Text(s), "\n", "\n    ") }

// Line returns s with escapes, of newlines and tabs too.
func Line(s string) string { return escaped(s, "") }

// Rune reports whether r is shown as itself, without an escape.
func Rune(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL and C1
		return false
	case r < 0x300:
		return r != 0xad // the soft hyphen
	case r >= 0xfe00 && r <= 0xfe0f, r == 0x200c, r == 0x200d:
		return true // variation selectors, and the joiner and the non-joiner
	}
	// Cf includes the bidirectional marks, embeddings and isolates; Zl and Zp end a line.
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs)
}

// escaped returns s with escapes for all characters that aren't shown as themselves, except those in keep.
func escaped(s, keep string) string {
	clean := true
	for i, r := range s {
		if !shows(s, i, r, keep) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case shows(s, i, r, keep):
			b.WriteRune(r)
		case r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			b.WriteString(escape(r))
		}
	}
	return b.String()
}

// shows reports whether the character r at i stays as it is, which a byte of invalid UTF-8 does not.
func shows(s string, i int, r rune, keep string) bool {
	if r == utf8.RuneError {
		return strings.HasPrefix(s[i:], string(utf8.RuneError))
	}
	return Rune(r) || strings.ContainsRune(keep, r)
}

// escape returns the escape of a character, in Go's notation.
func escape(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\t':
		return `\t`
	case r == '\r':
		return `\r`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// JSON returns JSON with JSON's own escapes for the characters that aren't shown as themselves, so that the value stays
// the same.
func JSON(text []byte) []byte {
	if strings.IndexFunc(string(text), func(r rune) bool { return !Rune(r) && r != '\n' && r != '\t' && r != '\r' }) < 0 {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		switch {
		case Rune(r), r == '\n', r == '\t', r == '\r':
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
