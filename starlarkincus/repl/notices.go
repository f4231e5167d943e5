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
	noticeMark  = "\u241f\ufe03" // print the notices
	editMark    = "\u241e\ufe03" // edit the entry as a whole
	linesMark   = "\u241d\ufe03" // edit the entry line by line
	blockMark   = "\u241c\ufe03" // insert a pasted text
	rowsMark    = "\u2421\ufe03" // the line ends: note its rows
	suspendMark = "\u241b\ufe03" // stop the process
	resumeMark  = "\u241a\ufe03" // it goes on after a stop that was not asked for here
)

// Keys for the marks.
const (
	editWhole   = keyEnd + editMark + "\t\r"
	editLines   = keyEnd + linesMark + "\t\r"
	insertBlock = keyNothing + blockMark + "\t"
	enterMoved  = keyEnd + rowsMark + "\t\r"
	suspend     = keyNothing + suspendMark + "\t"
)

var withoutMarks = strings.NewReplacer(noticeMark, "", editMark, "", linesMark, "", blockMark, "", rowsMark, "", suspendMark, "", resumeMark, "")

// marked does what a mark at the end of the text before the cursor asks for, and returns the text without it.
func (e *editor) marked(head string) (text string, ok bool) {
	block := ""
	switch {
	case strings.HasSuffix(head, noticeMark):
		e.above()
	case strings.HasSuffix(head, editMark):
		e.revised = &revision{}
	case strings.HasSuffix(head, linesMark):
		e.revised = &revision{byLine: true}
	case strings.HasSuffix(head, blockMark):
		block = e.keys.block()
	case strings.HasSuffix(head, rowsMark):
		e.rows, _ = e.drawn()
	case strings.HasSuffix(head, suspendMark):
		e.suspend()
	case strings.HasSuffix(head, resumeMark):
		e.resume()
	default:
		return "", false
	}
	return withoutMarks.Replace(head) + block, true
}

// notices are lines to print above the prompt, or before the next one if the source can't.
type notices struct {
	mu    sync.Mutex
	lines []notice
	wake  func() // nil if the source can't print above the prompt
}

// A notice is a line that is not printed if what it says is known by then.
type notice struct {
	line  string
	known func() bool
}

// add adds a line, from any goroutine.
func (n *notices) add(line string) { n.addUnless(line, func() bool { return false }) }

// addUnless adds a line that is not printed if what it says is known by then.
func (n *notices) addUnless(line string, known func() bool) {
	n.mu.Lock()
	n.lines = append(n.lines, notice{printable.Line(line), known})
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
	var text strings.Builder
	for _, notice := range n.lines {
		if !notice.known() {
			text.WriteString(notice.line + "\n")
		}
	}
	n.lines = nil
	return text.String()
}

// waiting reports whether there are lines that were not printed yet.
func (n *notices) waiting() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.lines) > 0
}

// print prints the lines between entries.
func (n *notices) print(w io.Writer) { fmt.Fprint(w, wrapped(w, n.take())) }

func (e *editor) setReading(reading bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reading = reading
	if reading && e.notices.waiting() { // they came after the last look, and before this
		e.keys.inject(noticeMark)
	}
}

// wake prints the notices above the line that is edited, if one is.
func (e *editor) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reading {
		e.keys.inject(noticeMark)
	}
}

// above prints the notices above the edited line.
func (e *editor) above() { e.printAbove(e.notices.forTerminal()) }

// printAbove prints lines in the place of the edited line, and leaves room for the line below them. The editor calls it, in
// the completion, and draws the line again.
func (e *editor) printAbove(text string) {
	if text == "" {
		return
	}
	rows, row := e.drawn()
	if row > 1 {
		fmt.Fprintf(e.out, "\x1b[%dA", row-1)
	}
	fmt.Fprint(e.out, "\r\x1b[J"+text)
	e.room(rows, row)
}

// drawn returns the largest number of rows that the edited line has been drawn with, and the row of the cursor. The editor keeps
// them to itself.
func (e *editor) drawn() (rows, row int) {
	state := reflect.ValueOf(e.state).Elem()
	return max(1, number(state, "maxRows")), max(1, number(state, "cursorRows"))
}

// room leaves room for an edited line, and moves the cursor to its row.
func (e *editor) room(rows, row int) {
	fmt.Fprint(e.out, strings.Repeat("\n", rows-1))
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
