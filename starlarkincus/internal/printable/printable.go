// Package printable makes text from elsewhere safe for a terminal and a log: a server's message, a file's name, a
// script's value. What a terminal would act on, and what makes text look like other text, is shown as an escape.
//
// All that is printed and isn't a script's own print goes through it.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text keeps newlines and tabs.
func Text(s string) string { return escaped(s, "\n\t") }

// Line has no newline or tab either.
func Line(s string) string { return escaped(s, "") }

// Rune reports whether a character shows as itself.
func Rune(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL and C1
		return false
	case r < 0x300:
		return r != 0xad // the soft hyphen
	case r >= 0xfe00 && r <= 0xfe0f, r == 0x200c, r == 0x200d:
		return true // variants of letters, and what joins them or keeps them apart
	}
	// Format has the bidirectional controls, marks and isolates; the separators end a line.
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs)
}

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
			b.WriteString(Escape(r))
		}
	}
	return b.String()
}

// shows reports whether the character at i is kept: a broken byte isn't.
func shows(s string, i int, r rune, keep string) bool {
	if r == utf8.RuneError {
		return strings.HasPrefix(s[i:], string(utf8.RuneError))
	}
	return Rune(r) || strings.ContainsRune(keep, r)
}

// Escape is how a character is shown that doesn't show as itself.
func Escape(r rune) string {
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

// JSON writes characters that don't show as themselves as JSON's escapes: the value stays the same. The text must be
// JSON.
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
