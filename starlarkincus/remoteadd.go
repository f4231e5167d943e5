package starlarkincus

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	enchex "encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// A trustToken is the content of a token that makes a server trust a new client.
type trustToken struct {
	Fingerprint string   `json:"fingerprint"`
	Addresses   []string `json:"addresses"`
	Secret      string   `json:"secret"`
	ServerName  string   `json:"server_name"` // of a token to join a cluster
}

// parseToken returns the content of the argument token.
func (c *invocation) parseToken() (*trustToken, error) {
	text := c.args.string("token")
	if text == "" {
		return nil, nil
	}
	t := new(trustToken)
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	switch {
	case err != nil || json.Unmarshal(data, t) != nil || t.Secret == "" || t.Fingerprint == "":
		return nil, fmt.Errorf("%s: token: that is no token of certificates.create_token or of incus config trust add", c.name)
	case t.ServerName != "":
		return nil, fmt.Errorf("%s: token: that is a token for a new member of a cluster: incus.cluster.join takes it", c.name)
	}
	return t, nil
}

// An addition is a remote in the process of being added.
type addition struct {
	*invocation
	name     string
	new      remote.New
	token    *trustToken
	explicit bool              // fingerprint= was given
	expected string            // fingerprint of the server's certificate, as given or as the token says; empty for unknown
	pin      *x509.Certificate // of the server; nil if an authority vouches for it
	enrolled func()            // counts the change of the server; nil if there was none
	accepted *rest.Client      // of the server that took the token; nil if it didn't
	writable func() error      // tries to write what follows the use of the token
}

// addRemote asks the new server, makes it trust this client, and adds the remote. For one that is there, it renews the trust.
func addRemote(c *invocation) (starlark.Value, error) {
	a, err := c.newAddition()
	if err != nil {
		return nil, err
	}
	var renewed *remote.Config
	config, err := c.changeRemotes(func(ctx context.Context, config *remote.Config) (*remote.Config, error) {
		if config.Taken(a.name) {
			renewed = config
			return nil, a.renew(ctx, config)
		}
		if err := a.prepare(ctx, config); err != nil {
			return nil, err
		}
		return config.Add(ctx, a.name, a.new, a.pin)
	})
	if a.enrolled != nil {
		a.enrolled()
	}
	if a.accepted != nil && config == nil && c.ctx.Err() != nil {
		a.accepted.Leave(c.ctx, "the server's trust in this client, for which the token was used: "+a.tokenless()+" adds the remote")
	}
	if err != nil {
		return nil, a.trusted(err)
	}
	if renewed != nil {
		config = renewed
	}
	if warn := c.ref.client.conn.family.options.Warn; warn != nil && a.token != nil && a.enrolled == nil {
		warn(fmt.Sprintf("%s(%q): the server trusts this client already, and didn't take the token, which stays valid until it expires or is revoked", c.name, a.name))
	}
	return remoteStruct(config.Info(a.name)), nil
}

// trusted makes the failure of an addition say that the server took the token.
func (a *addition) trusted(err error) error {
	var e *errors.Error
	if a.accepted == nil || !errors.As(err, &e) {
		return err
	}
	e.Outcome = errors.Unknown
	if e.Hint == "" {
		e.Hint = "the server trusts this client now, and the token is used: " + a.tokenless() + " adds the remote"
	}
	return err
}

// newAddition checks the arguments.
func (c *invocation) newAddition() (*addition, error) {
	token, err := c.parseToken()
	if err != nil {
		return nil, err
	}
	args := c.args
	a := &addition{invocation: c, name: args.string("name"), token: token, explicit: args.has("fingerprint"), new: remote.New{
		Protocol: args.string("protocol"), AuthType: args.string("auth_type"), Project: args.string("project"), CredentialsHelper: args.string("credentials_helper"), Public: args.flag("public", false)}}
	for address := range strings.SplitSeq(args.string("url"), ",") {
		if address = strings.TrimSpace(address); address != "" {
			a.new.Addresses = append(a.new.Addresses, address)
		}
	}
	if a.explicit {
		a.expected = plainFingerprint(args.string("fingerprint"))
		if data, err := enchex.DecodeString(a.expected); err != nil || len(data) != sha256.Size {
			return nil, fmt.Errorf("%s: fingerprint: it must be the SHA-256 of a certificate, which has 64 hexadecimal digits", c.name)
		}
	} else if token != nil {
		a.expected = plainFingerprint(token.Fingerprint)
	}
	images := a.new.Protocol != "" && a.new.Protocol != remote.Incus
	switch {
	case token == nil && len(a.new.Addresses) == 0:
		return nil, fmt.Errorf("%s: say which server: token= or url=", c.name)
	case token != nil && (images || a.new.Public || a.new.AuthType == "oidc"):
		return nil, fmt.Errorf("%s: token= is for a server of Incus with a client certificate, not for one with protocol=, public= or auth_type=", c.name)
	case images && (a.explicit || a.new.Project != "" || a.new.AuthType != ""):
		return nil, fmt.Errorf("%s: fingerprint=, project= and auth_type= are for servers of Incus, not for protocol=%q", c.name, a.new.Protocol)
	case a.new.CredentialsHelper != "" && a.new.Protocol != remote.OCI:
		return nil, fmt.Errorf("%s: credentials_helper= goes with protocol=\"oci\"", c.name)
	}
	return a, nil
}

