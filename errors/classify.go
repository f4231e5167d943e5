package errors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"regexp"
	"sync"
	"syscall"
)

// The codes that Incus gives a background operation's end; they are not HTTP statuses.
const (
	operationFailure   = 400
	operationCancelled = 401
)

// A textClass is a class and what a message of that class matches.
type textClass struct {
	pattern *regexp.Regexp
	class   *Class
}

// Incus reports many failures with a status that doesn't say what happened, and a failed operation with no status at
// all. These patterns find the class in the text; the first that matches decides. They are compiled at the first
// failure, because most programs end without one.
var textClasses = sync.OnceValue(func() []textClass {
	return []textClass{
		{regexp.MustCompile(`^Command not (found|executable)$`), nil}, // in the instance; nothing of Incus is missing
		{regexp.MustCompile(`Failed to run: `), nil},                  // what a program on the server says is not about the request
		{regexp.MustCompile(`already exists|already in use|already defined|already in trust store|UNIQUE constraint failed`), AlreadyExists},
		{regexp.MustCompile(`is busy running a `), Busy},
		{regexp.MustCompile(`Reached maximum |is too low: (there currently are|current total is)`), Limit},
		{regexp.MustCompile(`\b(is|are) forbidden|not allowed (in|by) project|Disk source path .*not allowed|[Pp]rojects? (isn't|aren't) allowed|` +
			`isn't allowed (in this project|to connect)|[Pp]roject (".*" )?doesn't allow|not accessible from this project|` +
			`cannot be set in a restricted project|User does not have (permission|entitlement)`), Permission},
		{regexp.MustCompile(`already (running|stopped|frozen)|(is not|isn't|isn't currently|not currently) running|[Ii]nstance is (running|frozen|stopped)|is currently frozen|is running|must be stopped|running instance not allowed|(currently|still) in use|that is in use`), State},
		{regexp.MustCompile(`(?i)not found|doesn't exist|does not exist|Image not provided for instance`), NotFound},
	}
})

func ofText(message string) *Class {
	for _, t := range textClasses() {
		if t.pattern.MatchString(message) {
			return t.class
		}
	}
	return nil
}

// OfReply gives the class of a server's error reply. Trusted is asked only where it matters: whether the server
// trusts this client at all.
func OfReply(status int, message string, trusted func() bool) *Class {
	switch status {
	case 401:
		return Authentication
	case 403:
		if class := ofText(message); class == Limit {
			return class
		}
		if trusted != nil && !trusted() {
			return Authentication
		}
		return Permission
	case 404:
		return NotFound
	case 409:
		if ofText(message) == AlreadyExists {
			return AlreadyExists
		}
		return Conflict
	case 412:
		return PreconditionFailed
	case 423:
		return Busy
	case 501:
		return NotImplemented
	case 503:
		return Unavailable
	}
	if class := ofText(message); class != nil && (status == 400 || status >= 500) {
		return class
	}
	switch {
	case status == 400:
		return BadRequest
	case status >= 500:
		return Server
	}
	return API
}

// OfOperation gives the class of a background operation that ended with code, and that of the cause that its text
// tells, nil where it tells none. Only the text counts for the cause, because only older servers report more.
func OfOperation(code int, message string) (class, cause *Class) {
	if code == operationCancelled {
		return OperationCancelled, nil
	}
	return Operation, ofText(message)
}

// NewOperation makes the error of a background operation that ended badly. Response is the operation as the server
// rendered it.
//
// That an object exists already is found in the background by older servers and before it by newer ones. So that is
// the class of the error on both, and that an operation failed is its cause; every other cause stands below the
// operation's failure.
func NewOperation(id string, code int, message string, response any) *Error {
	class, causeClass := OfOperation(code, message)
	e := &Error{Class: class, Message: message, Status: code, OperationID: id, Response: response}
	switch {
	case message == "" && class == OperationCancelled:
		e.Message = "the operation was cancelled"
	case message == "":
		e.Message = "the operation failed; the server doesn't say why"
	case causeClass == AlreadyExists:
		outer := *e
		outer.Class, outer.Cause = AlreadyExists, e
		return &outer
	case causeClass != nil:
		e.Cause = &Error{Class: causeClass, Message: message}
	}
	return e
}

// OfTransport gives the class of a request that got no usable answer.
func OfTransport(err error) *Class {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &unknown),
		errors.As(err, &host), errors.As(err, &invalid):
		return TLS
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"):
		// Outside QUIC, this is how crypto/tls reports an alert.
		return TLS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	}
	return Connection
}

// Hint says what to do about a failed connection to a server's socket or port; empty where there is no good advice.
func Hint(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "add this user to the incus-admin group and log in again, or run as root"
	case errors.Is(err, fs.ErrNotExist):
		return "is Incus installed and running here? INCUS_SOCKET or INCUS_DIR may name another place"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: is the Incus daemon running?"
	}
	return ""
}
