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

// TestTree checks that every class follows its parent, and has a name of its own and a sentence.
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
		{409, "The network already exists", nil, Conflict}, // no object is being made
		{409, "Instance not found", nil, NotFound},
		{412, "ETag doesn't match: a vs b", nil, PreconditionFailed},
		{418, "Instance not found", nil, API},
		{423, "pool is in use", nil, Busy},
		{500, "Failed to run: zfs", nil, Server},
		{501, "not found", nil, NotImplemented},
		{502, "", nil, Unavailable},
		{503, "Daemon is starting up", nil, Unavailable},
		{503, "Storage pool not found", nil, Unavailable},
		{504, "Instance is not running", nil, State},
		{301, "Moved", nil, API},
	} {
		if got := ofReply(Failure{Status: test.status, Message: test.text}, test.trusted); got != test.want {
			t.Errorf("%d %s: got %v, want %v", test.status, test.text, got, test.want)
		}
	}
	// Trusted takes a request: it is called only for a 403.
	for status := 200; status < 600; status++ {
		asked := false
		ofReply(Failure{Status: status, Message: "x"}, func() bool { asked = true; return true })
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
		operationAt int // depth of the operation's failure in the chain of causes
	}{
		{400, "Failed to run: nft", Operation, nil, "Failed to run: nft", 0},
		{400, "Image not found", Operation, NotFound, "Image not found", 0},
		{400, "The instance is already running", Operation, State, "The instance is already running", 0},
		{400, "Instance already exists", AlreadyExists, Operation, "Instance already exists", 1},
		{400, `Error inserting volume "v" for project "default" in pool "default" of type "custom" into database "UNIQUE constraint failed: index 'unique_storage_volumes'"`,
			AlreadyExists, Operation, `Error inserting volume "v" for project "default" in pool "default" of type "custom" into database "UNIQUE constraint failed: index 'unique_storage_volumes'"`, 1},
		{400, "", Operation, nil, "the operation failed; the server doesn't say why", 0},
		{401, "", OperationCancelled, nil, "the operation was cancelled", 0},
		{401, "Instance not found", OperationCancelled, nil, "Instance not found", 0},
	} {
		response := map[string]any{"id": "u"}
		e := NewOperation("u", Failure{Status: test.code, Message: test.text, Request: creation}, response)
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
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, TLS, "8443"},
		{tls.AlertError(42), TLS, ""},
		{&url.Error{Op: "Get", URL: "https://x", Err: alert}, TLS, "refuses this client's certificate"},
		{errors.New("x"), Connection, ""},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: protocol version not supported")}, TLS, "INCUS_INSECURE_TLS"},
		{errors.New("tls: server selected unsupported protocol version 303"), TLS, "INCUS_INSECURE_TLS"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: internal error")}, TLS, ""},
		{errors.New("net/http: TLS handshake timeout"), Timeout, "stays silent"},
		{&ProxyRefusal{"p:1", 407}, Connection, "a user and a password"},
		{&ProxyRefusal{"p:1", 503}, Connection, "can't reach the server"},
		{&url.Error{Op: "Get", URL: "https://x", Err: &ProxyRefusal{"p:1", 403}}, Connection, "has to allow"},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: call(syscall.ECONNREFUSED)}, Connection, "names the proxy"},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: os.ErrDeadlineExceeded}, Timeout, ""},
		{fs.ErrNotExist, Connection, "is Incus installed"},
	} {
		if got := OfTransport(test.err); got != test.want {
			t.Errorf("%v: got %v, want %v", test.err, got, test.want)
		}
		if got := Hint(test.err, true); (got == "") != (test.hint == "") || !strings.Contains(got, test.hint) {
			t.Errorf("%v: %s", test.err, got)
		}
	}
}

// TestHintOfMAC checks the advice on an instance that isn't started because another one has its MAC address.
func TestHintOfMAC(t *testing.T) {
	for message, want := range map[string]string{
		`Failed start validation for device "eth0": MAC address "10:66:6a:ac:72:76" already defined on another NIC`:                            `update(config = {"volatile.eth0.hwaddr": None})`,
		`Failed to start instance: Failed start validation for device "lan-2": MAC address "10:66:6a:ac:72:76" already defined on another NIC`: `update(config = {"volatile.lan-2.hwaddr": None})`,
		`Failed start validation for device "eth0": IP address "10.0.0.2" already defined on another NIC`:                                      "",
		`Device validation failed for "eth0": MAC address "10:66:6a:00:00:01" already defined on another NIC`:                                  "",
	} {
		f := Failure{Status: 400, Message: message, Request: change}
		for _, e := range []*Error{NewReply(f, nil, nil), NewOperation("o", f, nil)} {
			if (e.Hint == "") != (want == "") || !strings.Contains(e.Hint, want) {
				t.Errorf("%s: %q", message, e.Hint)
			}
		}
	}
}

// TestRemedy checks that only the refused deletion of a running instance has one.
func TestRemedy(t *testing.T) {
	for _, test := range []struct {
		method, path, message string
		want                  bool
	}{
		{"DELETE", "/1.0/instances/c1", "Instance is running", true},
		{"DELETE", "/1.0/instances/c1/snapshots/s0", "Instance is running", false},
		{"PUT", "/1.0/instances/c1", "Instance is running", false},
		{"DELETE", "/1.0/instances/c1", "Instance not found", false},
	} {
		e := NewReply(Failure{Status: 400, Message: test.message}, nil, nil)
		e.Method, e.Path = test.method, test.path
		if got := e.Remedy(); (got != "") != test.want {
			t.Errorf("%v: %q", test, got)
		}
	}
}
