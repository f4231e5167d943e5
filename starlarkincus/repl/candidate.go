package repl

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// A candidate is a proposed text.
type candidate struct {
	text string
	kind string // words for what it is; empty for none
}

// longestKind is the most columns of the words for a kind.
const longestKind = 24

// inList returns the candidates as the line editor lists them on a screen of a size: with their kinds if there is room.
// The editor takes over the common beginning of several, so they may have more text after their own only if that
// doesn't change their beginning.
func inList(found []candidate, width, height int) []string {
	plain := make([]string, len(found))
	for i, k := range found {
		plain[i] = show(k.text)
	}
	if len(found) < 2 {
		return plain
	}
	name, kind := 0, 0
	for i, k := range found {
		name = max(name, runewidth.StringWidth(plain[i]))
		kind = max(kind, min(len(k.kind), longestKind))
	}
	column := name + 2 + kind + 1
	if kind == 0 || column > width || len(found) > width/column*max(1, height/2) {
		return plain
	}
	out := make([]string, len(found))
	for i, k := range found {
		out[i] = plain[i]
		if k.kind != "" && len(k.kind) <= longestKind {
			out[i] += strings.Repeat(" ", name-runewidth.StringWidth(plain[i])+2) + k.kind
		}
	}
	if commonPrefix(out) != commonPrefix(plain) {
		return plain
	}
	return out
}

func commonPrefix(words []string) string {
	prefix := words[0]
	for _, word := range words {
		for !strings.HasPrefix(word, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}
