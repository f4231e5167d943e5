package report

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/resolve"
)

// The parts of a report that have a colour, each with its code.
const (
	caretColor = "\x1b[31m"
	classColor = "\x1b[1;31m"
)

func (p *Printer) paint(code, text string) string {
	if !p.Color {
		return text
	}
	return code + text + "\x1b[m"
}

// DebugVariable is the environment variable that makes reports of a panic show Go's stack.
const DebugVariable = "INCUS_STAR_DEBUG"

// maxListed is the number of mistakes that are listed, three lines each: no more than a screen.
const maxListed = 7

func (p *Printer) text(r *Report) string {
	var text string
	switch r.Kind {
	case Failed:
		text = p.Backtrace(r.Frames) + p.errorText(r) + lines(r.Notes)
	case Unparsed:
		text = p.Backtrace(r.Frames) + p.mistakes(r.Mistakes)
	case Plain:
		if r.Message != "" {
			text = printable.Text(r.Message) + "\n"
		}
	case Stopped:
		text = p.Backtrace(r.Frames) + printable.Indented(r.Message) + "\n"
	case Interrupted:
		text = printable.Indented(r.Message) + lastFrame(r.Frames) + "\n"
	case Internal:
		text = p.Backtrace(r.Frames) + p.internalText(r)
	}
	if text != "" && r.Context != "" {
		text = printable.Indented(r.Context) + ":\n" + text
	}
	for _, running := range r.Running {
		switch {
		case running.Ended:
			text += "done on the server after the stop: "
		case running.Left:
			text += "left after the stop: "
		case running.Unknown:
			text += "outcome unknown: "
		case running.Stopped:
			text += "ended after the stop: "
		default:
			text += "still running on the server: "
		}
		text += printable.Indented(running.String()) + "\n"
	}
	for i, call := range r.Unfinished {
		if i == maxListed {
			text += fmt.Sprintf("… and %s more calls of clean-up\n", printable.Count(len(r.Unfinished)-i))
			break
		}
		text += "clean-up was not finished: " + printable.Indented(call) + "\n"
	}
	return text
}

// errorText returns the lines of an error and its causes. A cause whose message the error contains is left out, unless
// its class or its backtrace is news.
func (p *Printer) errorText(r *Report) string {
	failure := r.Error
	name, said, class := failure.Class.Name(), failure.Error(), failure.Class
	text := p.paint(classColor, name) + printable.Indented(strings.TrimPrefix(said, name)) + "\n"
	backtraces := r.Causes
	for cause := failure.Cause; cause != nil; cause = errors.Unwrap(cause) {
		var frames []Frame
		if len(backtraces) > 0 {
			frames, backtraces = backtraces[0], backtraces[1:]
		}
		line := cause.Error()
		if c, ok := cause.(*errors.Error); ok {
			news := c.Class != class || frames != nil
			line, class = title(c), c.Class
			if !strings.Contains(said, c.Message) {
				line += ": " + c.Message
				said += "\n" + c.Message
			} else if !news {
				continue
			}
		} else if strings.Contains(said, line) {
			continue
		} else {
			said += "\n" + line
		}
		text += "caused by: " + printable.Indented(line) + "\n"
		if len(frames) > 0 {
			text += p.frame(frames[len(frames)-1])
		}
	}
	if failure.OperationID != "" && !errors.Mentions(said, failure.OperationID) {
		text += "operation: " + printable.Indented(failure.OperationID) + "\n"
	}
	if line := outcomeLines[failure.Outcome]; line != "" && !failure.Class.IsA(errors.Exec) { // a command's exit code says it
		text += "change: " + line + "\n"
	}
	return text
}

// outcomeLines describe the fate of a change. A refused one needs no words.
var outcomeLines = map[errors.Outcome]string{
	errors.NotSent: "not sent",
	errors.Done:    "done; the failure came after it",
	errors.Unknown: "unknown; it may have been made",
}

// title returns an error's class and status.
func title(e *errors.Error) string {
	if e.Status == 0 {
		return e.Class.Name()
	}
	return fmt.Sprintf("%s (%d)", e.Class.Name(), e.Status)
}

// lastFrame returns the position of the last frame, and the innermost task, for the end of a line.
func lastFrame(frames []Frame) string {
	text := ""
	if len(frames) > 0 && frames[len(frames)-1].Pos.Line > 0 {
		last := frames[len(frames)-1]
		text = fmt.Sprintf(" at %s, line %d, in %s", printable.Line(last.Pos.Filename()), last.Pos.Line, printable.Line(last.Function))
	}
	for _, frame := range slices.Backward(frames) {
		for _, step := range slices.Backward(frame.Steps) {
			if step.Task != nil {
				return text + ", " + printable.Line(step.Task.String())
			}
		}
	}
	return text
}

func (p *Printer) internalText(r *Report) string {
	text := p.paint(classColor, "internal error") + printable.Indented(strings.TrimPrefix(r.Message, "internal error")) + "\n"
	if os.Getenv(DebugVariable) != "" {
		return text + string(r.GoStack)
	}
	return text + "this is a mistake in incus-star, not in the script: please report it (" + DebugVariable + "=1 shows more)\n"
}

// mistakes lists the mistakes of a script that didn't run.
func (p *Printer) mistakes(list []resolve.Error) string {
	var b strings.Builder
	for i, e := range list {
		if i == maxListed {
			fmt.Fprintf(&b, "… and %s more\n", printable.Count(len(list)-i))
			break
		}
		fmt.Fprintf(&b, "%s: %s\n", p.paint(classColor, printable.Text(e.Pos.String())), printable.Text(e.Msg))
		b.WriteString(p.excerpt(e.Pos))
	}
	return b.String()
}

func lines(notes []string) string {
	var b strings.Builder
	for _, note := range notes {
		b.WriteString(printable.Text(note) + "\n")
	}
	return b.String()
}