// plainFingerprint returns a fingerprint as Incus writes it. Other programs write colons and capitals.
func plainFingerprint(text string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
}

// prepare asks the server, and completes what is known of the remote.
func (a *addition) prepare(ctx context.Context, config *remote.Config) error {
	several := len(a.new.Addresses) > 0
	if !several {
		a.new.Addresses = a.token.Addresses
	}
	a.new = a.new.Normal()
	a.writable = func() error { return config.CheckWritable(a.name) }
	if err := config.CheckNew(a.name); err != nil {
		return err
	}
	if a.new.Protocol != "" && a.new.Protocol != remote.Incus {
		_, err := config.Candidate(ctx, a.name, a.new)
		return err
	}
	if !a.new.Public && a.new.AuthType != "oidc" {
		if _, err := config.MakeCertificate(ctx); err != nil {
			return err
		}
	}
	target, err := config.Candidate(ctx, a.name, a.new)
	if err != nil {
		return err
	}
	client, address, err := a.reach(ctx, target)
	if err != nil {
		return err
	}
	defer client.Close()
	if !several {
		a.new.Addresses = []string{address} // older incus commands know one address only
	}
	return a.introduce(ctx, client)
}

// reach returns a client of the first address that answers with an acceptable certificate.
func (a *addition) reach(ctx context.Context, target *remote.Target) (*rest.Client, string, error) {
	base := a.ref.client.conn.family.base(a.ref.client.conn.family.options.Timeout, nil)
	base.Certificate, base.CA, base.Login = target.Certificate, target.CA, a.ref.client.conn.family.login(target)
	if target.Socket != "" {
		base.Socket = target.Socket
		client, err := rest.New(base)
		return client, "", err
	}
	var failed []error
	for _, endpoint := range target.Endpoints {
		base.Endpoints = []string{endpoint}
		client, err := a.try(ctx, base)
		if err == nil {
			return client, endpoint, nil
		}
		if ctx.Err() != nil {
			return nil, "", err
		}
		failed = append(failed, err)
	}
	// A wrong certificate matters more than an address that isn't reached.
	i := max(0, slices.IndexFunc(failed, func(err error) bool { return errors.Is(err, errors.TLS) }))
	return nil, "", failed[i]
}

// try returns a client of a server that has an acceptable certificate, which it pins unless an authority vouches for it.
func (a *addition) try(ctx context.Context, config rest.Config) (*rest.Client, error) {
	if a.explicit {
		config.CA = x509.NewCertPool() // accepts none, so that the error has the certificate
	}
	first := config
	if config.Trace != nil {
		first.Trace = func(t rest.Trace) {
			if c := rest.Presented(t.Err); c == nil || digest(c) != a.expected { // the expected one is no failure
				config.Trace(t)
			}
		}
	}
	client, err := greet(ctx, first)
	certificate := rest.Presented(err)
	if certificate == nil {
		return client, err
	}
	if got := digest(certificate); got != a.expected {
		return nil, a.notAccepted(config.Endpoints[0], got, err)
	}
	config.ServerCertificate = certificate
	if client, err = greet(ctx, config); err == nil {
		a.pin = certificate
	}
	return client, err
}

// digest returns the fingerprint of a certificate.
func digest(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return enchex.EncodeToString(sum[:])
}

