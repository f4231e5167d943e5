package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
)

const (
	// connectTimeout is the time for reaching the server, and again for the TLS handshake.
	connectTimeout = 10 * time.Second
	// idleTimeout ends an unused connection before the server does, which happens at 30 s.
	idleTimeout = 25 * time.Second
	maxIdle     = 64
)

// newTransport makes the pool of connections. The system's certificates are read here, which is why this waits for
// the first request.
func newTransport(config Config) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout}
	t := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: connectTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: maxIdle,
		// The limit on a body's size counts what was sent.
		DisableCompression: true,
		Protocols:          new(http.Protocols),
	}
	// Websockets and the abandoning of one request without harm to others need HTTP/1.1.
	t.Protocols.SetHTTP1(true)
	if config.Socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", config.Socket)
		}
		return t
	}
	t.Proxy = http.ProxyFromEnvironment
	t.TLSClientConfig = newTLS(config)
	return t
}

// errNotPinned is what is wrong with a certificate that anybody but the pin vouches for.
var errNotPinned = errors.Plain("only the pinned certificate is accepted")

// newTLS makes the checks of the incus command, by which the server goes by the first name in its pinned certificate,
// but for one: where a certificate is pinned no other is accepted, whoever signed it.
func newTLS(config Config) *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS13}
	if isTrue(os.Getenv("INCUS_INSECURE_TLS")) {
		t.MinVersion = tls.VersionTLS12
	}
	if config.Certificate != nil {
		t.Certificates = []tls.Certificate{*config.Certificate}
	}
	pin := config.ServerCertificate
	if pin == nil {
		t.RootCAs = config.CA
		t.InsecureSkipVerify = config.InsecureSkipVerify
		return t
	}
	// A server's certificate is rarely marked as an authority, but here it is one for itself.
	root := *pin
	root.IsCA, root.KeyUsage = true, x509.KeyUsageCertSign
	t.RootCAs = x509.NewCertPool()
	t.RootCAs.AddCert(&root)
	if len(pin.DNSNames) > 0 {
		t.ServerName = pin.DNSNames[0]
	}
	t.VerifyConnection = func(state tls.ConnectionState) error {
		if !state.PeerCertificates[0].Equal(pin) {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: errNotPinned}
		}
		return nil
	}
	return t
}

// isTrue reads a switch from the environment in the way Incus does.
func isTrue(value string) bool {
	return value != "" && !slices.Contains([]string{"false", "0", "no", "off"}, strings.ToLower(value))
}
