package host

import (
	"context"
	"fmt"
	"syscall"

	"incus-star/errors"
	"incus-star/starlarkincus/report"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// The causes of a run's end that no script can catch.
var (
	// ErrInterrupted is the cause after Ctrl-C, and of a context that is cancelled without a cause.
	ErrInterrupted = errors.Plain("interrupted")
	// ErrTimeout is the cause after a timeout, and of a context that passed its deadline.
	ErrTimeout = errors.Plain("timed out")
	// ErrSteps is the cause after the steps of Options.MaxSteps.
	ErrSteps = errors.Plain("the step limit is reached")
)

// The causes of the end of a clean-up.
const (
	errGraceOver endOfTime = "the time for clean-up is over"
	errShareOver endOfTime = "its share of the time for clean-up is over"
)

var errCleanupEnded = errors.Plain("clean-up was ended by a second interrupt")

// An endOfTime is the cause of the end of a clean-up after its time: a timeout.
type endOfTime string

func (e endOfTime) Error() string      { return string(e) }
func (endOfTime) Is(target error) bool { return target == ErrTimeout }

// ErrOutputClosed is the cause after standard output was closed, as in incus-star x.star | head. Its only report is the exit
// status.
var ErrOutputClosed error = outputClosed{}

type outputClosed struct{}

func (outputClosed) Error() string   { return "standard output was closed" }
func (outputClosed) ExitStatus() int { return 128 + int(syscall.SIGPIPE) }

func (outputClosed) ReportClass() string { return "OutputClosed" }

// An ExitError is the error of a script that called exit() or die(), also with the status 0.
type ExitError struct {
	Status int
	// Message is the message of die; empty after exit.
	Message string
}

func (e *ExitError) Error() string {
	if e.Message != "" {
		return e.Message
	}
	return fmt.Sprintf("exit(%d)", e.Status)
}

// A UsageError is a mistake in the command line or in the file to run, found before anything ran.
type UsageError struct {
	// Path is the script's path as the user wrote it.
	Path    string
	Message string
}

func (e *UsageError) Error() string { return e.Path + ": " + e.Message }

// An internalError is a panic of Go code that a script called.
type internalError struct {
	value any
	stack []byte
}

func (e *internalError) Error() string { return fmt.Sprintf("internal error: %v", e.value) }

// A stopError is the error of a run, or a clean-up, that was ended from outside. It keeps the script's own error for the
// backtrace.
type stopError struct{ cause, err error }

func (e *stopError) Error() string        { return e.cause.Error() }
func (e *stopError) Unwrap() error        { return e.err }
func (e *stopError) Is(target error) bool { return errors.Is(e.cause, target) }
func (e *stopError) As(target any) bool   { return errors.As(e.cause, target) }

// A RuntimeError is an error of Starlark's own about a mistake in a running script, such as a division by zero. Scripts
// catch it as a ScriptError. So errors.Is finds errors.Script in it, as in an error of fail(), and errors.As an
// *errors.Error of that class. The error of a script that doesn't parse or resolve is a syntax.Error or a
// resolve.ErrorList.
type RuntimeError struct{ err error }

func (e *RuntimeError) Error() string { return e.err.Error() }

// Unwrap returns the error with its backtrace, a [*starlark.EvalError].
func (e *RuntimeError) Unwrap() error { return e.err }

// Is reports whether target is the class ScriptError or one above it.
func (e *RuntimeError) Is(target error) bool {
	class, ok := target.(*errors.Class)
	return ok && errors.Script.IsA(class)
}

// As sets an [*errors.Error] to the error that scripts would catch.
func (e *RuntimeError) As(target any) bool {
	failure, ok := target.(**errors.Error)
	if ok {
		*failure = &errors.Error{Class: errors.Script, Message: report.Message(e.err)}
	}
	return ok
}

// classed returns the error of a run for Go programs: one that scripts catch as a ScriptError gets that class.
func classed(err error) error {
	var exit *ExitError
	var internal *internalError
	var usage *UsageError
	var parse syntax.Error
	var names resolve.ErrorList
	var trace *starlark.EvalError
	switch {
	case failureOf(err) != nil, stopOf(err) != nil, errors.As(err, &exit), errors.As(err, &internal), errors.As(err, &usage),
		errors.As(err, &parse), errors.As(err, &names), !errors.As(err, &trace):
		return err
	}
	return &RuntimeError{err}
}

// causeOf returns the cause of a context's end, with the host's errors in place of Go's two; nil before the end.
func causeOf(ctx context.Context) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil:
		return nil
	case errors.Is(cause, ErrInterrupted), errors.Is(cause, ErrTimeout):
		return cause
	case cause == context.Canceled:
		return ErrInterrupted
	case cause == context.DeadlineExceeded:
		return ErrTimeout
	}
	return cause
}

// stopOf returns the stop of a run that was stopped; nil for another error. A cause alone counts as one.
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

// isStop reports whether an error by itself, without regard to the context, must not be caught.
func isStop(err error) bool {
	var stop *stopError
	var exit *ExitError
	var internal *internalError
	return errors.As(err, &stop) || errors.As(err, &exit) || errors.As(err, &internal)
}

// The exit statuses for the error of a run.
const (
	statusScript     = 1
	statusUsage      = 2
	statusAPI        = 3
	statusConnection = 4
	statusOperation  = 5
	statusTimeout    = 124
	statusInterrupt  = 130
)

// statusOf has the exit statuses of classes; the first that is the error's class, or one above it, decides. A missing
// extension counts as an error answer of the server, and a wrong configuration as wrong usage.
var statusOf = []struct {
	class  *errors.Class
	status int
}{
	{errors.Script, statusScript},
	{errors.API, statusAPI},
	{errors.Unsupported, statusAPI},
	{errors.Connection, statusConnection},
	{errors.Operation, statusOperation},
	{errors.Config, statusUsage},
}

// ExitStatus returns the exit status of a process for the error of a run: 0 for nil, the status of exit(), 130 after an
// interrupt, 124 after a timeout and at the step limit, 141 after standard output was closed, 2 for a script that doesn't
// exist or doesn't parse. For other errors the class decides, without regard to causes: 3 for IncusAPIError and
// IncusUnsupportedError, 4 for IncusConnectionError, 5 for IncusOperationError, 2 for IncusConfigError, and 1 for all others.
// The cause of a cancelled context may have methods ExitStatus() int, for its own status, and ReportClass() string, for its
// class in JSON.
func ExitStatus(err error) int {
	if err == nil {
		return 0
	}
	var exit *ExitError
	var stop *stopError
	var own interface{ ExitStatus() int }
	var internal *internalError
	var usage *UsageError
	var parse syntax.Error
	var names resolve.ErrorList
	var failure *errors.Error
	switch {
	case errors.As(err, &exit):
		return exit.Status
	case errors.As(err, &stop) && errors.As(stop.cause, &own), stop == nil && errors.As(err, &own):
		return own.ExitStatus()
	case errors.Is(err, ErrInterrupted):
		return statusInterrupt
	case errors.Is(err, ErrTimeout), errors.Is(err, ErrSteps):
		return statusTimeout
	case errors.As(err, &internal):
		return statusScript
	case errors.As(err, &usage), errors.As(err, &parse), errors.As(err, &names):
		return statusUsage
	case errors.As(err, &failure):
		for _, s := range statusOf {
			if failure.Class.IsA(s.class) {
				return s.status
			}
		}
	}
	return statusScript
}
