package rest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"incus-star/errors"
)

// A tooLarge is the error of a body that exceeds its limit, in bytes.
type tooLarge struct{ limit int64 }

func (e *tooLarge) Error() string {
	if mib := e.limit >> 20; mib > 0 && mib<<20 == e.limit {
		return fmt.Sprintf("the body is larger than the limit of %d MiB", mib)
	}
	return fmt.Sprintf("the body is larger than the limit of %d bytes", e.limit)
}

// An endpointError is the error of a request to one endpoint.
type endpointError struct {
	endpoint *endpoint
	err      error
}

func (e *endpointError) Error() string { return e.endpoint.name + ": " + reason(e.err).Error() }
func (e *endpointError) Unwrap() error { return e.err }

// endpointErrors holds the errors of all endpoints, in order.
type endpointErrors []*endpointError

func (e endpointErrors) Error() string {
	texts := make([]string, len(e))
	for i, one := range e {
		texts[i] = one.Error()
	}
	return strings.Join(texts, "; ")
}

func (e endpointErrors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// unreached reports whether the error occurred before any part of the request was sent.
func unreached(err error) bool {
	var op *net.OpError
	return errors.OfTransport(err) == errors.TLS || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") ||
		errors.As(err, new(*errors.ProxyRefusal)) || errors.HandshakeTimeout(err) || closedBefore(err)
}

// closedBefore reports whether the server had closed the connection before the request was sent. The transport's error has no name.
func closedBefore(err error) bool {
	return err != nil && strings.HasSuffix(err.Error(), "http: server closed idle connection")
}

// reason returns the essential part of a transport error, without the method, URL and addresses that net/http and net
// put in front of it: the message has them already.
func reason(err error) error {
	var several endpointErrors
	if errors.As(err, &several) && len(several) > 1 {
		return several
	}
	var (
		certificate *tls.CertificateVerificationError
		op          *net.OpError
		call        *os.SyscallError
	)
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		// Without the guess about other certificates of the same name.
		return x509.UnknownAuthorityError{Cert: unknown.Cert}
	case errors.As(err, &certificate):
		return certificate.Err
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &op):
		return op.Err
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	for {
		inner := errors.Unwrap(err)
		if _, ours := err.(*endpointError); inner == nil || !ours && !strings.HasPrefix(err.Error(), "net/http: ") {
			return err
		}
		err = inner
	}
}

// trimURL returns an error of net/url without the URL, which may have a query.
func trimURL(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}