// greet returns a client of a server that answers.
func greet(ctx context.Context, config rest.Config) (*rest.Client, error) {
	client, err := rest.New(config)
	if err != nil {
		return nil, err
	}
	if _, err := client.Do(ctx, rest.Request{Path: "/1.0"}); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// notAccepted returns the error of a server whose certificate isn't the expected one, or for which none is expected.
func (a *addition) notAccepted(endpoint, got string, err error) error {
	var message, advice string
	switch {
	case a.expected == "":
		advice = "if \"incus info\" on the server shows this certificate_fingerprint: " + a.again("fingerprint", got)
		message = fmt.Sprintf("the certificate of %s can't be trusted: its fingerprint is %s, and none is expected", endpoint, got)
	case a.explicit:
		message = fmt.Sprintf("the certificate of %s isn't the one expected: its fingerprint is %s, and fingerprint= is %s", endpoint, got, a.expected)
	default:
		message = fmt.Sprintf("the certificate of %s isn't the one that the token is for: its fingerprint is %s, and that of the token is %s; nothing was sent to this server", endpoint, got, a.expected)
	}
	refused := &errors.Error{Class: errors.TLS, Message: message, Hint: advice, Outcome: errors.NotSent}
	var failed *errors.Error
	if errors.As(err, &failed) {
		refused.Cause = failed.Cause
	}
	return refused
}

// again returns the call that adds the remote with one more argument.
func (a *addition) again(name, value string) string {
	call := fmt.Sprintf("incus.remotes.add(%q, url=%q", a.name, strings.Join(a.new.Addresses, ","))
	if a.pin != nil && name != "fingerprint" {
		call += fmt.Sprintf(", fingerprint=%q", digest(a.pin))
	}
	return call + fmt.Sprintf(", %s=%q)", name, value)
}

// tokenless returns the call that adds the remote when the server trusts this client.
func (a *addition) tokenless() string {
	if a.pin != nil {
		return a.again("fingerprint", digest(a.pin))
	}
	return fmt.Sprintf("incus.remotes.add(%q, url=%q)", a.name, strings.Join(a.new.Addresses, ","))
}

// introduce makes the server trust this client, and finds the project.
func (a *addition) introduce(ctx context.Context, client *rest.Client) error {
	var server struct {
		Auth        string   `json:"auth"`
		AuthMethods []string `json:"auth_methods"`
		Public      bool     `json:"public"`
	}
	if err := readJSON(ctx, client, "/1.0", &server); err != nil {
		return err
	}
	switch {
	case a.new.Public:
		return nil
	case server.Public:
		a.new.Public = true
		return nil
	case server.Auth != "trusted" && a.token == nil && slices.Contains(server.AuthMethods, "oidc"):
		advice := "the server has logins: " + a.again("auth_type", "oidc")
		return &errors.Error{Class: errors.Authentication, Outcome: errors.NotSent, Hint: advice, Message: fmt.Sprintf("%s doesn't know this client's certificate: it needs a token or a login", a.new.Addresses[0])}
	case server.Auth != "trusted" && a.token == nil:
		advice := fmt.Sprintf("\"incus config trust add NAME\" on the server prints a token for incus.remotes.add(%q, token=…)", a.name)
		return &errors.Error{Class: errors.Authentication, Outcome: errors.NotSent, Hint: advice, Message: fmt.Sprintf("%s doesn't know this client's certificate: it needs a token", a.new.Addresses[0])}
	case server.Auth != "trusted":
		if err := a.writable(); err != nil {
			return err
		}
		if err := a.enroll(ctx, client); err != nil {
			return err
		}
		a.accepted = client
	}
	return a.findProject(ctx, client)
}

// enroll uses the token.
func (a *addition) enroll(ctx context.Context, client *rest.Client) error {
	r := rest.Request{Method: "POST", Path: "/1.0/certificates", Body: map[string]any{"type": "client", "trust_token": strings.TrimSpace(a.args.string("token"))}}
	reply, err := client.Do(ctx, r)
	a.enrolled = func() { took(builtin.In(a.ctx), r, reply, err) }
	var e *errors.Error
	if !errors.As(err, &e) {
		return err
	}
	known := e.Class.IsA(errors.AlreadyExists) || e.Class.IsA(errors.Conflict) // another call has made the server trust this client meanwhile
	for begun := time.Now(); known || e.Outcome == errors.Unknown; {
		switch trusted, failed := client.Trusted(ctx); {
		case failed == nil && trusted:
			return nil // only the answer was lost, or it was another call
		case !known, failed != nil, time.Since(begun) > trustTime:
			return err
		}
		select { // a server knows of a certificate a moment after it has it
		case <-ctx.Done():
			return err
		case <-time.After(trustPause):
		}
	}
	return err
}

// The time in which a server that has a client's certificate must trust it, and the pause between two requests meanwhile.
const (
	trustTime  = 3 * time.Second
	trustPause = 25 * time.Millisecond
)

// findProject chooses the project as the incus command does.
func (a *addition) findProject(ctx context.Context, client *rest.Client) error {
	if a.new.Project != "" {
		return readJSON(ctx, client, "/1.0/projects/"+url.PathEscape(a.new.Project), new(struct{}))
	}
	var paths []string
	if err := readJSON(ctx, client, "/1.0/projects", &paths); err != nil {
		return err
	}
	var names []string
	for _, path := range paths {
		name, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
		if err == nil {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0, slices.Contains(names, "default"):
	case len(names) == 1:
		a.new.Project = names[0]
	default:
		advice := "say which one it is to use: " + a.again("project", names[0])
		return &errors.Error{Class: errors.Config, Hint: advice, Message: fmt.Sprintf("the server trusts this client now, in several projects: %s", strings.Join(names, ", "))}
	}
	return nil
}

// readJSON reads the JSON value at a path into v.
func readJSON(ctx context.Context, client *rest.Client, path string, v any) error {
	reply, err := client.Do(ctx, rest.Request{Path: path})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply.Metadata, v); err != nil {
		return unreadable("GET", path, reply, err)
	}
	return nil
}
