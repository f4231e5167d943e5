package errors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestTree: every class is under a parent that comes before it, and has a name and a sentence.
func TestTree(t *testing.T) {
	seen := map[*Class]bool{}
	names := map[string]bool{}
	for i, class := range Classes() {
		if i == 0 != (class == Base) || i > 0 && !seen[class.Base()] {
			t.Errorf("%s comes before its parent", class)
		}
		if names[class.Name()] || !strings.HasSuffix(class.Name(), "Error") || !strings.HasSuffix(class.Doc(), ".") || class.Error() != class.Name() {
			t.Errorf("%s: %s", class.Name(), class.Doc())
		}
		if !class.IsA(Base) || !class.IsA(class) {
			t.Errorf("%s isn't under the root", class)
		}
		seen[class], names[class.Name()] = true, true
	}
	for _, test := range []struct {
		class, under *Class
		want         bool
	}{
		{AlreadyExists, Conflict, true}, {AlreadyExists, API, true}, {Conflict, AlreadyExists, false},
		{NotImplemented, Server, true}, {Timeout, Connection, true}, {TLS, API, false},
		{Exec, Operation, true}, {Operation, API, false}, {OperationTimeout, Timeout, false},
		{Script, Incus, false}, {Config, Incus, true}, {NotFound, nil, false}, {nil, Base, false},
	} {
		if got := test.class.IsA(test.under); got != test.want {
			t.Errorf("%v under %v: %v", test.class, test.under, got)
		}
	}
	Classes()[0] = nil
	if Classes()[0] != Base {
		t.Error("the list of classes can be changed")
	}
	if own := NewClass("QuotaError", nil, ""); own.Base() != Base || len(Classes()) != len(names) {
		t.Error("a class of a program's own is among the predefined ones")
	}
}

func TestIs(t *testing.T) {
	missing := &Error{Class: NotFound, Message: "Image not found"}
	failed := fmt.Errorf("launching: %w", &Error{Class: Operation, Message: "Image not found", Cause: missing})
	for _, class := range []*Class{Operation, Incus, Base, NotFound, API} {
		if !errors.Is(failed, class) {
			t.Errorf("it isn't %s", class)
		}
	}
	for _, class := range []*Class{Exec, OperationCancelled, Conflict, Server, Script} {
		if errors.Is(failed, class) {
			t.Errorf("it is %s", class)
		}
	}
	var e *Error
	if !errors.As(failed, &e) || e.Class != Operation || !errors.Is(failed, missing) {
		t.Errorf("%+v", e)
	}
	if errors.Is(failed, errors.New("x")) || errors.Is(New(Connection, "x"), io.EOF) {
		t.Error("it is something else")
	}
}

