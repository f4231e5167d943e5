package host

import (
	"io"

	"incus-star/errors"
	"incus-star/starlarkincus/report"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// Report writes an uncaught error for people: a backtrace with the source lines, then the error's class, status and
// message, then its causes. A script that doesn't parse has its mistakes listed. Nothing is written for exit(), the
// message alone for die(), and for an interrupt one line with the script's position. With Options.JSON a report is a line
// of JSON.
func (h *Host) Report(w io.Writer, err error) { h.printer().Print(w, h.describe(err)) }

// reportAside reports an error that can't be returned. Context says why.
func (h *Host) reportAside(context string, err error) {
	r := h.describe(err)
	if r != nil {
		r.Context = context
	}
	h.printer().Print(h.options.Stderr, r)
}

// reportAside adds the task's frame: err has not crossed the task's boundary yet.
func (t *task) reportAside(context string, err error) {
	if t.item != nil {
		err = &report.ThreadBoundary{Task: t.item(), Err: err}
	}
	t.run.host.reportAside(context, err)
}

func (h *Host) printer() *report.Printer {
	return &report.Printer{Sources: &h.sources, Color: h.options.Color, JSON: h.options.JSON}
}

// describe returns the report of an error; nil if there is nothing to report.
func (h *Host) describe(err error) *report.Report {
	if err == nil {
		return nil
	}
	var exit *ExitError
	var internal *internalError
	var usage *UsageError
	var parse syntax.Error
	var names resolve.ErrorList
	stop, failure := stopOf(err), failureOf(err)
	r := &report.Report{Frames: report.Backtrace(err), Notes: notesOf(err), Status: ExitStatus(err), Running: runningOf(err), Unfinished: cutOf(err)}
	switch {
	case errors.As(err, &exit):
		if exit.Message == "" && r.Running == nil && r.Unfinished == nil {
			return nil
		}
		r.Kind, r.Class, r.Message, r.Frames = report.Plain, "Exit", exit.Message, nil
	case errors.As(err, &internal):
		r.Kind, r.Class, r.Message, r.GoStack = report.Internal, "InternalError", internal.Error(), internal.stack
	case stop != nil:
		r.Kind, r.Class, r.Message = report.Stopped, stopClass(stop), stop.Error()
		if errors.Is(err, ErrOutputClosed) {
			r.Kind = report.Silent // like any command whose reader has gone
		} else if errors.Is(stop, ErrInterrupted) {
			r.Kind = report.Interrupted
		}
	case errors.As(err, &usage) && r.Frames == nil:
		r.Kind, r.Class, r.Message = report.Plain, "UsageError", usage.Error()
	case failure != nil:
		r.Error, r.Causes = failure, causesOf(err, failure)
		if remedy := failure.Remedy(); remedy != "" {
			r.Notes = append(r.Notes, remedy)
		}
	case errors.As(err, &parse):
		addMistakes(r, []resolve.Error{{Pos: parse.Pos, Msg: parse.Msg}})
	case errors.As(err, &names):
		addMistakes(r, names)
	default:
		r.Error = &errors.Error{Class: errors.Script, Message: report.Message(err)}
	}
	return r
}

func addMistakes(r *report.Report, list []resolve.Error) {
	r.Kind, r.Class, r.Message, r.Mistakes = report.Unparsed, "SyntaxError", list[0].Error(), list
}

// causesOf returns the backtraces of the causes that a script gave to an error.
func causesOf(err error, failure *errors.Error) [][]report.Frame {
	var r *raised
	if !errors.As(err, &r) || r.value.err != failure {
		return nil
	}
	var causes [][]report.Frame
	for v := r.value.cause; v != nil; v = v.cause {
		var frames []report.Frame
		if v.trace != nil {
			frames = report.Backtrace(v.trace)
		}
		causes = append(causes, frames)
	}
	return causes
}

// stopClass returns the class of a stop in JSON, from the method ReportClass of a cause that has one.
func stopClass(stop *stopError) string {
	var own interface{ ReportClass() string }
	switch {
	case errors.As(stop.cause, &own):
		return own.ReportClass()
	case errors.Is(stop, ErrTimeout):
		return "Timeout"
	case errors.Is(stop, ErrSteps):
		return "StepLimit"
	}
	return "Interrupt"
}
