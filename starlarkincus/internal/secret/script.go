package secret

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// nameBeforeValue matches the name of a dict's item, an argument or an assignment in a script, up to its value.
var nameBeforeValue = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:["']([A-Za-z0-9_.-]+)["']\s*:|\b([A-Za-z_][A-Za-z0-9_]*)\s*=)`)
})

// literalSpans returns the secrets in the string literals of a script's line: those within a literal, by the forms, and
// all literals in the value of a secret's name.
func literalSpans(line string) []span {
	literals := literalsOf(line)
	var all []span
	for _, l := range literals {
		for _, s := range spans(line[l.from:l.to], false) {
			all = append(all, span{l.from + s.from, l.from + s.to})
		}
	}
	for _, m := range nameBeforeValue().FindAllStringSubmatchIndex(line, -1) {
		name := m[2:4]
		if name[0] < 0 {
			if name = m[4:6]; slices.ContainsFunc(literals, func(l span) bool { return l.from <= name[0] && name[0] < l.to }) {
				continue
			}
		}
		if Key(line[name[0]:name[1]]) {
			all = append(all, valueSpans(line, m[1], literals)...)
		}
	}
	return all
}

// valueSpans returns the literals in the expression that begins at i. It stops at the end of the item, and at a call,
// whose arguments are not part of the value.
func valueSpans(line string, i int, literals []span) []span {
	var found []span
	depth := 0
	for next := 0; i < len(line); i++ {
		for next < len(literals) && literals[next].to < i {
			next++
		}
		if next < len(literals) && literals[next].from-1 <= i && i <= literals[next].to {
			if literals[next].from < literals[next].to {
				found = append(found, literals[next])
			}
			i = literals[next].to
			continue
		}
		switch c := line[i]; {
		case strings.IndexByte("([{", c) >= 0:
			if c == '(' && i > 0 && isWord(line[i-1]) {
				return found
			}
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			if depth--; depth < 0 {
				return found
			}
		case c == ',' && depth == 0, c == '#':
			return found
		}
	}
	return found
}

// isWord reports whether c is part of a name.
func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// literalsOf returns the contents of a line's string literals, without the quotes.
func literalsOf(line string) []span {
	var all []span
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '#' {
			break
		}
		if c != '"' && c != '\'' {
			continue
		}
		quote := line[i : i+1]
		if triple := strings.Repeat(quote, 3); strings.HasPrefix(line[i:], triple) {
			quote = triple
		}
		from := i + len(quote)
		to := from
		for to < len(line) && !strings.HasPrefix(line[to:], quote) {
			if line[to] == '\\' {
				to++
			}
			to++
		}
		to = min(to, len(line))
		all = append(all, span{from, to})
		i = to + len(quote) - 1
	}
	return all
}
