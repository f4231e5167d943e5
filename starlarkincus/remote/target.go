package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	stderrors "errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// The protocols that a remote may speak.
const (
	Incus         = "incus"
	SimpleStreams = "simplestreams"
	OCI           = "oci"
)

// A Target is how to reach a remote.
type Target struct {
	// Name is the remote's.
	Name string
	// Protocol is [Incus], [SimpleStreams] or [OCI]. Only the first is a server to connect to; the others are sources
	// of images.
	Protocol string
	// Public is a server that gives its public images to anybody, without a client certificate.
	Public bool
	// Project to work in; empty for the server's default.
	Project string

	// Socket is the path of a unix socket; empty where there are Endpoints.
	Socket string
	// Endpoints are https URLs without a final slash, all of the same server, to be tried in this order.
	Endpoints []string

	// Certificate is the client's own; nil for none.
	Certificate *tls.Certificate
	// ServerCertificate is the one that was accepted when the remote was added; nil for none. It may have expired.
	ServerCertificate *x509.Certificate
	// CA is all that is trusted where there is no ServerCertificate; nil for what the system trusts.
	CA *x509.CertPool
	// CredentialsHelper is the program that knows an OCI registry's user and password; empty for none.
	CredentialsHelper string
}

// Connectable is nil for a server, and for a source of images the error that says so.
func (t *Target) Connectable() error {
	if t.Protocol == Incus {
		return nil
	}
	return failure(nil, "remote %q is a source of images (protocol %s), not an Incus server: use it as image=\"%s:…\"", t.Name, t.Protocol, t.Name)
}

// Resolve says how to reach a remote. An empty name means the default remote: that of INCUS_REMOTE, else of config.yml,
// else the local daemon.
func (c *Config) Resolve(ctx context.Context, name string) (*Target, error) {
	return c.resolve(ctx, name, true)
}

// Image splits what the incus command takes as an image: an alias or a fingerprint, which may follow a remote's name
// and a colon. The target is nil where no remote is named; there, the incus command takes the default remote.
func (c *Config) Image(ctx context.Context, ref string) (remote *Target, image string, err error) {
	name, image, found := strings.Cut(ref, ":")
	switch _, known := c.remotes[name]; {
	case ref == "":
		return nil, "", failure(nil, "no image: an alias, a fingerprint or \"remote:alias\" is needed")
	case !found, strings.Contains(name, "="), !known && strings.Contains(name, "/"):
		return nil, ref, nil // a colon in the image's own name
	case !known:
		return nil, "", c.unknown(name, "image "+strconv.Quote(ref)+": ")
	case image == "":
		return nil, "", failure(nil, "image %q names a remote but no image: an alias or a fingerprint must follow the colon", ref)
	}
	// A server gives its public images to a client that it doesn't know, too.
	remote, err = c.resolve(ctx, name, false)
	if err != nil {
		return nil, "", err
	}
	return remote, image, nil
}

func (c *Config) resolve(ctx context.Context, name string, needCertificate bool) (*Target, error) {
	from := ""
	if name == "" {
		name = c.defaultRemote
		if c.defaultFrom != "" {
			from = c.defaultFrom + ": "
		}
	}
	e, ok := c.remotes[name]
	if !ok {
		return nil, c.unknown(name, from)
	}
	t := &Target{Name: name, Protocol: e.Protocol, Public: e.Public, CredentialsHelper: e.CredentialsHelper}
	switch t.Protocol {
	case "":
		t.Protocol = Incus
	case Incus, SimpleStreams, OCI:
	default:
		return nil, e.failure(name, "protocol %q is none of incus, simplestreams and oci", e.Protocol)
	}
	if err := c.addAddresses(t, e); err != nil {
		return nil, err
	}
	if t.Protocol == Incus && !(t.Public && t.Socket == "") {
		if e.Project != "" && e.Project != "default" {
			t.Project = e.Project
		}
		if project := c.env.Getenv("INCUS_PROJECT"); project != "" {
			t.Project = project
		}
	}
	if t.Socket != "" {
		return t, nil
	}
	if t.Protocol == Incus && !t.Public {
		switch e.AuthType {
		case "", "tls":
		case "oidc":
			return nil, e.failure(name, "auth_type oidc isn't supported yet: only remotes with a client certificate are (auth_type tls)")
		default:
			return nil, e.failure(name, "auth_type %q is not known: tls is the one that is supported", e.AuthType)
		}
	}
	if err := c.addCertificates(ctx, t, e.global, needCertificate); err != nil {
		var cause *errors.Error
		if !stderrors.As(err, &cause) {
			return nil, err // the context's
		}
		named := *cause
		named.Message = "remote " + strconv.Quote(name) + ": " + named.Message
		return nil, &named
	}
	return t, nil
}

// addAddresses fills in where the remote is.
func (c *Config) addAddresses(t *Target, e entry) error {
	var addresses []string
	for address := range strings.SplitSeq(e.Addr, ",") {
		if address = strings.TrimSpace(address); address != "" {
			addresses = append(addresses, address)
		}
	}
	if len(addresses) == 0 {
		return e.failure(t.Name, "addr is missing: an https URL, several with commas between them, or unix:// is needed")
	}
	// The incus command notes the address that worked, so that next time it needn't wait for those that don't.
	if i := slices.Index(addresses, strings.TrimSpace(e.LastWorking)); i > 0 {
		addresses = slices.Concat(addresses[i:], addresses[:i])
	}
	for _, address := range addresses {
		path, isSocket := strings.CutPrefix(address, "unix:")
		if isSocket {
			switch {
			case len(addresses) > 1:
				return e.failure(t.Name, "addr lists %q among others: a remote has either one unix socket or https URLs", redact(address))
			case t.Protocol != Incus:
				return e.failure(t.Name, "addr %q is a unix socket, but protocol %s needs an https URL", redact(address), t.Protocol)
			}
			if t.Socket = strings.TrimPrefix(path, "//"); t.Socket == "" {
				t.Socket, t.Project = c.env.socket()
			}
			return nil
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || !validPort(u) {
			return e.failure(t.Name, "addr %q is neither an https URL, such as https://server.example:8443, nor unix:// or unix:/path", redact(address))
		}
		if t.Protocol == Incus && (strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
			return e.failure(t.Name, "addr %q: a server's address is https://host:port and nothing more", redact(address))
		}
		t.Endpoints = append(t.Endpoints, strings.TrimSuffix(address, "/"))
	}
	return nil
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

// userInfo is all that stands before the host.
var userInfo = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)?.*@`)

// redact removes what may be a password from an address, even from one that doesn't parse.
func redact(address string) string {
	return secret.Text(userInfo.ReplaceAllString(address, "${1}"+secret.Hidden+"@"))
}

// failure makes an error about a remote's entry.
func (e entry) failure(name, format string, args ...any) error {
	err := failure(nil, format, args...)
	err.Message = e.where() + "remote " + strconv.Quote(name) + ": " + err.Message
	return err
}

// unknown is the error for a remote that isn't there. Context begins the message.
func (c *Config) unknown(name, context string) error {
	names := c.Names()
	err := failure(nil, "%sunknown remote %q", context, name)
	if meant := errors.Nearest(name, names); meant != "" {
		err.Message += "; did you mean " + strconv.Quote(meant) + "?"
	}
	err.Message += " (known: " + strings.Join(names, ", ") + ")"
	if c.globalErr != nil {
		err.Message += "; " + c.globalErr.Message
		err.Cause = c.globalErr
	}
	return err
}
