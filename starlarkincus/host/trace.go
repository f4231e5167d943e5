package host

import (
	"fmt"
	"strings"
	"unicode"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// stackOf is the stack where an error happened, outermost first. An error that is wrapped on its way up has several
// stacks: the deepest is the whole one, but that those of several threads follow each other. What is behind an error
// of a class is its cause, which happened elsewhere.
func stackOf(err error) starlark.CallStack {
	var callers, stack starlark.CallStack
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := err.(type) {
		case *starlark.EvalError:
			stack = e.CallStack
		case *crossed:
			callers, stack = append(append(callers, stack...), e.via...), nil
		case *errors.Error:
			return append(callers, stack...)
		}
	}
	return append(callers, stack...)
}

// ownMessage is what Starlark, or a Go function that knows no classes, says about its error: the innermost message,
// without what was put before it on the way up.
func ownMessage(err error) string {
	message := err.Error()
	for ; err != nil; err = errors.Unwrap(err) {
		if e, ok := err.(*starlark.EvalError); ok {
			message = e.Msg
		}
	}
	// A prompt's function may name what a later statement, that never ran, was to define.
	if name, ok := strings.CutPrefix(message, "internal error: predeclared variable "); ok {
		return "undefined: " + strings.TrimSuffix(name, " is uninitialized")
	}
	return WithHint(message)
}

// A place is one frame of a script, with the builtins that it called on the way to the next.
type place struct {
	pos      syntax.Position
	function string
	builtins []string
}

// silent are builtins whose whole work is to fail: they say nothing in a backtrace.
var silent = map[string]bool{"raise_": true, "fail": true, "exit": true, "die": true}

func placesOf(stack starlark.CallStack) []place {
	var places []place
	for _, frame := range stack {
		if frame.Pos.Line > 0 {
			function := frame.Name
			if function == "<expr>" {
				function = "<toplevel>"
			}
			places = append(places, place{pos: frame.Pos, function: function})
			continue
		}
		if silent[frame.Name] {
			continue
		}
		if len(places) == 0 {
			places = append(places, place{})
		}
		last := &places[len(places)-1]
		last.builtins = append(last.builtins, frame.Name)
	}
	return places
}

// endPlaces is how many frames a long backtrace keeps at each end.
const endPlaces = 8

// traceback shows a stack as Python does, the most recent call last; nothing where no script is on it.
func (h *Host) traceback(stack starlark.CallStack, p palette) string {
	places := placesOf(stack)
	if len(places) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Traceback (most recent call last):\n")
	left := len(places) - 2*endPlaces
	for i, at := range places {
		switch {
		case left > 1 && i == endPlaces:
			fmt.Fprintf(&b, "  … %s more …\n", printable.Count(left))
		case left > 1 && i > endPlaces && i < endPlaces+left:
		default:
			h.writePlace(&b, at, p)
		}
	}
	return b.String()
}

func (h *Host) writePlace(b *strings.Builder, at place, p palette) {
	if at.pos.Line > 0 {
		fmt.Fprintf(b, "  File %q, line %d, in %s\n", at.pos.Filename(), at.pos.Line, at.function)
		b.WriteString(h.excerpt(at.pos, p))
	}
	for _, name := range at.builtins {
		fmt.Fprintf(b, "    in %s\n", printable.Line(name))
	}
}

// maxExcerpt is the width of a source line in a report; of a longer one the part around the caret is shown.
const maxExcerpt = 120

// excerpt is the source line at a position and a caret under its column; empty where the source isn't known.
func (h *Host) excerpt(pos syntax.Position, p palette) string {
	line := []rune(strings.TrimRight(secret.Mask(h.sources.line(pos.Filename(), int(pos.Line))), " \t"))
	column := int(pos.Col) - 1 // in runes
	start := 0
	for start < len(line) && unicode.IsSpace(line[start]) {
		start++
	}
	if start == len(line) {
		return ""
	}
	before, after := "", ""
	if column-start > maxExcerpt*3/4 {
		start, before = column-maxExcerpt/2, "…"
	}
	start = min(start, len(line))
	if len(line)-start > maxExcerpt {
		line, after = line[:start+maxExcerpt], "…"
	}
	var text, caret strings.Builder
	text.WriteString(before)
	caret.WriteString(strings.Repeat(" ", len([]rune(before))))
	for i, r := range line[start:] {
		shown := printable.Text(string(r))
		text.WriteString(shown)
		if start+i >= column {
			continue
		}
		if r == '\t' {
			caret.WriteRune('\t')
		} else {
			caret.WriteString(strings.Repeat(" ", printable.Width(shown)))
		}
	}
	if column > len(line) {
		caret.WriteString(strings.Repeat(" ", column-len(line)))
	}
	shown := "    " + text.String() + after + "\n"
	if pos.Col > 0 {
		shown += "    " + caret.String() + p.paint(p.mark, "^") + "\n"
	}
	return shown
}
