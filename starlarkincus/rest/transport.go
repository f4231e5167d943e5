package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"incus-star/errors"
)

// connectTimeout is the limit of the connection.
var connectTimeout = 10 * time.Second

const (
	// idleTimeout closes an idle connection before the server does, which is after 30 s.
	idleTimeout = 25 * time.Second
	maxIdle     = 64
)

// handshakeTimeout is the limit of the TLS handshake, after the connection.
var handshakeTimeout = 10 * time.Second

// newTransport returns the pool of connections. It is called at the first request, because it reads the system's
// certificates.
func newTransport(config Config) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAliveConfig: keepAlive()}
	t := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: handshakeTimeout,
		IdleConnTimeout:     idleTimeout,
		MaxIdleConnsPerHost: maxIdle,
		// The limit of a body's size applies to the bytes that were sent.
		DisableCompression: true,
		// The server sends large bodies in chunks of 32 KiB, each of which takes two reads with the default of 4 KiB.
		ReadBufferSize: 64 << 10,
		Protocols:      new(http.Protocols),
	}
	// HTTP/1.1, for websockets, and to abandon a request without an effect on others.
	t.Protocols.SetHTTP1(true)
	if config.Socket != "" {
		t.DialContext = func(context.Context, string, string) (net.Conn, error) { return newSocketConn(config.Socket), nil }
		return t
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		setPatience(conn, deadPeer)
		return &lowerConn{Conn: conn}, nil
	}
	t.Proxy = http.ProxyFromEnvironment
	t.OnProxyConnectResponse = func(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
		if answer.StatusCode != http.StatusOK {
			return &errors.ProxyRefusal{Proxy: proxy.Host, Status: answer.StatusCode}
		}
		return nil
	}
	t.TLSClientConfig = newTLS(config)
	return t
}

// A lowerConn is the connection below TLS. TLS itself gives the same error for its own end and for that of this connection.
type lowerConn struct {
	net.Conn
	ended atomic.Bool // whether it ended, which TLS doesn't read any more after its own end
}

func (c *lowerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		c.ended.Store(true)
	}
	return n, err
}

// isTLS reports whether a connection has TLS, which tells its own end from that of the connection below.
func isTLS(conn net.Conn) bool {
	_, encrypted := conn.(*tls.Conn)
	return encrypted
}

// endedEarly reports whether a connection ended without the end of TLS. It is false for one without TLS.
func endedEarly(conn net.Conn) bool {
	encrypted, ok := conn.(*tls.Conn)
	if !ok {
		return false
	}
	lower, ok := encrypted.NetConn().(*lowerConn)
	return ok && lower.ended.Load()
}

// errNotPinned is the error of a valid certificate that isn't the pinned one.
var errNotPinned = errors.Plain("only the pinned certificate is accepted")

// newTLS returns a configuration with the checks of the incus command, where the name of the server is the first name
// in the pinned certificate. But unlike there, no other certificate is accepted beside a pinned one, whoever signed it.
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
	// The certificate serves as its own authority, although it is rarely marked as one.
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

// isTrue parses a boolean environment variable like Incus.
func isTrue(value string) bool {
	return value != "" && !slices.Contains([]string{"false", "0", "no", "off"}, strings.ToLower(value))
}
