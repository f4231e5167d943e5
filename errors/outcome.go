package errors

import (
	"regexp"
	"strings"
	"sync"
)

// An Outcome is the fate of the change that a failed request asked for. It is empty for a request that changes nothing.
type Outcome string

const (
	// NotSent means that the server never received the request, or that nothing of it lasts.
	NotSent Outcome = "not_sent"
	// Refused means that the server reported that it didn't make the change.
	Refused Outcome = "refused"
	// Done means that the change was made, and a later request failed.
	Done Outcome = "done"
	// Unknown means that the change may have been made, in whole or in part, or may still be made.
	Unknown Outcome = "unknown"
)

// Valid reports whether o is one of the four outcomes, or empty.
func (o Outcome) Valid() bool {
	switch o {
	case "", NotSent, Refused, Done, Unknown:
		return true
	}
	return false
}

// broken matches messages about a failure in the middle of the work, which may leave a part of the change behind.
var broken = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bEOF\b|connection reset|broken pipe|closed network connection|i/o timeout|notify(ing)? peer|context (deadline exceeded|canceled)|Timeout exceeded`)
})

// OutcomeOfReply returns the outcome of a change that was answered with an error of a class. Own reports whether the
// answer came from Incus itself, not from a proxy in between.
func OutcomeOfReply(class *Class, message string, own bool) Outcome {
	switch {
	case !class.IsA(Server) || class.IsA(NotImplemented):
		return Refused
	case class.IsA(Unavailable) && own && !broken().MatchString(message):
		return Refused
	}
	return Unknown
}

// notBegun matches the messages of operations of several steps that failed before the first of them: the member is in the
// wanted state already, or doesn't take part yet.
var notBegun = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^Cluster member is already (evacuated|restored|in requested state)$|^Cannot evacuate or restore a pending cluster member$`)
})

// OutcomeOfOperation returns the outcome of a change whose operation failed with e. Servers undo a change that failed
// for a reason they report; a cancelled operation, and one that failed for no known reason, may leave a part of it
// behind. So may one of several steps, such as a stop and a start, unless the object was busy at the first of them, or it didn't
// come to that.
func OutcomeOfOperation(e *Error, steps bool) Outcome {
	if e.Class.IsA(OperationCancelled) {
		return Unknown
	}
	for cause := e; cause != nil; {
		if cause.Class.IsA(API) {
			if steps && !notBegun().MatchString(e.Message) && (!cause.Class.IsA(Busy) || strings.Contains(e.Message, "(for start)")) {
				return Unknown
			}
			return OutcomeOfReply(cause.Class, e.Message, true)
		}
		cause, _ = cause.Cause.(*Error)
	}
	return Unknown
}
