package repl

import (
	"os"
	"os/signal"
	"reflect"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/terminal"

	"github.com/peterh/liner"
)

// workingSpace is the space beside the prompt without which the line editor reads lines that can't be edited.
const workingSpace = 10

// ownSize makes the editor hear of the terminal's size only from resized.
func (e *editor) ownSize() {
	e.columns()
	if c, ok := e.field("winch").(*chan os.Signal); ok {
		signal.Stop(*c)
	}
}

// columns returns the terminal's width. One that has lost it gets its last size: without columns, the editor ends.
func (e *editor) columns() int {
	switch width, height := terminal.Size(e.out); {
	case width > 0:
		e.size = [2]int{width, height}
	case e.size[0] > 0:
		terminal.SetSize(e.out, e.size[0], e.size[1])
	}
	return max(1, e.size[0])
}

// resized tells the editor that the terminal has another size.
func (e *editor) resized(sig os.Signal) {
	if width, _ := terminal.Size(e.out); width == 0 {
		e.columns() // which is another change of the size
		return
	}
	if c, ok := e.field("winch").(*chan os.Signal); ok {
		select {
		case *c <- sig:
		default:
		}
	}
}

// sizeless reports whether the editor has ended a line because the terminal had no width, at just the wrong moment.
func (e *editor) sizeless(err error) bool {
	return errors.Is(err, liner.ErrInternal) && number(reflect.ValueOf(e.state).Elem(), "columns") == 0
}

// begin returns the text that a new line begins with, and its first keys, which are that text where the terminal is too narrow for
// the editor. With the width that it wants, the editor takes any: it looks at the terminal afterwards. It would take a line that it
// hasn't drawn since the last one for two rows, when the size changes.
func (e *editor) begin(prompt, suggest string) (text, first string) {
	if c, ok := e.field("winch").(*chan os.Signal); ok {
		select {
		case <-*c: // for the last line
		default:
		}
	}
	columns := e.columns()
	width := columnsOf(prompt, columns, 0)
	rows := (width + columns - 1) / columns
	e.set("columns", max(columns, width+workingSpace))
	e.set("maxRows", rows)
	e.set("cursorRows", rows)
	if columns < width+workingSpace {
		return "", suggest
	}
	return suggest, ""
}

// set sets an int that the editor keeps to itself.
func (e *editor) set(name string, value int) {
	if n, ok := e.field(name).(*int); ok {
		*n = value
	}
}

// field returns a pointer to a field that the editor keeps to itself; nil if it has none of that name.
func (e *editor) field(name string) any {
	f := reflect.ValueOf(e.state).Elem().FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	return reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Interface()
}