func TestText(t *testing.T) {
	for want, e := range map[string]*Error{
		"IncusNotFoundError (404): Instance not found":                  {Class: NotFound, Status: 404, Message: "Instance not found"},
		"IncusConnectionError: can't connect: refused":                  {Class: Connection, Message: "can't connect: refused", Cause: errors.New("refused")},
		"IncusConnectionError: can't connect: refused; try again":       {Class: Connection, Message: "can't connect: refused; try again", Cause: errors.New("refused")},
		"IncusConnectionError: can't connect: the name is unknown":      {Class: Connection, Message: "can't connect", Cause: errors.New("the name is unknown")},
		"IncusOperationError (400): creating c1: Image not found":       {Class: Operation, Status: 400, Message: "creating c1", Cause: &Error{Class: NotFound, Status: 404, Message: "Image not found"}},
		"IncusOperationError (400): Image not found":                    {Class: Operation, Status: 400, Message: "Image not found", Cause: New(NotFound, "Image not found")},
		"IncusUnsupportedError: the server lacks the extension \"oci\"": New(Unsupported, "the server lacks the extension %q", "oci"),
	} {
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// texts are what Incus's two long-term lines really say, and what they mean; nil for what tells nothing.
var texts = []struct {
	text  string
	class *Class
}{
	{`Instance "c1" already exists`, AlreadyExists},
	{`Failed creating instance record: Add instance info to the database: Failed to create "instances" entry: UNIQUE constraint failed: instances.project_id, instances.name`, AlreadyExists},
	{`Error inserting "p1" into database: The profile already exists`, AlreadyExists},
	{"Alias already exists: debian", AlreadyExists},
	{`Name "c1" already in use`, AlreadyExists},
	{`External interface "eth0" already in use`, AlreadyExists},
	{`Network "n" is already defined on member "m"`, AlreadyExists},
	{`Existing server certificate with different name "x" already in trust store`, AlreadyExists},

	{`Instance is busy running a "stop" operation`, Busy},
	{`Failed to create instance update operation: Instance is busy running a "start" operation`, Busy},

	{`Reached maximum number of instances in project "p"`, Limit},
	{`Reached maximum number of instances of type "container" in project "p"`, Limit},
	{`Failed checking if instance creation allowed: Reached maximum aggregate value "1GiB" for "limits.memory" in project "p"`, Limit},
	{`"limits.memory" is too low: current total is "2GiB"`, Limit},
	{`"limits.containers" is too low: there currently are 3 containers in project "p"`, Limit},

	{"Privileged containers are forbidden", Permission},
	{`Use of low-level config "raw.lxc" on instance "c1" of project "p" is forbidden`, Permission},
	{`Disk source path "/etc" not allowed by project for disk "d"`, Permission},
	{`Disk source path "/etc" not allowed`, Permission},
	{"Network not allowed in project", Permission},
	{`Project "p" doesn't allow for snapshot creation`, Permission},
	{"This project doesn't allow cluster member targeting", Permission},
	{`Project isn't allowed to use this cluster group: "g"`, Permission},
	{"Restricted projects aren't allowed to use pull mode migration", Permission},
	{`Image server "images.example" isn't allowed in this project`, Permission},
	{"Client isn't allowed to connect from its current network", Permission},
	{`Storage pool "s" is not accessible from this project`, Permission},
	{`User does not have permissions for project "p"`, Permission},
	{`User does not have permission for project "p"`, Permission},
	{`User does not have entitlement "can_view" on object "project:p"`, Permission},

	{"The instance is already running", State},
	{"The instance is already stopped", State},
	{"The container is already frozen", State},
	{"Instance is not running", State},
	{"The instance isn't running", State},
	{"VM agent isn't currently running", State},
	{"Instance is running", State},
	{"Instance is frozen", State},
	{"Instance must be stopped to be rebuilt", State},
	{"Renaming of running instance not allowed", State},
	{`Key "limits.cpu" cannot be updated when VM is running`, State},
	{"Profile is currently in use", State},
	{"The storage volume is still in use", State},
	{"Cannot delete an ACL that is in use", State},

	{"Instance not found", NotFound},
	{`Failed to fetch instance "none" in project "default": Instance not found`, NotFound},
	{"Failed getting image: Image not found", NotFound},
	{`Profile "p" doesn't exist`, NotFound},
	{`Requested profile "p" doesn't exist`, NotFound},
	{`Network ACL "a" does not exist`, NotFound},
	{"Image not provided for instance creation", NotFound},

	// Near misses.
	{"", nil},
	{"Command not found", nil},
	{`Failed to delete bridge children interfaces: Failed to run: ip -d -j link show veth0: exit status 1 (Device "veth0" does not exist.)`, nil},
	{"Command not executable", nil},
	{"Failed to run: nft -f -: exit status 1", nil},
	{"DNS names not allowed in address", nil},
	{"Wildcard addresses aren't allowed", nil},
	{`Config key "volatile.x" is not allowed during creation`, nil},
	{`Renaming storage volumes of type "container" is not allowed`, nil},
	{"Setting lxc.ephemeral is not allowed", nil},
	{"Cluster move doesn't allow renaming", nil},
	{`Named subjects not allowed in "source" for "ingress" rules`, nil},
	{"Only running operations can be cancelled", nil},
	{"This operation can't be cancelled", nil},
	{"Instance is busy", nil},
	{"The value is too low", nil},
	{"Failed getting subnets in use: exit status 1", nil},
	{"Failed to stop the instance: context deadline exceeded", nil},
	{"Error: websocket: close 1006 (abnormal closure)", nil},
}

func TestTexts(t *testing.T) {
	for _, test := range texts {
		if got := ofText(test.text); got != test.class {
			t.Errorf("%s: got %v, want %v", test.text, got, test.class)
		}
		for status, otherwise := range map[int]*Class{400: BadRequest, 500: Server} {
			want := test.class
			if want == nil {
				want = otherwise
			}
			if got := OfReply(status, test.text, nil); got != want {
				t.Errorf("%d %s: got %v, want %v", status, test.text, got, want)
			}
		}
		if class, cause := OfOperation(400, test.text); class != Operation || cause != test.class {
			t.Errorf("operation: %s: got %v, %v, want %v", test.text, class, cause, test.class)
		}
	}
}

func TestOfReply(t *testing.T) {
	yes, no := func() bool { return true }, func() bool { return false }
	for _, test := range []struct {
		status  int
		text    string
		trusted func() bool
		want    *Class
	}{
		{400, `invalid filter: unknown field "x"`, nil, BadRequest},
		{401, "unauthorized", yes, Authentication},
		{402, "pay", nil, API},
		{403, "not authorized", yes, Permission},
		{403, "not authorized", no, Authentication},
		{403, "not authorized", nil, Permission},
		{403, "Reached maximum number of instances in project \"p\"", no, Limit},
		{403, "Instance not found", yes, Permission},
		{404, "Instance not found", nil, NotFound},
		{404, "The profile already exists", nil, NotFound},
		{409, "Network is in the way", nil, Conflict},
		{409, "The network already exists", nil, AlreadyExists},
		{409, "Instance not found", nil, Conflict},
		{412, "ETag doesn't match: a vs b", nil, PreconditionFailed},
		{418, "Instance not found", nil, API},
		{423, "pool is in use", nil, Busy},
		{500, "Failed to run: zfs", nil, Server},
		{501, "not found", nil, NotImplemented},
		{502, "", nil, Server},
		{503, "Daemon is starting up", nil, Unavailable},
		{503, "Storage pool not found", nil, Unavailable},
		{504, "Instance is not running", nil, State},
		{301, "Moved", nil, API},
	} {
		if got := OfReply(test.status, test.text, test.trusted); got != test.want {
			t.Errorf("%d %s: got %v, want %v", test.status, test.text, got, test.want)
		}
	}
	// The question costs a request: it is asked only for a 403.
	for status := 200; status < 600; status++ {
		asked := false
		OfReply(status, "x", func() bool { asked = true; return true })
		if asked != (status == 403) {
			t.Errorf("%d: asked is %v", status, asked)
		}
	}
}

func TestNewOperation(t *testing.T) {
	for _, test := range []struct {
		code        int
		text        string
		class       *Class
		cause       *Class
		message     string
		operationAt int // how many causes deep the operation's failure is
	}{
		{400, "Failed to run: nft", Operation, nil, "Failed to run: nft", 0},
		{400, "Image not found", Operation, NotFound, "Image not found", 0},
		{400, "The instance is already running", Operation, State, "The instance is already running", 0},
		{400, "Instance already exists", AlreadyExists, Operation, "Instance already exists", 1},
		{400, "", Operation, nil, "the operation failed; the server doesn't say why", 0},
		{401, "", OperationCancelled, nil, "the operation was cancelled", 0},
		{401, "Instance not found", OperationCancelled, nil, "Instance not found", 0},
	} {
		response := map[string]any{"id": "u"}
		e := NewOperation("u", test.code, test.text, response)
		if e.Class != test.class || e.Message != test.message || e.Status != test.code || e.OperationID != "u" || e.Response == nil {
			t.Errorf("%d %s: got %+v", test.code, test.text, e)
		}
		cause, _ := e.Cause.(*Error)
		if (cause == nil) != (test.cause == nil) || cause != nil && (cause.Class != test.cause || cause.Message != test.message) {
			t.Errorf("%d %s: the cause is %+v", test.code, test.text, e.Cause)
		}
		if !errors.Is(e, Operation) {
			t.Errorf("%d %s: no failure of an operation", test.code, test.text)
		}
		if test.operationAt == 1 && (cause.OperationID != "u" || cause.Cause != nil) {
			t.Errorf("%+v", cause)
		}
	}
}

func TestOfTransport(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://x", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	call := func(err error) error { return dial(os.NewSyscallError("connect", err)) }
	var alert error = &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}
	for _, test := range []struct {
		err  error
		want *Class
		hint string
	}{
		{call(syscall.ECONNREFUSED), Connection, "is the Incus daemon running"},
		{call(syscall.ENOENT), Connection, "is Incus installed"},
		{call(syscall.EACCES), Connection, "incus-admin"},
		{call(syscall.ETIMEDOUT), Timeout, ""},
		{call(syscall.EHOSTUNREACH), Connection, ""},
		{dial(&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}), Connection, ""},
		{dial(&net.DNSError{Err: "timed out", Name: "x", IsTimeout: true}), Timeout, ""},
		{io.ErrUnexpectedEOF, Connection, ""},
		{context.Canceled, Connection, ""},
		{fmt.Errorf("reading: %w", context.DeadlineExceeded), Timeout, ""},
		{os.ErrDeadlineExceeded, Timeout, ""},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, TLS, ""},
		{fmt.Errorf("x: %w", x509.UnknownAuthorityError{}), TLS, ""},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}, TLS, ""},
		{x509.CertificateInvalidError{Reason: x509.Expired}, TLS, ""},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, TLS, ""},
		{tls.AlertError(42), TLS, ""},
		{&url.Error{Op: "Get", URL: "https://x", Err: alert}, TLS, ""},
		{errors.New("x"), Connection, ""},
		{fs.ErrNotExist, Connection, "is Incus installed"},
	} {
		if got := OfTransport(test.err); got != test.want {
			t.Errorf("%v: got %v, want %v", test.err, got, test.want)
		}
		if got := Hint(test.err); (got == "") != (test.hint == "") || !strings.Contains(got, test.hint) {
			t.Errorf("%v: %s", test.err, got)
		}
	}
}
