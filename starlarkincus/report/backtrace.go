package report

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A Frame is one frame of a script, with the calls that it made on the way to the next.
type Frame struct {
	Pos      syntax.Position // without a line if the calls were made by no script
	Function string
	Steps    []Step
}

// A Step is a builtin, or a task that a builtin started.
type Step struct {
	Builtin string
	Task    *Task
}

func (s Step) String() string {
	if s.Task != nil {
		return s.Task.String()
	}
	return s.Builtin
}

// A Task is one item of a call of parallel.
type Task struct {
	Index, Count int // Index counts from 0
	Item         string
}

func (t *Task) String() string { return fmt.Sprintf("task %d of %d: %s", t.Index+1, t.Count, t.Item) }

// A ThreadBoundary is an error that went from one thread to the thread that called it. Their stacks are one backtrace,
// with Callers and Task between them.
type ThreadBoundary struct {
	Callers starlark.CallStack
	Task    *Task // nil if the thread has no task
	Err     error
}

func (e *ThreadBoundary) Error() string { return e.Err.Error() }
func (e *ThreadBoundary) Unwrap() error { return e.Err }

// Backtrace returns the frames of an error, the outermost first.
//
// An error that is wrapped on its way up has several stacks: the deepest is the whole one, except that the stacks of
// several threads follow each other. An error of a class ends the search: its cause happened elsewhere.
func Backtrace(err error) []Frame {
	var b backtrace
	var stack starlark.CallStack
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := err.(type) {
		case *starlark.EvalError:
			stack = e.CallStack
		case *ThreadBoundary:
			b.add(stack)
			b.add(e.Callers)
			if e.Task != nil {
				b.step(Step{Task: e.Task})
			}
			stack = nil
		case *errors.Error:
			b.add(stack)
			return b
		}
	}
	b.add(stack)
	return b
}

// A backtrace is a list of frames to which stacks are added.
type backtrace []Frame

// silent are builtins that only raise an error: a backtrace leaves them out.
var silent = map[string]bool{"raise_": true, "fail": true, "exit": true, "die": true}

func (b *backtrace) add(stack starlark.CallStack) {
	for _, frame := range stack {
		switch {
		case frame.Pos.Line > 0:
			function := frame.Name
			if function == "<expr>" {
				function = "<toplevel>"
			}
			*b = append(*b, Frame{Pos: frame.Pos, Function: function})
		case !silent[frame.Name] && !b.endsIn(frame.Name): // a collection that is called calls its method of the same name
			b.step(Step{Builtin: frame.Name})
		}
	}
}

// endsIn reports whether the last step is a builtin of a name.
func (b *backtrace) endsIn(name string) bool {
	if len(*b) == 0 {
		return false
	}
	steps := (*b)[len(*b)-1].Steps
	return len(steps) > 0 && steps[len(steps)-1] == Step{Builtin: name}
}

func (b *backtrace) step(s Step) {
	if len(*b) == 0 {
		*b = append(*b, Frame{})
	}
	last := &(*b)[len(*b)-1]
	last.Steps = append(last.Steps, s)
}

// Message returns the message of an error of Starlark, or of a Go function that knows no classes: the innermost one,
// without the prefixes that it got on its way up, and with a hint.
func Message(err error) string {
	message := err.Error()
	for ; err != nil; err = errors.Unwrap(err) {
		if e, ok := err.(*starlark.EvalError); ok {
			message = e.Msg
		}
	}
	// A function of a prompt may use a name that a later statement, which never ran, was to define.
	if name, ok := strings.CutPrefix(message, "internal error: predeclared variable "); ok {
		return "undefined: " + strings.TrimSuffix(name, " is uninitialized")
	}
	return WithHint(message)
}

// Cause returns the cause of an error as an error of a class; nil for none. A cause of no class is an Error, whose own
// cause is the next one of a class: the layers in between repeat each other's words.
func Cause(e *errors.Error) *errors.Error {
	switch cause := e.Cause.(type) {
	case nil:
		return nil
	case *errors.Error:
		return cause
	default:
		foreign := &errors.Error{Class: errors.Base, Message: cause.Error()}
		var next *errors.Error
		if errors.As(cause, &next) {
			foreign.Cause = next
		}
		return foreign
	}
}

// endFrames is the number of frames that a long backtrace keeps at each end.
const endFrames = 8

// elided returns the number of frames that a backtrace of n frames leaves out of its middle.
func elided(n int) int {
	if left := n - 2*endFrames; left > 1 {
		return left
	}
	return 0
}

// placed reports whether the frame is one of a script, or has a call of a builtin. That of a task whose error has no place has neither.
func (f Frame) placed() bool {
	return f.Pos.Line > 0 || slices.ContainsFunc(f.Steps, func(s Step) bool { return s.Task == nil })
}

// Backtrace returns the text of a backtrace as Python writes it, the most recent call last; empty for no frames.
func (p *Printer) Backtrace(frames []Frame) string {
	if !slices.ContainsFunc(frames, Frame.placed) {
		return ""
	}
	var b strings.Builder
	b.WriteString("Traceback (most recent call last):\n")
	left := elided(len(frames))
	for i, frame := range frames {
		switch {
		case left > 0 && i == endFrames:
			fmt.Fprintf(&b, "  … %s more …\n", printable.Count(left))
		case left > 0 && i > endFrames && i < endFrames+left:
		default:
			b.WriteString(p.frame(frame))
		}
	}
	return b.String()
}

func (p *Printer) frame(f Frame) string {
	text := ""
	if f.Pos.Line > 0 {
		text = fmt.Sprintf("  File %q, line %d, in %s\n", f.Pos.Filename(), f.Pos.Line, printable.Line(f.Function)) + p.excerpt(f.Pos)
	}
	for _, step := range f.Steps {
		text += "    in " + printable.Line(step.String()) + "\n"
	}
	return text
}
