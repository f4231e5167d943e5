// Package report shows the errors of scripts: to people as text with a backtrace, to programs as JSON.
//
// A program that runs scripts describes an error in a [Report], with the frames that [Backtrace] finds in it, and a
// [Printer] writes the report. [Sources] holds the text of the scripts, for the lines in reports. Hints for people who
// know other languages are added by [Sources.Explain] before a script runs, and by [WithHint] after it failed.
package report

import (
	"io"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/resolve"
)

// A Kind is the form of a report as text. In JSON all have the same form.
type Kind int

const (
	Failed      Kind = iota // the backtrace, and the error with its causes
	Unparsed                // the mistakes, each with its line
	Plain                   // the message
	Stopped                 // the backtrace and the message
	Interrupted             // the message and the last frame, in one line
	Internal                // the backtrace, the message and, on request, Go's stack
	Silent                  // nothing
)

// A Report describes an error.
type Report struct {
	Kind    Kind
	Context string // the reason for a report while the script goes on; empty at its end

	// Error is the error of the kind Failed. Other kinds have a class, known to reports only, and a message.
	Error          *errors.Error
	Class, Message string

	Frames   []Frame
	Causes   [][]Frame       // the backtraces of the first causes of Error; nil for a cause without one
	Mistakes []resolve.Error // of the kind Unparsed
	Notes    []string        // lines below the error, such as those of earlier attempts
	GoStack  []byte          // of the kind Internal

	Running    []builtin.Running // on the server
	Unfinished []string          // calls of clean-up that were cut short, or never made

	Status int // the exit status of the process
}

// A Printer writes reports.
type Printer struct {
	Sources *Sources
	Color   bool // whether text has a terminal's colours
	JSON    bool // whether a report is a line of JSON instead of text
}

// Print writes a report with one call of Write, so that the reports of several tasks or processes don't mix. It writes
// nothing for nil.
func (p *Printer) Print(w io.Writer, r *Report) {
	switch {
	case r == nil:
	case p.JSON:
		_, _ = io.WriteString(w, p.json(r))
	default:
		_, _ = io.WriteString(w, p.text(r))
	}
}