// cancelled returns the error of a cancelled context; nil if it wasn't cancelled, or ended by a deadline.
func cancelled(ctx context.Context) error {
	err := ctx.Err()
	if err != context.Canceled {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// transportError returns the error of a request without a usable answer after elapsed.
func (c *Client) transportError(ctx context.Context, k *outgoing, err error, elapsed time.Duration) error {
	if cancelled := cancelled(ctx); cancelled != nil {
		return cancelled
	}
	var refused *broken
	if errors.As(err, &refused) {
		return k.fail(errors.Connection, refused.cause(), "%s isn't asked: %s", c.serverName(refused.last), refused)
	}
	var ours *errors.Error
	if errors.As(err, &ours) {
		if ours.Path == "" { // else it is about a local file
			ours.Method, ours.Path = k.method, k.url.Path
		}
		return ours
	}
	var large *tooLarge
	if errors.As(err, &large) {
		return k.fail(errors.Connection, large, "the answer to %s %s is too large", k.method, k.url.Path)
	}
	var stalled *stalled
	if errors.As(err, &stalled) {
		return k.fail(errors.Timeout, stalled, "the answer of %s stopped coming: %s", c.serverName(err), stalled)
	}
	var full *notTaken
	if errors.As(err, &full) {
		return k.fail(errors.Timeout, full, "%s stopped taking what is sent: %s", c.serverName(err), full)
	}
	cause := reason(err)
	if errors.Is(err, context.DeadlineExceeded) {
		cause = nil
	}
	return advised(k.fail(errors.OfTransport(err), withCertificate(err, cause), "%s", c.transportMessage(err, cause, elapsed)), c.advice(err))
}

// advised adds advice to an error, and the cause to its message, which is of this program, with the advice unless that is
// something to type.
func advised(e *errors.Error, advice string) *errors.Error {
	if cause := e.CauseMessage(); !strings.Contains(e.Message, cause) {
		e.Message += " (" + cause + ")"
	}
	if e.Hint = advice; advice != "" && e.Class != errors.TLS {
		e.Message += "; " + advice
	}
	return e
}

// transportMessage returns the message of a request without a usable answer: the server, and the reason.
func (c *Client) transportMessage(err, cause error, elapsed time.Duration) string {
	server := c.serverName(err)
	direct := server
	if proxy := c.proxy(err); proxy != "" {
		server += " (through the proxy " + proxy + ")"
	}
	var several endpointErrors
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.As(err, &several) && len(several) > 1:
		return "can't connect to any of the server's addresses: " + several.Error()
	case cause == nil:
		return fmt.Sprintf("no answer from %s within %s", server, round(elapsed))
	case errors.HandshakeTimeout(err):
		return fmt.Sprintf("%s accepts the connection, but didn't answer within %s", server, round(handshakeTimeout))
	case errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/":
		return server + " speaks plain HTTP, not HTTPS"
	case errors.As(err, &record):
		return server + " doesn't speak TLS"
	case errors.As(err, &certificate) && len(certificate.UnverifiedCertificates) > 0:
		return c.certificateMessage(server, certificate)
	case errors.OfTransport(err) == errors.TLS:
		return fmt.Sprintf("TLS with %s failed: %s", server, cause)
	case errors.As(err, new(*errors.ProxyRefusal)), errors.As(err, &op) && op.Op == "proxyconnect":
		return fmt.Sprintf("can't connect to %s through the proxy: %s", direct, cause)
	case unreached(err):
		return fmt.Sprintf("can't connect to %s: %s", server, cause)
	}
	return fmt.Sprintf("the connection to %s broke before the answer was complete: %s", server, cause)
}

// certificateMessage returns the message of a server's certificate that isn't accepted, with its fingerprint and that of the
// pinned one.
func (c *Client) certificateMessage(server string, failed *tls.CertificateVerificationError) string {
	got, pin := failed.UnverifiedCertificates[0], c.config.ServerCertificate
	switch {
	case pin == nil:
		why := reason(failed).Error()
		if errors.As(failed, new(x509.HostnameError)) {
			why += "; once it is pinned, the name doesn't matter"
		}
		return fmt.Sprintf("the certificate of %s can't be trusted: its fingerprint is %s, and none is pinned here (%s)", server, fingerprint(got), why)
	case pin.Equal(got):
		return fmt.Sprintf("the certificate of %s, with the pinned fingerprint %s, isn't valid: %s", server, fingerprint(got), reason(failed))
	}
	return fmt.Sprintf("the certificate of %s isn't the one expected: its fingerprint is %s, expected %s", server, fingerprint(got), fingerprint(pin))
}

// advice returns advice on the error of a request without a usable answer; empty for none.
func (c *Client) advice(err error) string {
	var certificate *tls.CertificateVerificationError
	if !errors.As(err, &certificate) || len(certificate.UnverifiedCertificates) == 0 {
		if advice := noSocket(c.config.Socket); advice != "" && unreached(err) {
			return advice
		}
		return errors.Hint(err, c.config.Socket != "")
	}
	got, pin := certificate.UnverifiedCertificates[0], c.config.ServerCertificate
	add := fmt.Sprintf("incus.remotes.add(NAME, url=%q, fingerprint=%q)", c.serverName(err), fingerprint(got))
	switch {
	case pin == nil:
		return "if \"incus info\" on the server shows this certificate_fingerprint: " + add
	case pin.Equal(got):
		return "the server needs a new certificate, which then has to be pinned"
	}
	return "if \"incus info\" on the server shows this certificate_fingerprint, the server has a new certificate: incus.remotes.remove(NAME), then " + add +
		"; if not, another server answers there"
}

// An unaccepted is the cause of a failure due to the server's certificate.
type unaccepted struct {
	error
	certificate *x509.Certificate
}

func (e *unaccepted) Unwrap() error { return e.error }

// withCertificate returns the cause with the certificate that the server presented, if the failure is due to that.
func withCertificate(err, cause error) error {
	var failed *tls.CertificateVerificationError
	if !errors.As(err, &failed) || len(failed.UnverifiedCertificates) == 0 {
		return cause
	}
	return &unaccepted{cause, failed.UnverifiedCertificates[0]}
}

// Presented returns the certificate of a server that wasn't accepted; nil if an error has another reason.
func Presented(err error) *x509.Certificate {
	var failed *unaccepted
	if !errors.As(err, &failed) {
		return nil
	}
	return failed.certificate
}

// serverName returns the name for messages of the server that failed.
func (c *Client) serverName(err error) string { return c.failing(err).name }

// failing returns the endpoint that failed.
func (c *Client) failing(err error) *endpoint {
	var one *endpointError
	if errors.As(err, &one) {
		return one.endpoint
	}
	return cmp.Or(c.chosen.Load(), &c.endpoints[0])
}

// proxy returns the host and port of the proxy before the server that failed; empty for none.
func (c *Client) proxy(err error) string {
	e, choose := c.failing(err), c.transport().Proxy
	if choose == nil { // a unix socket
		return ""
	}
	proxy, _ := choose(&http.Request{URL: &url.URL{Scheme: e.scheme, Host: e.host}})
	if proxy == nil {
		return ""
	}
	return proxy.Host
}

// fingerprint returns Incus's fingerprint of a certificate: the SHA-256 in hexadecimal.
func fingerprint(certificate *x509.Certificate) string {
	return fmt.Sprintf("%x", sha256.Sum256(certificate.Raw))
}

// round rounds a duration for messages.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// notIncus returns the error of a successful answer that isn't in the format of Incus.
func (k *outgoing) notIncus(cause error) *errors.Error {
	return k.fail(errors.Connection, cause, "the answer to %s %s isn't what Incus sends: %s", k.method, k.url.Path, cause)
}
