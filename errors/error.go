package errors

import (
	"fmt"
	"slices"
	"strings"
)

// An Error is one failure with its class and what is known of it.
type Error struct {
	// Class is the most specific class that is true; never nil.
	Class *Class
	// Message is the server's own words where a server answered.
	Message string
	// Status is the HTTP status, or the operation's own code for an operation that failed; 0 where no server answered.
	Status int
	// Response is the decoded JSON body of the answer; nil where there is none.
	Response any
	// Cause is the failure behind this one; nil where there is none.
	Cause error
	// OperationID is the UUID of the background operation that failed; empty where there is none.
	OperationID string
	// Method and Path are those of the request that failed; the path has no query.
	Method, Path string
	// Outcome says what became of the change; empty for what changes nothing.
	Outcome Outcome
	// Object is what the error is about; nil where that isn't known.
	Object *Object
	// Fields are what the class adds, such as exit_code.
	Fields map[string]any
}

// New makes an error of a class with a message and nothing else.
func New(class *Class, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...)}
}

// Error is the class, the status in parentheses, and the message; a cause and an object's name that the message doesn't
// hold already follow.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Class.Name())
	if e.Status != 0 {
		fmt.Fprintf(&b, " (%d)", e.Status)
	}
	b.WriteString(": ")
	b.WriteString(e.Message)
	if cause := e.CauseMessage(); cause != "" && !strings.Contains(e.Message, cause) {
		b.WriteString(": " + cause)
	}
	if e.Object != nil && e.Object.Name != "" && !mentions(b.String(), e.Object.Name) {
		b.WriteString(" (" + e.Object.String() + ")")
	}
	return b.String()
}

// mentions reports whether a text has a name in it, not as a part of another word.
func mentions(text, name string) bool {
	return slices.ContainsFunc(occurrences(text, name), func(s span) bool {
		return (s.from == 0 || !isLetter(text[s.from-1])) && (s.to == len(text) || !isLetter(text[s.to]))
	})
}

// CauseMessage is what the cause says, without its class; empty where there is no cause.
func (e *Error) CauseMessage() string {
	switch cause := e.Cause.(type) {
	case nil:
		return ""
	case *Error:
		return cause.Message
	default:
		return cause.Error()
	}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is holds for the error's class and the classes above it; errors.Is asks the causes too.
func (e *Error) Is(target error) bool {
	class, ok := target.(*Class)
	return ok && e.Class.IsA(class)
}
