package errors

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// An Error is a failure with its class and its details.
type Error struct {
	// Class is the most specific class that applies; never nil.
	Class *Class
	// Message is the server's own text, or ours if no server answered.
	Message string
	// Status is the HTTP status, or the status code of a failed operation; 0 if no server answered.
	Status int
	// Response is the decoded JSON body of the answer; nil for none.
	Response any
	// Cause is the underlying failure; nil for none.
	Cause error
	// OperationID is the UUID of the failed background operation; empty for none.
	OperationID string
	// Method and Path are those of the failed request. Path has no query.
	Method, Path string
	// Outcome is the fate of the requested change; empty for a request that changes nothing.
	Outcome Outcome
	// Reads reports whether the call that failed changes nothing on the server, so that it may be made again.
	Reads bool
	// Again reports whether the call may be made again whatever its outcome, because it changes only what differs.
	Again bool
	// Object is the object concerned; nil if unknown.
	Object *Object
	// Owner is the object whose method failed, if that isn't Object, such as the instance of a file; nil for none.
	Owner *Object
	// Remote is the name of the server's remote, or the server's address if it has none; empty for an error about no
	// server. Default reports that it is the default remote, which messages don't name.
	Remote  string
	Default bool
	// Proxied reports whether the answer isn't one of Incus, such as the page of a proxy. It tells nothing about what the server did.
	Proxied bool
	// Hint is advice on what to do; empty for none.
	Hint string
	// Fields are the attributes that the class adds, such as exit_code.
	Fields map[string]any
}

// New returns an error of a class, with a message formatted as by [fmt.Sprintf].
func New(class *Class, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...)}
}

// Error returns the class, the status in parentheses, and the message, followed by the cause, the names of the object and its owner and, for
// another remote than the default one, its name, unless the message contains them.
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
	unreached := e.Class.IsA(Connection) && e.Outcome != Unknown // the error is about the server
	var about []string
	for _, o := range []*Object{e.Object, e.Owner} {
		if o != nil && o.Name != "" && !unreached && !Mentions(b.String(), o.Name) {
			about = append(about, o.String())
		}
	}
	if e.Remote != "" && !e.Default && !Mentions(b.String(), e.Remote) {
		about = append(about, "remote "+e.Remote)
	}
	if about != nil {
		b.WriteString(" (" + strings.Join(about, ", ") + ")")
	}
	return b.String()
}

// Mentions reports whether text contains name as a word of its own.
func Mentions(text, name string) bool {
	return slices.ContainsFunc(occurrences(text, name), func(s span) bool {
		return (s.from == 0 || !isLetter(text[s.from-1])) && (s.to == len(text) || !isLetter(text[s.to]))
	})
}

// CauseMessage returns the message of the cause, without its class; empty for no cause.
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

// Advice returns what to do about the failure; empty if nothing is known.
func (e *Error) Advice() string {
	if e.Hint == "" && e.Method == "DELETE" && e.Class.IsA(State) && instancePath().MatchString(e.Path) {
		return "delete(force=True) stops the instance first"
	}
	return e.Hint
}

// Remedy returns the advice; empty if it is in the message, as in that of a failed connection.
func (e *Error) Remedy() string {
	if advice := e.Advice(); !strings.Contains(e.Message, advice) {
		return advice
	}
	return ""
}

var instancePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^/1\.0/instances/[^/]+$`) })

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is the error's class or one of its ancestors. [errors.Is] goes on to the causes.
func (e *Error) Is(target error) bool {
	class, ok := target.(*Class)
	return ok && e.Class.IsA(class)
}
