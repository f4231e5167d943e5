package errors

import (
	"regexp"
	"sync"
)

// An Outcome says what became of the change that a failed request was to make. It is empty for what changes nothing.
type Outcome string

const (
	// NotSent is a change that the server never got.
	NotSent Outcome = "not_sent"
	// Refused is a change that the server says it didn't make.
	Refused Outcome = "refused"
	// Done is a change that was made; what failed is a request after it.
	Done Outcome = "done"
	// Unknown is a change that may have been made, in whole or in part, or may still be made.
	Unknown Outcome = "unknown"
)

// Valid reports whether the outcome is one of the four, or empty.
func (o Outcome) Valid() bool {
	switch o {
	case "", NotSent, Refused, Done, Unknown:
		return true
	}
	return false
}

// broken matches what a server says of a failure in the middle of the work.
var broken = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bEOF\b|connection reset|broken pipe|closed network connection|i/o timeout|notify(ing)? peer|context (deadline exceeded|canceled)|Timeout exceeded`)
})

// OutcomeOfReply returns what became of a change that was answered with an error of a class. Own reports whether Incus
// itself answered, not something between.
func OutcomeOfReply(class *Class, message string, own bool) Outcome {
	switch {
	case !class.IsA(Server) || class.IsA(NotImplemented):
		return Refused
	case class.IsA(Unavailable) && own && !broken().MatchString(message):
		return Refused
	}
	return Unknown
}

// OutcomeOfOperation returns what became of a change whose operation ended with the error. Servers undo what they began
// where they say why; of a cancelled operation, and of a failure without a known reason, a part may stay.
func OutcomeOfOperation(e *Error) Outcome {
	if e.Class.IsA(OperationCancelled) {
		return Unknown
	}
	for cause := e; cause != nil; {
		if cause.Class.IsA(API) {
			return OutcomeOfReply(cause.Class, e.Message, true)
		}
		cause, _ = cause.Cause.(*Error)
	}
	return Unknown
}
