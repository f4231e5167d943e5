package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/secret"
)

// The protocols of remotes.
const (
	Incus         = "incus"
	SimpleStreams = "simplestreams"
	OCI           = "oci"
)

// A Target holds the addresses and the credentials of a remote.
type Target struct {
	// Name is the name of the remote.
	Name string
	// Protocol is [Incus] for a server, and [SimpleStreams] or [OCI] for a source of images.
	Protocol string
	// Public reports whether the remote is used without a client certificate, for its public images.
	Public bool
	// Project is the project to work in; empty for the server's default.
	Project string

	// Socket is the path of a unix socket; empty if there are Endpoints.
	Socket string
	// Endpoints are https URLs of one server, without a final slash, in the order in which to try them.
	Endpoints []string

	// Tokens keeps the tokens of a login by OpenID Connect, instead of a Certificate; nil for none.
	Tokens *TokenFile
	// Certificate is the client certificate; nil for none.
	Certificate *tls.Certificate
	// ServerCertificate is the server's certificate as accepted when the remote was added; nil for none. It may have
	// expired.
	ServerCertificate *x509.Certificate
	// CA holds the only trusted authorities if there is no ServerCertificate; nil for the system's.
	CA *x509.CertPool
	// CredentialsHelper is the program that provides an OCI registry's user and password; empty for none.
	CredentialsHelper string
}

// Connectable returns nil for a server of Incus or of simplestreams, and an error for an OCI registry, which has no list
// of its images.
func (t *Target) Connectable() error {
	if t.Protocol != OCI {
		return nil
	}
	return failure(nil, "remote %q is an OCI registry, which can't list its images: use it as image=\"%s:…\"", t.Name, t.Name)
}

// Resolve returns the target of a remote. An empty name means the default remote: that of INCUS_REMOTE, else of
// config.yml, else the local daemon.
func (c *Config) Resolve(ctx context.Context, name string) (*Target, error) {
	return c.resolve(ctx, name, true)
}

// Locate is Resolve without the certificates, which may be missing.
func (c *Config) Locate(ctx context.Context, name string) (*Target, error) {
	bare := *c
	bare.noCertificates = true
	return bare.resolve(ctx, name, false)
}

// Image splits ref, an image in the notation of the incus command: an alias or a fingerprint, with an optional prefix
// of a remote's name and a colon. The target is nil for a ref without a remote, where the incus command uses the
// default remote.
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
	// A server gives its public images to unknown clients too.
	remote, err = c.resolve(ctx, name, false)
	if err != nil {
		return nil, "", err
	}
	return remote, image, nil
}

// resolve is Resolve; needCertificate makes a missing client certificate an error.
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
	c.addProject(t, e)
	if t.Socket != "" || c.noCertificates {
		return t, nil
	}
	if t.Protocol == Incus && !t.Public {
		switch e.AuthType {
		case "", "tls":
		case "oidc":
			t.Tokens = &TokenFile{c, c.path("oidctokens", name+".json")}
		default:
			return nil, e.failure(name, "auth_type %q is not known: tls and oidc are", e.AuthType)
		}
	}
	if err := c.addCertificates(ctx, t, e.global, needCertificate); err != nil {
		var cause *errors.Error
		if !errors.As(err, &cause) {
			return nil, err // the context's cause
		}
		named := *cause
		named.Message = "remote " + strconv.Quote(name) + ": " + named.Message
		return nil, &named
	}
	return t, nil
}

// addProject adds the project of a remote, or the one in the environment, to the target of a server that isn't only for images.
func (c *Config) addProject(t *Target, e entry) {
	if t.Protocol != Incus || t.Public && t.Socket == "" {
		return
	}
	if e.Project != "" && e.Project != "default" {
		t.Project = e.Project
	}
	if project := c.env.Getenv("INCUS_PROJECT"); project != "" {
		t.Project = project
	}
}

// addAddresses sets the target's Socket, and the project that goes with it, or its Endpoints.
func (c *Config) addAddresses(t *Target, e entry) error {
	addresses := e.addresses()
	if len(addresses) == 0 {
		return e.failure(t.Name, "addr is missing: an https URL, several with commas between them, or unix:// is needed")
	}
	// The incus command records the last working address, so as not to wait for the others again.
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

// validPort reports whether the URL has no port, or one from 1 to 65535.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

// userInfo matches everything before the host.
var userInfo = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)?.*@`) })

// redact removes user, password and other secrets from an address, including one that doesn't parse.
func redact(address string) string {
	return secret.Text(userInfo().ReplaceAllString(address, "${1}"+secret.Hidden+"@"))
}

// failure returns an error about a remote's entry, with the entry's position.
func (e entry) failure(name, format string, args ...any) error {
	err := failure(nil, format, args...)
	err.Message = e.position() + "remote " + strconv.Quote(name) + ": " + err.Message
	return err
}

// unknown returns the error for an unknown remote, whose message begins with context.
func (c *Config) unknown(name, context string) *errors.Error {
	names := c.Names()
	err := failure(nil, "%sunknown remote %q", context, name)
	if c.gone[name] {
		err.Message = fmt.Sprintf("%sremote %q is no longer in the configuration", context, name)
	} else if meant := errors.Nearest(name, names); meant != "" {
		err.Message += "; did you mean " + strconv.Quote(meant) + "?"
	}
	err.Message += " (known: " + strings.Join(names, ", ") + ")"
	if strings.HasPrefix(name, "https:") || strings.HasPrefix(name, "unix:") || strings.HasPrefix(name, "/") {
		err.Message += "; an address is given as incus.connect(endpoint=…)"
	}
	if i := strings.IndexAny(name, "/@"); i > 0 && slices.Contains(names, name[:i]) {
		// Such a name is one in a fleet.
		argument := map[byte]string{'/': "project", '@': "target"}[name[i]]
		err.Message += "; incus.connect(" + strconv.Quote(name[:i]) + ", " + argument + "=…) is such a client, and that of a name in a fleet is fleet.client(name)"
	}
	if c.globalErr != nil {
		err.Message += "; " + c.globalErr.Message
		err.Cause = c.globalErr
	}
	return err
}
