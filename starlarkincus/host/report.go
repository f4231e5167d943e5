package host

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A palette has the terminal's codes for parts of a report; plain has none.
type palette struct{ mark, class string }

var (
	plain    = palette{}
	coloured = palette{mark: "\x1b[31m", class: "\x1b[1;31m"}
)

func (p palette) paint(code, text string) string {
	if code == "" {
		return text
	}
	return code + text + "\x1b[m"
}

// debugVariable is the environment variable that makes reports of a panic show Go's stack.
const debugVariable = "INCUS_STAR_DEBUG"

// Report writes what an uncaught error looks like: a backtrace with the source lines, then the error's class, status
// and message, then its causes where they add something. A script that doesn't parse has its errors listed. Exit()
// is no error, die() is its message, and an interrupt is one line that says where the script was. With Options.JSON it is a line of JSON.
func (h *Host) Report(w io.Writer, err error) { h.reportUnder(w, "", err) }

// reportAside prints an error that can't be returned, under a line that says why it's there.
func (h *Host) reportAside(heading string, err error) { h.reportUnder(h.options.Stderr, heading, err) }

// reportAside is the host's, and tells the task, which the error hasn't come out of.
func (t *task) reportAside(heading string, err error) {
	if t.via != nil {
		err = &crossed{t.via(), err}
	}
	t.run.host.reportAside(heading, err)
}

// reportUnder writes at once, so that the reports of several tasks or processes don't mix.
func (h *Host) reportUnder(w io.Writer, heading string, err error) {
	p := plain
	if h.options.Color {
		p = coloured
	}
	var text string
	switch {
	case h.options.JSON:
		text = h.reportJSON(heading, err)
	default:
		if text = h.report(err, p); text != "" && heading != "" {
			text = heading + "\n" + text
		}
		for _, running := range runningOf(err) {
			what := "still running on the server: "
			if running.Ended {
				what = "done on the server after the stop: "
			}
			text += what + printable.Text(running.String()) + "\n"
		}
		for i, cut := range cutOf(err) {
			if i == maxListed {
				text += fmt.Sprintf("… and %s more calls of clean-up\n", printable.Count(len(cutOf(err))-i))
				break
			}
			text += "clean-up was not finished: " + printable.Text(cut) + "\n"
		}
	}
	_, _ = io.WriteString(w, text)
}

func (h *Host) report(err error, p palette) string {
	var exit *ExitError
	var internal *internalError
	var usage *UsageError
	stop := stopOf(err)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &exit):
		if exit.Message == "" {
			return ""
		}
		return printable.Text(exit.Message) + "\n"
	case errors.As(err, &internal):
		return h.traceback(stackOf(err), p) + internalText(internal, p)
	case errors.Is(err, ErrOutputClosed):
		return "" // as any command whose reader has gone
	case stop != nil:
		return h.stopText(stop, p)
	case errors.As(err, &usage) && len(stackOf(err)) == 0:
		return printable.Text(usage.Error()) + "\n"
	}
	trace := h.traceback(stackOf(err), p)
	var parse syntax.Error
	var names resolve.ErrorList
	switch failure := failureOf(err); {
	case failure != nil:
		return trace + h.failureText(err, failure, p) + joinNotes(notesOf(err))
	case errors.As(err, &parse):
		return trace + h.parseText([]resolve.Error{{Pos: parse.Pos, Msg: parse.Msg}}, p)
	case errors.As(err, &names):
		return trace + h.parseText(names, p)
	}
	return trace + p.paint(p.class, errors.Script.Name()) + ": " + printable.Text(ownMessage(err)) + "\n" + joinNotes(notesOf(err))
}

