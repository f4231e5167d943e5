package errors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
)

// A ProxyRefusal is the answer of a proxy that doesn't connect to the server.
type ProxyRefusal struct {
	// Proxy is the proxy's host and port.
	Proxy string
	// Status is the HTTP status.
	Status int
}

func (e *ProxyRefusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the proxy %s answers with the status %d %s", e.Proxy, e.Status, http.StatusText(e.Status)))
}

// A transportRule gives a class and advice to the failure of a request that no server answered.
type transportRule struct {
	// about describes the failure, for tests.
	about string
	fits  func(error) bool
	class *Class
	// hint is the advice; empty for none.
	hint string
	// socket restricts the rule to failures of a unix socket.
	socket bool
}

// transportRules are tried in order; the first match decides. Failures of the certificate and the handshake come first, because
// they are found in a connection that exists; then those of a proxy, those of the time, and the reasons of the system.
var transportRules = []transportRule{
	{about: "another protocol", fits: is[tls.RecordHeaderError], class: TLS,
		hint: "is that the port of Incus's API? it is 8443 unless core.https_address names another"},
	{about: "an old version of TLS", fits: refusesVersion, class: TLS,
		hint: "the server, or a proxy before it, speaks only TLS 1.2 or older; INCUS_INSECURE_TLS=true accepts TLS 1.2"},
	{about: "the client's certificate", fits: alert("tls: certificate required", "tls: bad certificate", "tls: unknown certificate", "tls: unknown certificate authority",
		"tls: certificate revoked", "tls: expired certificate"), class: TLS,
		hint: "the server, or a proxy before it, refuses this client's certificate or the lack of one"},
	{about: "the server's certificate", class: TLS, fits: func(err error) bool {
		return is[*tls.CertificateVerificationError](err) || is[x509.UnknownAuthorityError](err) || is[x509.HostnameError](err) || is[x509.CertificateInvalidError](err)
	}},
	{about: "another failure of TLS", class: TLS, fits: func(err error) bool {
		var op *net.OpError // the form of an alert outside of QUIC
		return is[tls.AlertError](err) || errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
	}},
	{about: "a proxy that wants a password", fits: refusedBy(http.StatusProxyAuthRequired), class: Connection,
		hint: "the URL in HTTPS_PROXY may hold a user and a password; NO_PROXY lists the servers that need no proxy"},
	{about: "a proxy that can't reach the server", fits: refusedBy(http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout), class: Connection,
		hint: "the proxy can't reach the server; NO_PROXY lists the servers that need no proxy"},
	{about: "a proxy that refuses", fits: is[*ProxyRefusal], class: Connection,
		hint: "the proxy has to allow connections to that port, or NO_PROXY to list the server"},
	{about: "no proxy", class: Connection, fits: func(err error) bool {
		var op *net.OpError
		return errors.As(err, &op) && op.Op == "proxyconnect" && !isTimeout(err)
	}, hint: "HTTPS_PROXY names the proxy, and NO_PROXY lists the servers that need none"},
	{about: "no answer to the handshake", fits: HandshakeTimeout, class: Timeout,
		hint: "something accepts connections there and stays silent: is that the port of Incus's API, and is its daemon well?"},
	{about: "no answer in time", fits: isTimeout, class: Timeout},
	{about: "no right to the socket", socket: true, fits: func(err error) bool { return errors.Is(err, fs.ErrPermission) }, class: Connection,
		hint: "add this user to the incus-admin group and log in again, or run as root"},
	{about: "no socket", socket: true, fits: func(err error) bool { return errors.Is(err, fs.ErrNotExist) }, class: Connection,
		hint: "is Incus installed and running here? INCUS_SOCKET or INCUS_DIR may name another place"},
	{about: "nobody listens", fits: func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }, class: Connection,
		hint: "nothing listens there: is the Incus daemon running?"},
}

// OfTransport returns the class of err, the error of a request without a usable answer.
func OfTransport(err error) *Class {
	for _, r := range transportRules {
		if r.fits(err) {
			return r.class
		}
	}
	return Connection
}

// Hint returns advice on err, the error of a request without a usable answer; empty for none. Socket reports whether the
// request was for a unix socket.
func Hint(err error, socket bool) string {
	for _, r := range transportRules {
		if (socket || !r.socket) && r.fits(err) {
			return r.hint
		}
	}
	return ""
}

// HandshakeTimeout reports whether the server didn't answer the handshake of TLS. Package net/http doesn't export the type
// of this error.
func HandshakeTimeout(err error) bool { return strings.Contains(err.Error(), "TLS handshake timeout") }

// is reports whether an error in err's tree has the type.
func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// refusedBy returns a function that reports whether an error is a proxy's answer with one of the statuses.
func refusedBy(statuses ...int) func(error) bool {
	return func(err error) bool {
		var refusal *ProxyRefusal
		return errors.As(err, &refusal) && slices.Contains(statuses, refusal.Status)
	}
}

// alert returns a function that reports whether an error is one of the peer's alerts, which crypto/tls doesn't export.
func alert(texts ...string) func(error) bool {
	return func(err error) bool {
		var op *net.OpError
		return errors.As(err, &op) && op.Op == "remote error" && slices.Contains(texts, op.Err.Error())
	}
}

// refusesVersion reports whether the server offers no version of TLS that the client accepts. It sends an alert, or
// chooses an old version, for which crypto/tls exports no error.
func refusesVersion(err error) bool {
	return alert("tls: protocol version not supported")(err) || strings.Contains(err.Error(), "tls: server selected unsupported protocol version")
}
