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

// The causes that end a run where no script can hold it.
var (
	// ErrInterrupted is Ctrl-C; a context that is cancelled without a cause counts as it.
	ErrInterrupted = errors.Plain("interrupted")
	// ErrTimeout is the end of the run's time; a context's deadline counts as it.
	ErrTimeout = errors.Plain("timed out")
	// ErrSteps is the end of the steps that Options.MaxSteps allows.
	ErrSteps = errors.Plain("the step limit is reached")
)

var (
	errGraceOver    = errors.Plain("the time for clean-up is over")
	errCleanupEnded = errors.Plain("clean-up was ended by a second interrupt")
)

// ErrOutputClosed is the end of a run whose standard output nobody takes any more, as in incus-star x.star | head. It is
// reported by its exit status alone.
var ErrOutputClosed error = outputClosed{}

type outputClosed struct{}

func (outputClosed) Error() string   { return "standard output was closed" }
func (outputClosed) ExitStatus() int { return 128 + int(syscall.SIGPIPE) }

func (outputClosed) ReportClass() string { return "OutputClosed" }

// An ExitError is a script's call of exit() or die(). It is returned for status 0 too.
type ExitError struct {
	Status int
	// Message is die's; empty after exit.
	Message string
}

func (e *ExitError) Error() string {
	if e.Message != "" {
		return e.Message
	}
	return fmt.Sprintf("exit(%d)", e.Status)
}

// A UsageError is about what was given to run, before any of it ran.
type UsageError struct {
	// Path is the script as the user named it.
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

// A stopError is a run, or a clean-up, that ended for a cause from outside. It keeps the error that the script ended
// with, for its backtrace.
type stopError struct{ cause, err error }

func (e *stopError) Error() string        { return e.cause.Error() }
func (e *stopError) Unwrap() error        { return e.err }
func (e *stopError) Is(target error) bool { return errors.Is(e.cause, target) }
func (e *stopError) As(target any) bool   { return errors.As(e.cause, target) }

// A RuntimeError is Starlark's own report of a mistake in a script that ran, such as a division by zero: what scripts
// catch as a ScriptError. So errors.Is finds errors.Script in it, as in what fail() raised, and errors.As an *errors.Error
// of that class. A script that doesn't parse or resolve has not run: its error is a syntax.Error or a resolve.ErrorList.
type RuntimeError struct{ err error }

func (e *RuntimeError) Error() string { return e.err.Error() }

// Unwrap returns the error with its backtrace, a [*starlark.EvalError].
func (e *RuntimeError) Unwrap() error { return e.err }

// Is reports whether target is the class, or one above it.
func (e *RuntimeError) Is(target error) bool {
	class, ok := target.(*errors.Class)
	return ok && errors.Script.IsA(class)
}

// As sets an [*errors.Error] to the value that scripts would catch.
func (e *RuntimeError) As(target any) bool {
	failure, ok := target.(**errors.Error)
	if ok {
		*failure = &errors.Error{Class: errors.Script, Message: report.Message(e.err)}
	}
	return ok
}

// classed returns an error of a run as Go programs are to see it: with a class wherever scripts find one.
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

// causeOf is why a context ended, with Go's own two errors made into the host's; nil while it goes on.
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

// isStop says whether an error itself, whatever the context says, must pass every try_.
func isStop(err error) bool {
	var stop *stopError
	var exit *ExitError
	var internal *internalError
	return errors.As(err, &stop) || errors.As(err, &exit) || errors.As(err, &internal)
}

// The statuses of a process whose run ended with an error.
const (
	statusScript     = 1
	statusUsage      = 2
	statusAPI        = 3
	statusConnection = 4
	statusOperation  = 5
	statusTimeout    = 124
	statusInterrupt  = 130
)

// statusOf gives a class's exit status; the first that the error's class stands under decides. A server that lacks an
// extension counts as a server that answered with an error, and a wrong configuration as wrong usage.
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

// ExitStatus is the process's exit status for what a run returned: 0 for none, exit()'s own, 130 after an interrupt,
// 124 after a timeout and at the step limit, 141 where standard output was closed, 2 where nothing ran because it
// doesn't parse or isn't there, and else by the error's own class, whatever its causes: 3 IncusAPIError and
// IncusUnsupportedError, 4 IncusConnectionError, 5 IncusOperationError, 2 IncusConfigError, 1 all others. A cause of a
// cancelled context may say its own with a method ExitStatus() int, and with ReportClass() string its class in JSON.
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
