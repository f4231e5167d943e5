package errors

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	// Client is the client that sent the request; nil if unknown.
	Client *Client
	// Member is the cluster member that ran the operation; empty on a server without a cluster.
	Member string
}

// A Client is the client of a request as the server sees it.
type Client struct {
	// Certificate is the fingerprint of its certificate; empty for none.
	Certificate string
	// ByAddress reports whether the server was given by its address, for which the configuration has no certificate.
	ByAddress bool
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
	e := &Error{Class: class, Message: f.Message, Status: f.Status, Response: response, Object: f.object(class), Hint: f.hint(class, replies)}
	if o := f.Request.target(); o == nil || o.Kind != "operation" { // else the message is that of the operation
		e.Message = f.message("")
		if member := f.lost(); member != "" && e.Hint == "" {
			e.Hint = whenBack(member)
		}
	}
	return e
}

// NewOperation returns the error of a failed background operation, whose decoded JSON is response.
//
// Its class is that of the operation, with the reason as its cause, but for two kinds of reason. Newer servers report
// an existing object, and the refusal of an instance by another member, before they start the operation, older ones by
// the operation: on both the reason is the error and the failed operation its cause. An operation whose member died may
// still have succeeded: only the member's unavailability is certain, and so it is the error.
func NewOperation(id string, f Failure, response any) *Error {
	class, causeClass := ofOperation(f)
	e := &Error{Class: class, Message: f.message(" during its operation"), Status: f.Status, OperationID: id, Response: response, Hint: f.hint(class, operations)}
	switch {
	case f.Message == "" && class == OperationCancelled:
		e.Message = "the operation was cancelled"
	case f.Message == "":
		e.Message = "the operation failed; the server doesn't say why"
	case causeClass == AlreadyExists, causeClass != nil && strings.HasPrefix(f.Message, notTaken):
		outer := *e
		outer.Class, outer.Cause = causeClass, e
		e = &outer
	case causeClass == Unavailable && lostMember().MatchString(f.Message):
		outer := *e
		outer.Class, outer.Cause = Unavailable, e
		if f.Member != "" {
			outer.Object = &Object{Kind: "cluster member", Name: f.Member}
			outer.Hint = whenBack(f.Member)
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

// hint returns advice on a failure of a class; empty for none.
func (f *Failure) hint(class *Class, from source) string {
	r := f.decide(from)
	nic := takenMAC().FindStringSubmatch(f.Message)
	switch {
	case r != nil && r.hint != "":
		return r.hint
	case nic != nil:
		return fmt.Sprintf(`another instance has this MAC address, as the original of one that was imported under another name: `+
			`update(config = {"volatile.%s.hwaddr": None}) gives this one another, unless its device %[1]s sets hwaddr`, nic[1])
	case class == Authentication && f.Request.field("trust_token") != "":
		return invalidToken
	case from != replies || f.Client == nil || f.Status == 401:
		return ""
	case f.Client.Certificate == "" && f.Client.ByAddress && (class == Authentication || strings.HasSuffix(f.Message, noCertificate)):
		return "this client sends no certificate: cert=(crt, key) beside endpoint= gives it one, such as the files client.crt and client.key of the incus command, " +
			"and incus.connect(REMOTE) sends that of a remote"
	case f.Client.Certificate == "" && (class == Authentication || strings.HasSuffix(f.Message, noCertificate)):
		return "this client sends no certificate: incus remote generate-certificate makes one, and " + joining
	case class == Authentication:
		return fmt.Sprintf("the server doesn't trust this client's certificate (fingerprint %s): %s", f.Client.Certificate, joining)
	case class == Permission && limited().MatchString(f.Message):
		return fmt.Sprintf("incus config trust show %.12s on the server shows the projects that this client's certificate is for", f.Client.Certificate)
	}
	return ""
}

const (
	// invalidToken is advice for a client, or a member of a cluster, whose token isn't accepted.
	invalidToken = "the token has been used, has expired, was revoked, or is another server's: incus config trust add or certificates.create_token on the server " +
		"makes one for a client, incus cluster add or cluster.members.create_token one for a member"
	// noCertificate is the message of a server that is to trust a client without a certificate.
	noCertificate = "No client certificate provided"
	// joining is advice for a client that the server doesn't trust.
	joining = "incus.remotes.add(NAME, token=TOKEN) joins the server, for the first time or again, with a token, which incus config trust add CLIENT prints there"
)

// takenMAC matches the message about an instance that isn't started because the MAC address of its device is another's.
var takenMAC = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`Failed start validation for device "([^"]+)": MAC address "[^"]*" already defined on another NIC`)
})

// limited matches the messages about a client that is trusted for some projects only.
var limited = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^not authorized$|Certificate is restricted|User does not have permissions? for project`)
})
