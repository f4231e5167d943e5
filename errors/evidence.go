package errors

import (
	"regexp"
	"strconv"
	"strings"
)

// A span is a part of a text, from its first byte to the one after its last.
type span struct{ from, to int }

// programOutput precedes the words of a program that the server ran.
const programOutput = "Failed to run: "

// plainWords is a text that a server might say of itself.
var plainWords = regexp.MustCompile(`^[A-Za-z' ]+$`)

// hearsay returns the parts of a server's message that aren't its own words: what it quotes, and values that the
// request held.
func hearsay(message string, values []string) []span {
	spans := quoted(message)
	quotes := len(spans)
	for _, value := range values {
		if len(value) < 3 {
			continue // too little to be evidence of anything
		}
		found := occurrences(message, value)
		if escaped := strconv.Quote(value); escaped[1:len(escaped)-1] != value {
			found = append(found, occurrences(message, escaped[1:len(escaped)-1])...)
		}
		if plainWords.MatchString(value) {
			found = spoken(message, value, found, spans[:quotes])
		}
		spans = append(spans, found...)
	}
	return spans
}

// spoken decides which occurrences of a caller's value are the caller's, where a server might say the same words: none
// where it quotes the value, since then it does so wherever it means it; else the last one.
func spoken(message, value string, found, quotes []span) []span {
	for _, q := range quotes {
		if message[q.from+1:q.to-1] == value {
			return nil
		}
	}
	return found[max(0, len(found)-1):]
}

func occurrences(text, part string) []span {
	var found []span
	for from := 0; part != ""; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			break
		}
		found = append(found, span{from + i, from + i + len(part)})
		from += i + len(part)
	}
	return found
}

// quoted finds what stands in quotes, the quotes included: in " or ` anywhere, and in ' where it isn't an apostrophe.
func quoted(text string) []span {
	var spans []span
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '"' && c != '`' && c != '\'' || c == '\'' && i > 0 && isLetter(text[i-1]) {
			continue
		}
		for j := i + 1; j < len(text); j++ {
			if text[j] == '\\' && c == '"' {
				j++
			} else if text[j] == c && (c != '\'' || j+1 == len(text) || !isLetter(text[j+1])) {
				spans = append(spans, span{i, j + 1})
				i = j
				break
			}
		}
	}
	return spans
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' }

// says reports whether the message matches in the server's own words: not wholly inside one of the spans.
func says(message string, pattern *regexp.Regexp, spans []span) bool {
	for _, at := range pattern.FindAllStringIndex(message, -1) {
		inside := false
		for _, s := range spans {
			inside = inside || s.from <= at[0] && at[1] <= s.to
		}
		if !inside {
			return true
		}
	}
	return false
}
