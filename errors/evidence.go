package errors

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A span is the half-open range of bytes [from, to) in a text.
type span struct{ from, to int }

// programOutput precedes the output of a program that the server ran.
const programOutput = "Failed to run: "

// plainWords matches a value that may also be part of a server's own sentence.
var plainWords = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z' ]+$`) })

// hearsay returns the parts of a server's message that aren't the server's own words: quotations, and values from the
// request. Incus quotes its own error after "into database".
func hearsay(message string, values []string) []span {
	spans := slices.DeleteFunc(quoted(message), func(s span) bool { return strings.HasSuffix(message[:s.from], " into database ") })
	quotes := len(spans)
	for _, value := range values {
		if len(value) < 3 {
			continue // so short a value occurs by chance
		}
		found := occurrences(message, value)
		if escaped := strconv.Quote(value); escaped[1:len(escaped)-1] != value {
			found = append(found, occurrences(message, escaped[1:len(escaped)-1])...)
		}
		if plainWords().MatchString(value) {
			found = spoken(message, value, found, spans[:quotes])
		}
		spans = append(spans, found...)
	}
	return spans
}

// spoken returns the occurrences of value that repeat the caller, for a value that may also be part of the server's own
// sentence. These are, where the server quotes the value, the occurrences between punctuation, since one within a
// sentence is the server's own; else the last occurrence.
func spoken(message, value string, found, quotes []span) []span {
	if !slices.ContainsFunc(quotes, func(q span) bool { return strings.EqualFold(message[q.from+1:q.to-1], value) }) {
		return found[max(0, len(found)-1):]
	}
	return slices.DeleteFunc(found, func(s span) bool {
		before, after := strings.TrimRight(message[:s.from], " "), message[s.to:]
		return before != "" && isLetter(before[len(before)-1]) || after != "" && (after[0] == ' ' || isLetter(after[0]))
	})
}

// occurrences returns the spans of part in text, regardless of case, because servers convert some values to lower case.
func occurrences(text, part string) []span {
	text, part = lower(text), lower(part)
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

// lower converts only ASCII letters, so that byte positions stay the same.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// quoted returns the spans of quotations, the quotes included: " and ` anywhere, and ' unless it is an apostrophe.
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

// says reports whether the message has a match of pattern in the server's own words, that is, not wholly inside one of
// the spans.
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
