package repl

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"incus-star/starlarkincus/internal/printable"
)

// Marks are pictures that stand for nothing, see [shower]. The editor's line has one for a moment, until the Tab after it
// calls the completion, which removes it.
const (
	noticeMark = "\u241f\ufe03" // print the notices
	editMark   = "\u241e\ufe03" // edit the entry as a whole
	linesMark  = "\u241d\ufe03" // edit the entry line by line
)

// Keys for the marks. F12 does nothing but end a search or a completion.
const (
	redraw    = "\x1b[24~" + noticeMark + "\t"
	editWhole = "\x05" + editMark + "\t\r"
	editLines = "\x05" + linesMark + "\t\r"
)

// marked does what a mark at the end of the text before the cursor asks for, and returns the text without it.
func (e *editor) marked(head string) (text string, ok bool) {
	switch {
	case strings.HasSuffix(head, noticeMark):
		e.above()
	case strings.HasSuffix(head, editMark):
		e.revised = &revision{}
	case strings.HasSuffix(head, linesMark):
		e.revised = &revision{byLine: true}
	default:
		return "", false
	}
	return strings.NewReplacer(noticeMark, "", editMark, "", linesMark, "").Replace(head), true
}

// notices are lines to print above the prompt, or before the next one if the source can't.
type notices struct {
	mu    sync.Mutex
	lines []string
	wake  func() // nil if the source can't print above the prompt
}

// add adds a line, from any goroutine.
func (n *notices) add(line string) {
	n.mu.Lock()
	n.lines = append(n.lines, printable.Line(line))
	wake := n.wake
	n.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// onLine sets the function that prints the lines above the prompt.
func (n *notices) onLine(wake func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wake = wake
}

// take returns the lines that were not printed yet, with newlines.
func (n *notices) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// waiting reports whether there are lines that were not printed yet.
func (n *notices) waiting() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.lines) > 0
}

// print prints the lines between entries.
func (n *notices) print(w io.Writer) { fmt.Fprint(w, n.take()) }

func (e *editor) setReading(reading bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reading = reading
	if reading && e.notices.waiting() { // they came after the last look, and before this
		e.keys.inject(redraw)
	}
}

// wake prints the notices above the line that is edited, if one is.
func (e *editor) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reading {
		e.keys.inject(redraw)
	}
}

// above prints the notices above the edited line.
func (e *editor) above() { e.printAbove(e.notices.take()) }

// printAbove prints lines in the place of the edited line, and leaves room for the line below them. The editor calls it, in
// the completion, and draws the line again. It is told by how many rows the line has, which the editor keeps to itself.
func (e *editor) printAbove(text string) {
	if text == "" {
		return
	}
	state := reflect.ValueOf(e.state).Elem()
	rows, row := max(1, number(state, "maxRows")), max(1, number(state, "cursorRows"))
	if row > 1 {
		fmt.Fprintf(e.out, "\x1b[%dA", row-1)
	}
	fmt.Fprint(e.out, "\r\x1b[J"+text+strings.Repeat("\n", rows-1))
	if rows > row {
		fmt.Fprintf(e.out, "\x1b[%dA", rows-row)
	}
}

// number returns an int of a struct; 0 if there is none of that name.
func number(v reflect.Value, name string) int {
	if f := v.FieldByName(name); f.IsValid() && f.CanInt() {
		return int(f.Int())
	}
	return 0
}
