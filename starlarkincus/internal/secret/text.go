package secret

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A span is the half-open range of bytes [from, to) of a secret in a text.
type span struct{ from, to int }

// A form is a notation of secrets in text.
type form struct {
	pattern *regexp.Regexp
	letters string // in every match; a text that lacks one is never matched, to save time
	name    int    // the submatch that must be the name of a secret; 0 for none
	value   int    // the submatch of the secret
	loose   bool   // in a script it matches expressions too
}

// forms returns the forms, compiled at the first use, because most programs end without one.
var forms = sync.OnceValue(func() []form {
	return []form{
		{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`), `-`, 0, 1, false},
		{regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^/\s@"'<>]+)@`), `:/@`, 0, 1, false},                 // user and password in a URL
		{regexp.MustCompile(`://[^/\s@:"'<>]+:([^\s@"'<>/]*[^\s@"'<>/0-9][^\s@"'<>]*)@`), `:/@`, 0, 1, false}, // a password with a slash
		{regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{8,})`), ``, 0, 1, false},
		// JSON and scripts, as they are or quoted once more: "name": "value".
		{regexp.MustCompile(`\\?["']([A-Za-z0-9_.-]+)\\?["']\s*:\s*\\?"((?:[^"\\]|\\[^"])+)`), `:"`, 1, 2, false},
		{regexp.MustCompile(`["']([A-Za-z0-9_.-]+)["']\s*:\s*'([^']+)'`), `:'`, 1, 2, false},
		// Queries, environments and calls: name=value, name = "value".
		{regexp.MustCompile(`([A-Za-z0-9_.-]+)\s*=\s*"((?:[^"\\]|\\.)+)"`), `="`, 1, 2, false},
		{regexp.MustCompile(`([A-Za-z0-9_.-]+)\s*=\s*'([^']+)'`), `='`, 1, 2, false},
		{regexp.MustCompile(`([A-Za-z0-9_.-]+)=([^\s&"',;]+)`), `=`, 1, 2, true},
	}
})

// hints are strings at least one of which occurs in every text that matches a form. They avoid most matching.
var hints = []string{"=", ":", "-----BEGIN", "earer", "asic", "EARER", "ASIC"}

// spans returns the secrets in a text by the forms, sorted and disjoint. Script excludes the loose forms.
func spans(text string, script bool) []span {
	if !slices.ContainsFunc(hints, func(hint string) bool { return strings.Contains(text, hint) }) {
		return nil
	}
	var all []span
	for _, f := range forms() {
		if script && f.loose || strings.ContainsFunc(f.letters, func(c rune) bool { return !strings.ContainsRune(text, c) }) {
			continue
		}
		for _, m := range f.pattern.FindAllStringSubmatchIndex(text, -1) {
			if f.name > 0 {
				if !Key(text[m[2*f.name]:m[2*f.name+1]]) {
					continue
				}
			}
			s := span{m[2*f.value], m[2*f.value+1]}
			name := ""
			if f.loose {
				s.to, name = endOfValue(text, s), text[m[2*f.name]:m[2*f.name+1]]
			}
			if !placeholder(name, text[s.from:s.to]) {
				all = append(all, s)
			}
		}
	}
	return merged(all)
}

// placeholder reports whether the value in a hint, such as token=…), stands for a secret and isn't one. Beside an argument's
// name it may be the last word of that name in capitals: token=TOKEN.
func placeholder(name, value string) bool {
	value = strings.TrimRight(value, ")]}.")
	if value == "…" {
		return true
	}
	return name != "" && name == strings.ToLower(name) && value == strings.ToUpper(name[strings.LastIndexAny(name, "_.-")+1:])
}

// nearby is the number of bytes before a value in which it may have been enclosed.
const nearby = 1000

// pairs are the characters that enclose a value.
const pairs = "()[]{}<>``"

// endOfValue returns the end of an unquoted value. Characters at the end of s that close what was opened before it, and the
// punctuation after them, are not part of the value.
func endOfValue(text string, s span) int {
	from := s.from + len(strings.TrimRight(text[s.from:s.to], ")]}>`.:!?"))
	open := make(map[byte]int) // by the closing character
	opened := func(part string) {
		for i := 0; i < len(part); i++ {
			switch at := strings.IndexByte(pairs, part[i]); {
			case part[i] == '`':
				open['`'] = 1 - open['`']
			case at >= 0 && at%2 == 0:
				open[pairs[at+1]]++
			case at >= 0 && open[part[i]] > 0:
				open[part[i]]--
			}
		}
	}
	opened(text[max(0, s.from-nearby):s.from])
	before := maps.Clone(open)
	opened(text[s.from:from])
	for i := from; i < s.to; i++ {
		switch c := text[i]; {
		case strings.IndexByte(".:!?", c) >= 0:
		case open[c] <= 0: // closes nothing
		case open[c] <= before[c]:
			return i
		default: // closes what the value opened
			open[c]--
		}
	}
	return s.to
}

// merged returns spans sorted and, by merging those that overlap, disjoint.
func merged(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return a.from - b.from })
	var apart []span
	for _, s := range all {
		if last := len(apart) - 1; last >= 0 && s.from < apart[last].to {
			apart[last].to = max(apart[last].to, s.to)
			continue
		}
		apart = append(apart, s)
	}
	return apart
}

// Text replaces everything in a text that looks like a secret: private keys, user and password in URLs, and values
// after the name of a secret.
func Text(text string) string {
	return replace(text, spans(text, false), func(string) string { return Hidden })
}

// Mask replaces each character of a secret in a line of a script by an asterisk, so that the columns stay the same.
func Mask(line string) string {
	return replace(line, merged(append(spans(line, true), literalSpans(line)...)), func(value string) string { return strings.Repeat("*", utf8.RuneCountInString(value)) })
}

// replace returns the text with each span replaced by the result of with.
func replace(text string, found []span, with func(string) string) string {
	if found == nil {
		return text
	}
	var b strings.Builder
	end := 0
	for _, s := range found {
		b.WriteString(text[end:s.from])
		if value := text[s.from:s.to]; value == Hidden {
			b.WriteString(value)
		} else {
			b.WriteString(with(value))
		}
		end = s.to
	}
	b.WriteString(text[end:])
	return b.String()
}
