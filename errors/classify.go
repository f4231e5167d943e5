package errors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

// operationCancelled is the code that Incus gives a background operation that was cancelled. It is not an HTTP status.
const operationCancelled = 401

// A Failure is a server's report of one.
type Failure struct {
	// Status is the HTTP status of a reply, or the code of an operation that ended.
	Status  int
	Message string
	// Request is what failed, or what began the operation that did; nil if it isn't known.
	Request *Request
	// Member is the cluster member that ran the operation; empty if there is only one server.
	Member string
}

// decide returns the first rule that matches, or nil.
func (f *Failure) decide(from source) *rule {
	spans := hearsay(f.Message, f.Request.values())
	own := spans
	if i := strings.Index(f.Message, programOutput); i >= 0 {
		own = append(slices.Clip(spans), span{i + len(programOutput), len(f.Message)})
	}
	for _, r := range compiledRules() {
		if r.from != 0 && r.from&from == 0 || r.making && f.Request.making() == nil {
			continue
		}
		if from == replies && !r.forStatus(f.Status) || from == operations && r.pattern == nil {
			continue
		}
		words := own
		if r.programs {
			words = spans
		}
		if r.pattern == nil || says(f.Message, r.pattern, words) {
			return r.rule
		}
	}
	return nil
}

// OfReply gives the class of a server's error reply. Trusted is asked only where it matters: whether the server
// trusts this client at all.
func OfReply(f Failure, trusted func() bool) *Class {
	r := f.decide(replies)
	switch {
	case r != nil && r.class == Permission && f.Status == 403 && trusted != nil && !trusted():
		return Authentication
	case r != nil && r.class != nil:
		return r.class
	case f.Status == 400:
		return BadRequest
	case f.Status >= 500:
		return Server
	}
	return API
}

// OfOperation gives the class of a background operation that ended, and that of the cause that its text tells, nil
// where it tells none. Only the text counts for the cause, because only older servers report more.
func OfOperation(f Failure) (class, cause *Class) {
	if f.Status == operationCancelled {
		return OperationCancelled, nil
	}
	if r := f.decide(operations); r != nil {
		cause = r.class
	}
	return Operation, cause
}

// NewReply makes the error of a server's error reply. Response is its decoded body.
func NewReply(f Failure, response any, trusted func() bool) *Error {
	class := OfReply(f, trusted)
	return &Error{Class: class, Message: f.Message, Status: f.Status, Response: response, Object: f.object(class)}
}

// NewOperation makes the error of a background operation that ended badly. Response is the operation as the server
// rendered it.
//
// That an object exists already, and why another member doesn't take an instance, is found in the background by older
// servers and before it by newer ones. So that is the class of the error on both, and that an operation failed is its
// cause; every other cause stands below the operation's failure. But an operation whose member died didn't fail as far as anybody knows: what is certain is that
// the member is unavailable.
func NewOperation(id string, f Failure, response any) *Error {
	class, causeClass := OfOperation(f)
	e := &Error{Class: class, Message: f.Message, Status: f.Status, OperationID: id, Response: response}
	switch {
	case f.Message == "" && class == OperationCancelled:
		e.Message = "the operation was cancelled"
	case f.Message == "":
		e.Message = "the operation failed; the server doesn't say why"
	case causeClass == AlreadyExists, causeClass != nil && strings.HasPrefix(f.Message, notTaken):
		outer := *e
		outer.Class, outer.Cause = causeClass, e
		e = &outer
	case causeClass == Unavailable && lostMember.MatchString(f.Message):
		outer := *e
		outer.Class, outer.Cause = Unavailable, e
		if f.Member != "" {
			outer.Object = &Object{Kind: "cluster member", Name: f.Member}
		}
		return &outer
	case causeClass != nil:
		e.Cause = &Error{Class: causeClass, Message: f.Message}
	}
	e.Object = f.object(causeClass)
	return e
}

// notTaken begins the message of an operation whose instance was to be created on another member, which refused that.
const notTaken = "Failed requesting instance create on destination: "

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
