package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// A Config is the configuration of a [Client].
type Config struct {
	// Remote is the name of the server's remote, for errors; empty for the server's address. Default reports whether it is
	// the default one, which messages don't name.
	Remote  string
	Default bool
	// Socket is the path of the server's unix socket. Either it or Endpoints must be set.
	Socket string
	// Endpoints are the server's addresses, each "https://host:port". The first request tries them in order and keeps
	// the one that answers.
	Endpoints []string
	// Certificate is the client's certificate; nil for none.
	Certificate *tls.Certificate
	// ServerCertificate is the pinned certificate of the server: no other is accepted, even if CA or the system trusts
	// it. The name of the server is its first DNS name, so that the address may change.
	ServerCertificate *x509.Certificate
	// CA holds the root certificates; nil for the system's. It is ignored if ServerCertificate is set.
	CA *x509.CertPool
	// InsecureSkipVerify accepts any certificate, unless ServerCertificate is set.
	InsecureSkipVerify bool
	// Login provides the token of each request; nil for none.
	Login Login
	// Timeout is the limit of a request and its answer's body; 0 for no limit. It doesn't apply to waits, websockets
	// and streamed bodies. Connecting has a separate limit.
	Timeout time.Duration
	// ReadOnly rejects, before sending, all requests except GETs of / and of paths at or below /1.0, and all
	// websockets except that of events.
	ReadOnly bool
	// Trace is called after each request, from any goroutine; nil for none.
	Trace func(Trace)
	// Progress shows the progress of operations and transfers; nil for none.
	Progress Progress
	// Backend answers all requests, if the server isn't one of Incus; nil for one of Incus. The trace then has the
	// requests of the backend, and ReadOnly is implied.
	Backend Backend
	// Breaker is for the requests whose context has it, see [Breaker.Guard]; nil for none.
	Breaker *Breaker
	// UserAgent is the User-Agent header; empty for "incus-star".
	UserAgent string
}

// A Trace describes a completed request.
type Trace struct {
	// Remote is the name of the server's remote, or its address if it has none; empty for the default one.
	Remote string
	Method string
	Path   string     // the path as sent, without the query
	Query  url.Values // with secrets replaced
	// Status is the HTTP status; 0 if no server answered.
	Status   int
	Duration time.Duration
	// Err is the error returned to the caller; nil for none.
	Err error
}

// An endpoint is one address of the server.
type endpoint struct {
	scheme, host string
	name         string // name in messages
}

// endpoints checks the configuration and returns the addresses to try.
func (c *Config) endpoints() ([]endpoint, error) {
	switch {
	case c.Socket != "" && len(c.Endpoints) > 0:
		return nil, errors.New(errors.Config, "both a socket and an HTTPS endpoint are configured")
	case c.Socket != "":
		// The host is only for the Host header, because the dialer connects to the socket.
		return []endpoint{{"http", "incus", "the Incus socket " + c.Socket}}, nil
	case len(c.Endpoints) == 0:
		return nil, errors.New(errors.Config, "neither a socket nor an HTTPS endpoint is configured")
	}
	var all []endpoint
	for _, address := range c.Endpoints {
		u, err := url.Parse(address)
		switch {
		case err != nil:
			// Drop the error of url.Parse, which quotes the whole address with any password in it.
			return nil, errors.New(errors.Config, "an endpoint isn't a URL: want https://host:port")
		case u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
			return nil, errors.New(errors.Config, "endpoint %s: want https://host:port and nothing more", secret.Text(address))
		}
		all = append(all, endpoint{"https", u.Host, "https://" + u.Host})
	}
	return all, nil
}

// Name returns the name of the server's remote, or its address if it has none.
func (c *Config) Name() string {
	switch {
	case c.Remote != "":
		return c.Remote
	case c.Socket != "":
		return "unix://" + c.Socket
	}
	return secret.Text(c.Endpoints[0])
}

// isDefault reports whether messages don't name the server.
func (c *Config) isDefault() bool { return c.Default || c.Remote == "" && c.Socket != "" }

// userAgent returns the User-Agent header.
func (c *Config) userAgent() string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return "incus-star"
}