// failureText is an error of a class, and its causes. Of a cause whose message the error repeats, the class is news.
func (h *Host) failureText(err error, failure *errors.Error, p palette) string {
	name := failure.Class.Name()
	said := failure.Error()
	text := p.paint(p.class, name) + printable.Text(strings.TrimPrefix(said, name)) + "\n"
	var r *raised
	var value *errorValue
	if errors.As(err, &r) && r.value.err == failure {
		value = r.value
	}
	class := failure.Class
	for cause := failure.Cause; cause != nil; cause = errors.Unwrap(cause) {
		if value != nil {
			value = value.cause
		}
		line := cause.Error()
		if c, ok := cause.(*errors.Error); ok {
			news := c.Class != class || value != nil && value.trace != nil
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
		text += "caused by: " + printable.Text(line) + "\n"
		if value != nil && value.trace != nil {
			text += h.lastPlace(stackOf(value.trace), p)
		}
	}
	if failure.OperationID != "" {
		text += "operation: " + printable.Text(failure.OperationID) + "\n"
	}
	if line := outcomeLines[failure.Outcome]; line != "" && !failure.Class.IsA(errors.Exec) { // a command's own end is all there is
		text += "change: " + line + "\n"
	}
	return text
}

// outcomeLines say what became of the change. That a refused one wasn't made goes without saying.
var outcomeLines = map[errors.Outcome]string{
	errors.NotSent: "not sent",
	errors.Done:    "done; what failed came after it",
	errors.Unknown: "unknown; it may have been made",
}

// title is an error's class and status.
func title(e *errors.Error) string {
	if e.Status == 0 {
		return e.Class.Name()
	}
	return fmt.Sprintf("%s (%d)", e.Class.Name(), e.Status)
}

// lastPlace shows only where in the scripts a stack ends.
func (h *Host) lastPlace(stack starlark.CallStack, p palette) string {
	places := placesOf(stack)
	if len(places) == 0 {
		return ""
	}
	var b strings.Builder
	h.writePlace(&b, places[len(places)-1], p)
	return b.String()
}

// stopText is a run that was stopped. Where an interrupted script was takes one line; where one was that took too
// long is worth the backtrace.
func (h *Host) stopText(stop *stopError, p palette) string {
	message := printable.Text(stop.cause.Error())
	if !errors.Is(stop, ErrInterrupted) {
		return h.traceback(stackOf(stop), p) + message + "\n"
	}
	stack := stackOf(stop)
	if places := placesOf(stack); len(places) > 0 && places[len(places)-1].pos.Line > 0 {
		last := places[len(places)-1]
		message += fmt.Sprintf(" at %s, line %d, in %s", printable.Line(last.pos.Filename()), last.pos.Line, last.function)
	}
	for _, frame := range slices.Backward(stack) {
		if _, ok := readTask(frame.Name); ok {
			message += ", " + frame.Name
			break
		}
	}
	return message + "\n"
}

// stopOf is what stopped a run; nil where an error has another reason. A cause by itself will do.
func stopOf(err error) *stopError {
	var stop *stopError
	if errors.As(err, &stop) {
		return stop
	}
	var own interface{ ExitStatus() int } // a signal
	if errors.Is(err, ErrInterrupted) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrSteps) || errors.As(err, &own) {
		return &stopError{cause: err}
	}
	return nil
}

func internalText(internal *internalError, p palette) string {
	text := p.paint(p.class, "internal error") + printable.Text(strings.TrimPrefix(internal.Error(), "internal error")) + "\n"
	if os.Getenv(debugVariable) != "" {
		return text + string(internal.stack)
	}
	return text + "this is a mistake in incus-star, not in the script: please report it (" + debugVariable + "=1 shows more)\n"
}

// maxListed is how many errors of a script are listed, three lines each: no more than a screen.
const maxListed = 7

// parseText lists what is wrong with a script that didn't run.
func (h *Host) parseText(list []resolve.Error, p palette) string {
	var b strings.Builder
	for i, e := range list {
		if i == maxListed {
			fmt.Fprintf(&b, "… and %s more\n", printable.Count(len(list)-i))
			break
		}
		fmt.Fprintf(&b, "%s: %s\n", p.paint(p.class, printable.Text(e.Pos.String())), printable.Text(e.Msg))
		b.WriteString(h.excerpt(e.Pos, p))
	}
	return b.String()
}

// printable makes text safe for a terminal: a server's message may hold anything.
