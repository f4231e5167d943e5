package repl

import "fmt"

// hold takes the terminal between lines. Pasted text is marked as within a line.
func (e *editor) hold() {
	e.holding.Lock()
	defer e.holding.Unlock()
	if e.keys.inFront() {
		_ = e.idle.ApplyMode()
	}
	e.keys.hold()
	e.held = true
}

// resumed takes the terminal again after a program that had it.
func (e *editor) resumed() {
	if e.keys.inFront() && !e.keys.left.Load() {
		fmt.Fprint(e.out, marksOn)
	}
	e.hold()
}

// interrupted reports whether Ctrl-C was typed after the last line and before the entry runs.
func (e *editor) interrupted() bool {
	if !e.release() {
		return false
	}
	defer e.hold()
	return e.keys.interrupted()
}

// release ends hold, for the next line.
func (e *editor) release() (held bool) {
	e.holding.Lock()
	defer e.holding.Unlock()
	held, e.held = e.held, false
	if held {
		e.keys.release()
	}
	return held
}

// yield gives the terminal to a program elsewhere as it was found, and reports whether it was the editor's between lines.
func (e *editor) yield() (held bool) {
	if held = e.release(); held {
		e.keys.drain()
		e.restore()
	}
	return held
}

// restore sets the mode that the terminal was found in, unless the process has it no more.
func (e *editor) restore() {
	if e.keys.inFront() && !e.keys.left.Load() {
		_ = e.found.ApplyMode()
		fmt.Fprint(e.out, marksOff)
	}
}

// own sets the terminal's mode between lines again, unless the terminal was let go.
func (e *editor) own() {
	if e.keys.left.Load() {
		return
	}
	_ = e.idle.ApplyMode()
	fmt.Fprint(e.out, marksOn)
}

// suspendIdle stops the process between lines, as Ctrl-Z does in other programs.
func (e *editor) suspendIdle() {
	e.restore()
	e.keys.stopProcess()
}
