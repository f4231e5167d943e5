package rest

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// A Config says which server a [Client] talks to, and how.
type Config struct {
	// Socket is the path of the server's unix socket. Either it or Endpoints must be set.
	Socket string
	// Endpoints are the server's addresses, each "https://host:port". The first connection tries them in order, and
	// the one that answers is kept.
	Endpoints []string
	// Certificate is the client's own; nil for none.
	Certificate *tls.Certificate
	// ServerCertificate is the server's certificate as it was pinned: no other is accepted, whatever CA and the system
	// trust. The server's name is its first DNS name, so that the address may change.
	ServerCertificate *x509.Certificate
	// CA are the roots instead of the system's; nil for the system's. It doesn't count beside ServerCertificate.
	CA *x509.CertPool
	// InsecureSkipVerify accepts any certificate, unless ServerCertificate is set.
	InsecureSkipVerify bool
	// Timeout is the time for one request with its answer's body; 0 for no limit. It doesn't count for waits,
	// websockets and streamed bodies. Connecting has a limit of its own.
	Timeout time.Duration
	// ReadOnly refuses, before sending, all that isn't GET or HEAD of / or of a path at or below /1.0, and all websockets
	// but that of events.
	ReadOnly bool
	// Trace is called after each request, from any goroutine; nil for none.
	Trace func(Trace)
	// UserAgent is the header of that name; empty for "incus-star".
	UserAgent string
}

// A Trace tells of one request that has ended.
type Trace struct {
	Method string
	Path   string     // as it was sent, without the query
	Query  url.Values // with secrets replaced
	// Status is the HTTP status, 0 where no server answered.
	Status   int
	Duration time.Duration
	// Err is what the caller got instead of an answer; nil for none.
	Err error
}

// An endpoint is one address of the server.
type endpoint struct {
	scheme, host string
	name         string // how messages call it
}

// endpoints checks the configuration and gives the addresses to try.
func (c *Config) endpoints() ([]endpoint, error) {
	switch {
	case c.Socket != "" && len(c.Endpoints) > 0:
		return nil, errors.New(errors.Config, "both a socket and an HTTPS endpoint are configured")
	case c.Socket != "":
		// The host only fills the Host header: the dialer goes to the socket.
		return []endpoint{{"http", "incus", "the Incus socket " + c.Socket}}, nil
	case len(c.Endpoints) == 0:
		return nil, errors.New(errors.Config, "neither a socket nor an HTTPS endpoint is configured")
	}
	var all []endpoint
	for _, address := range c.Endpoints {
		u, err := url.Parse(address)
		switch {
		case err != nil:
			// The error of url.Parse quotes the whole address, and so a password in it.
			return nil, errors.New(errors.Config, "an endpoint isn't a URL: want https://host:port")
		case u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
			return nil, errors.New(errors.Config, "endpoint %s: want https://host:port and nothing more", secret.Text(address))
		}
		all = append(all, endpoint{"https", u.Host, "https://" + u.Host})
	}
	return all, nil
}

// userAgent is the value of the header.
func (c *Config) userAgent() string {
	if c.UserAgent != "" {
		return c.UserAgent
	}
	return "incus-star"
}
