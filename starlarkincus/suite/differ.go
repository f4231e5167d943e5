package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

const (
	maxLine  = 72  // longer values are spread over several lines
	maxDepth = 20  // more deeply nested values are not
	maxShown = 120 // lines of a difference
)

// difference describes two unequal values: in one line if they are short, or else as a diff.
func difference(got, want starlark.Value) string {
	a, b := got.String(), want.String()
	if a == b {
		return fmt.Sprintf("got %s %s, want %s of the same text", article(got), a, article(want))
	}
	textA, isText := starlark.AsString(got)
	textB, bothText := starlark.AsString(want)
	isText = isText && bothText && strings.Contains(textA+textB, "\n")
	if len(a)+len(b) <= maxLine && !isText {
		return fmt.Sprintf("got %s, want %s", a, b)
	}
	linesA, linesB := spread("", got, "", 0), spread("", want, "", 0)
	if isText {
		linesA, linesB = textLines(textA), textLines(textB)
	}
	changes := changed(linesB, linesA)
	if changes == nil || len(linesA) == 1 && len(linesB) == 1 {
		return fmt.Sprintf("got and want differ\n  got:  %s\n  want: %s", a, b)
	}
	return "got (+) and want (-) differ\n" + strings.Join(changes, "\n")
}

// textLines returns a text's lines. As in a diff, a marker follows a last line without a newline.
func textLines(text string) []string {
	lines := strings.Split(text, "\n")
	if last := len(lines) - 1; lines[last] == "" {
		return lines[:last]
	}
	return append(lines, `\ no newline at the end`)
}

// changed returns the lines of a diff with some context, without its header; nil if there is no difference.
func changed(before, after []string) []string {
	text := string(diff.Diff("a", []byte(strings.Join(before, "\n")+"\n"), "b", []byte(strings.Join(after, "\n")+"\n")))
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 5 {
		return nil
	}
	lines = lines[4:] // diff, ---, +++, and the position of the first change
	for i, line := range lines {
		if strings.HasPrefix(line, "@@") {
			line = "…"
		}
		lines[i] = "  " + line
	}
	if len(lines) > maxShown+1 { // "1 more line" would be as long as the line
		lines = append(lines[:maxShown], fmt.Sprintf("  … %d more lines", len(lines)-maxShown))
	}
	return lines
}

func article(v starlark.Value) string {
	if strings.ContainsRune("aeiou", rune((v.Type() + "x")[0])) {
		return "an " + v.Type()
	}
	return "a " + v.Type()
}

// spread returns a value's text, over several lines if it is long. Dicts and sets are sorted, so that equal parts have
// equal lines.
func spread(prefix string, v starlark.Value, indent string, depth int) []string {
	one := v.String()
	if len(one) <= maxLine || depth == maxDepth {
		return []string{indent + prefix + one}
	}
	inner := indent + "  "
	var body []string
	last := func(lines []string) { body = append(append(body, lines[:len(lines)-1]...), lines[len(lines)-1]+",") }
	open, shut := "", ""
	switch v := v.(type) {
	case starlark.String:
		if !strings.Contains(string(v), "\n") {
			return []string{indent + prefix + one}
		}
		for line := range strings.Lines(string(v)) {
			body = append(body, inner+syntax.Quote(line, false))
		}
		open, shut = "(", ")"
	case *starlark.List, starlark.Tuple:
		open, shut = "[", "]"
		if _, tuple := v.(starlark.Tuple); tuple {
			open, shut = "(", ")"
		}
		for elem := range starlark.Elements(v.(starlark.Iterable)) {
			last(spread("", elem, inner, depth+1))
		}
	case *starlark.Set:
		open, shut = "set([", "])"
		elems := slices.Collect(v.Elements())
		slices.SortFunc(elems, byText)
		for _, elem := range elems {
			last(spread("", elem, inner, depth+1))
		}
	case starlark.IterableMapping:
		open, shut = "{", "}"
		if v.Type() != "dict" {
			open = v.Type() + "{"
		}
		items := v.Items()
		slices.SortFunc(items, func(a, b starlark.Tuple) int { return byText(a[0], b[0]) })
		for _, item := range items {
			last(spread(item[0].String()+": ", item[1], inner, depth+1))
		}
	default:
		return []string{indent + prefix + one}
	}
	return append(append([]string{indent + prefix + open}, body...), indent+shut)
}

func byText(a, b starlark.Value) int { return strings.Compare(a.String(), b.String()) }
