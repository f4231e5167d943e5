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

// operationCancelled is the status code of a cancelled background operation. It is not an HTTP status.
const operationCancelled = 401

// A Failure is an error as the server reports it.
type Failure struct {
	// Status is the HTTP status of the reply, or the status code of the operation.
	Status  int
	Message string
	// Request is the failed request, or the one that started the failed operation; nil if unknown.
	Request *Request
	// Member is the cluster member that ran the operation; empty on a server without a cluster.
	Member string
}

// decide returns the first rule that matches, or nil. From is either replies or operations.
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

// ofReply returns the class of a server's error reply. Trusted reports whether the server trusts the client at all; it
// is called only for a 403, because the answer takes a request.
func ofReply(f Failure, trusted func() bool) *Class {
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

// ofOperation returns the class of a failed background operation, and the class of its cause, which is nil if the
// message names none. The cause is judged by the message alone, because only older servers report more than that.
func ofOperation(f Failure) (class, cause *Class) {
	if f.Status == operationCancelled {
		return OperationCancelled, nil
	}
	if r := f.decide(operations); r != nil {
		cause = r.class
	}
	return Operation, cause
}

// NewReply returns the error of a server's error reply, whose decoded body is response.
func NewReply(f Failure, response any, trusted func() bool) *Error {
	class := ofReply(f, trusted)
	return &Error{Class: class, Message: f.Message, Status: f.Status, Response: response, Object: f.object(class)}
}

// NewOperation returns the error of a failed background operation, whose decoded JSON is response.
//
// Its class is that of the operation, with the reason as its cause, but for two kinds of reason. Newer servers report
// an existing object, and the refusal of an instance by another member, before they start the operation, older ones by
// the operation: on both the reason is the error and the failed operation its cause. An operation whose member died may
// still have succeeded: only the member's unavailability is certain, and so it is the error.
func NewOperation(id string, f Failure, response any) *Error {
	class, causeClass := ofOperation(f)
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

// notTaken begins the message of an operation that failed because another member refused to create the instance.
const notTaken = "Failed requesting instance create on destination: "

// OfTransport returns the class of err, the error of a request without a usable answer.
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
		// Outside QUIC, crypto/tls reports an alert in this form.
		return TLS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	}
	return Connection
}

// Hint returns advice on a failed connection to a server's socket or port; empty for none.
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
