package secret

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A span is a secret's place in a text.
type span struct{ from, to int }

// A form is how secrets stand in text.
type form struct {
	pattern *regexp.Regexp
	name    int  // the group that must be a secret's name; 0 for none
	value   int  // the group that is the secret
	loose   bool // it may be part of a script, where it's an expression
}

// Compiled at first use, because most programs end without one.
var forms = sync.OnceValue(func() []form {
	return []form{
		{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----([\s\S]*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`), 0, 1, false},
		{regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^/\s@"'<>]+)@`), 0, 1, false},                 // the user's part of a URL
		{regexp.MustCompile(`://[^/\s@:"'<>]+:([^\s@"'<>/]*[^\s@"'<>/0-9][^\s@"'<>]*)@`), 0, 1, false}, // a password with a slash
		{regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{8,})`), 0, 1, false},
		// As in JSON and in scripts, also where the whole is quoted once more: "name": "value".
		{regexp.MustCompile(`\\?["']([A-Za-z0-9_.-]+)\\?["']\s*:\s*\\?"((?:[^"\\]|\\[^"])+)`), 1, 2, false},
		{regexp.MustCompile(`["']([A-Za-z0-9_.-]+)["']\s*:\s*'([^']+)'`), 1, 2, false},
		// As in queries, environments and calls: name=value, name = "value".
		{regexp.MustCompile(`([A-Za-z0-9_.-]+)\s*=\s*"((?:[^"\\]|\\.)+)"`), 1, 2, false},
		{regexp.MustCompile(`([A-Za-z0-9_.-]+)\s*=\s*'([^']+)'`), 1, 2, false},
		{regexp.MustCompile(`([A-Za-z0-9_.-]+)=([^\s&"',;]+)`), 1, 2, true},
	}
})

// hints are parts of which a text with a secret in one of the forms has one.
var hints = []string{"=", ":", "-----BEGIN", "earer", "asic", "EARER", "ASIC"}

// spans returns where secrets stand in a text, by its form, in order and apart from each other.
func spans(text string, script bool) []span {
	if !slices.ContainsFunc(hints, func(hint string) bool { return strings.Contains(text, hint) }) {
		return nil
	}
	var all []span
	for _, f := range forms() {
		if script && f.loose {
			continue
		}
		for _, m := range f.pattern.FindAllStringSubmatchIndex(text, -1) {
			if f.name > 0 {
				if !Key(text[m[2*f.name]:m[2*f.name+1]]) {
					continue
				}
			}
			all = append(all, span{m[2*f.value], m[2*f.value+1]})
		}
	}
	return merged(all)
}

// merged returns spans in order and apart from each other.
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

// Text takes out of a text what looks like a secret: private keys, the user's part of URLs, and the values of secret
// names. The words around them stay.
func Text(text string) string {
	return replace(text, spans(text, false), func(string) string { return Hidden })
}

// Mask is Text for a line of a script: each letter of a secret becomes an asterisk, so that the others keep their place.
func Mask(line string) string {
	return replace(line, merged(append(spans(line, true), literalSpans(line)...)), func(value string) string { return strings.Repeat("*", utf8.RuneCountInString(value)) })
}

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
