package remote

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"incus-star/starlarkincus/internal/atomicfile"
)

// defaultPort is the port of servers of Incus.
const defaultPort = "8443"

// A New describes a remote to add.
type New struct {
	Addresses         []string // as for the incus command: URLs, host names, paths of sockets
	Protocol          string   // empty for [Incus]
	AuthType          string   // tls or oidc; empty for tls
	Project           string
	CredentialsHelper string
	Public            bool
}

// entry returns the entry for config.yml.
func (n New) entry() entry {
	e := entry{Addr: strings.Join(n.Addresses, ","), AuthType: n.AuthType, Project: n.Project, Protocol: n.Protocol, CredentialsHelper: n.CredentialsHelper, Public: n.Public}
	if e.Protocol == "" {
		e.Protocol = Incus
	}
	switch {
	case e.Protocol != Incus:
		e.Public = true
	case e.AuthType == "" && !e.Public:
		e.AuthType = "tls"
	}
	return e
}

// Normal returns the remote with whole addresses: the scheme and the port are added where they are missing.
func (n New) Normal() New {
	addresses := make([]string, 0, len(n.Addresses))
	for _, address := range n.Addresses {
		if n.Protocol == "" || n.Protocol == Incus {
			address = wholeAddress(address)
		}
		addresses = append(addresses, address)
	}
	n.Addresses = addresses
	return n
}

// wholeAddress returns the address of a server of Incus with its scheme and port.
func wholeAddress(address string) string {
	switch path, isSocket := strings.CutPrefix(address, "unix:"); {
	case isSocket:
		return "unix://" + strings.TrimPrefix(path, "//")
	case strings.HasPrefix(address, "/"):
		return "unix://" + address
	}
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "https", address
	}
	host := strings.TrimSuffix(rest, "/")
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]" // an IPv6 address
	}
	if u, err := url.Parse("https://" + host); err == nil && u.Port() == "" && u.Host == host && host != "" {
		host = strings.TrimSuffix(host, ":") + ":" + defaultPort
	}
	return scheme + "://" + host
}

// Candidate returns the target of a remote that isn't in the configuration, without a pinned certificate. It returns an
// error if the remote can't be added.
func (c *Config) Candidate(ctx context.Context, name string, n New) (*Target, error) {
	if err := c.CheckNew(name); err != nil {
		return nil, err
	}
	with := *c
	with.remotes = map[string]entry{name: n.entry()}
	with.env.Getenv = func(variable string) string {
		if variable == "INCUS_PROJECT" {
			return "" // it isn't the remote's
		}
		return c.env.Getenv(variable)
	}
	with.noPins = true
	t, err := with.resolve(ctx, name, true)
	if err == nil && t.Tokens != nil {
		t.Tokens.config = c
	}
	return t, err
}

// Add adds a remote. It returns the configuration with it. A certificate that isn't nil is pinned.
func (c *Config) Add(ctx context.Context, name string, n New, pin *x509.Certificate) (*Config, error) {
	check := func(now *Config) error { return now.CheckNew(name) }
	return c.edit(ctx, edition{Edit: adds, New: name}, check, func(_ *Config, changes *change) error {
		path, err := c.pinPath(name)
		if err != nil {
			return err
		}
		changes.prepare = func() error {
			if pin == nil {
				return remove(path) // of another remote that once had the name
			}
			return c.writePEM(path, &pem.Block{Type: "CERTIFICATE", Bytes: pin.Raw}, 0o644)
		}
		changes.remove(name) // of an addition that was interrupted
		changes.add(name, n.entry())
		return nil
	})
}

// pinPath returns the path of the pinned certificate of a new remote.
func (c *Config) pinPath(name string) (string, error) {
	path := c.path(pins, name+".crt")
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return "", failure(nil, "%s exists, and is no file of its own: it must be removed before", path)
	}
	return path, nil
}

// CheckWritable returns an error if the files of a new remote can't be written.
func (c *Config) CheckWritable(name string) error {
	pin, err := c.pinPath(name)
	if err != nil {
		return err
	}
	for _, path := range []string{c.path("config.yml"), pin} {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return cannotWrite(filepath.Dir(path), err)
		}
		f, err := atomicfile.Create(path, atomicfile.Mode{Perm: 0o600})
		if err != nil {
			return cannotWrite(path, err)
		}
		_, err = f.Write(make([]byte, trialSize))
		if err = cmp.Or(err, f.Discard()); err != nil {
			return cannotWrite(path, err)
		}
	}
	return nil
}

// trialSize is more than what an addition writes into a file, in bytes.
const trialSize = 64 << 10

// writePEM writes a file of the configuration, and makes its folder.
func (c *Config) writePEM(path string, block *pem.Block, perm os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return cannotWrite(filepath.Dir(path), err)
	}
	if err := atomicfile.Write(path, pem.EncodeToMemory(block), atomicfile.Mode{Perm: perm}); err != nil {
		return cannotWrite(path, err)
	}
	return nil
}

// Taken reports whether there is a remote of the name. One whose addition was interrupted can be added again.
func (c *Config) Taken(name string) bool {
	_, ok := c.remotes[name]
	return ok && !c.repeats(edition{Edit: adds, New: name})
}

// taken returns the error of a name that a remote has, with the calls that free it.
func (c *Config) taken(name string) error {
	err := failure(nil, "remote %q exists already", name)
	switch {
	case name == localName || c.remotes[name].global:
		err.Hint = "this one can't be removed here: another name is needed"
	case name == c.defaultRemote:
		err.Hint = fmt.Sprintf("incus.remotes.set_default(%q) and then incus.remotes.remove(%q) make the name free", localName, name)
	default:
		err.Hint = fmt.Sprintf("incus.remotes.remove(%q) makes the name free", name)
	}
	return err
}

// Trusting returns the target of a remote whose server trusts clients by their certificates. That of this client may be missing.
// It is nil for a remote of another kind.
func (c *Config) Trusting(ctx context.Context, name string) (*Target, error) {
	if info := c.Info(name); info.Protocol != Incus || info.AuthType != "tls" || info.Public {
		return nil, nil
	}
	return c.resolve(ctx, name, false)
}
