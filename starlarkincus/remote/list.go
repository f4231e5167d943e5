package remote

import (
	"strings"
)

// An Info describes a remote, without its secrets.
type Info struct {
	Name              string
	Addresses         []string // without user and password
	Protocol          string   // [Incus], [SimpleStreams] or [OCI]
	AuthType          string   // tls, oidc, none, or "file access" for a unix socket
	Project           string   // empty for the server's default
	CredentialsHelper string   // empty for none
	Public            bool
	Static            bool // built in
	Global            bool // from the configuration for all users
	Default           bool
}

// List returns all remotes, sorted by name.
func (c *Config) List() []Info {
	names := c.Names()
	all := make([]Info, len(names))
	for i, name := range names {
		all[i] = c.Info(name)
	}
	return all
}

// Info returns the description of a remote; the zero value for an unknown one.
func (c *Config) Info(name string) Info {
	e, ok := c.remotes[name]
	if !ok {
		return Info{}
	}
	info := Info{Name: name, Protocol: e.Protocol, AuthType: e.AuthType, Project: e.Project, CredentialsHelper: e.CredentialsHelper,
		Public: e.Public, Static: name == localName, Global: e.global, Default: name == c.defaultRemote}
	if info.Protocol == "" {
		info.Protocol = Incus
	}
	for _, address := range e.addresses() {
		info.Addresses = append(info.Addresses, redact(address))
	}
	switch {
	case len(info.Addresses) > 0 && strings.HasPrefix(info.Addresses[0], "unix:"):
		info.AuthType = "file access"
	case info.AuthType != "":
	case info.Protocol != Incus, info.Public:
		info.AuthType = "none"
	default:
		info.AuthType = "tls"
	}
	return info
}

// addresses returns the entry's addresses, in the order of the file.
func (e entry) addresses() []string {
	var addresses []string
	for address := range strings.SplitSeq(e.Addr, ",") {
		if address = strings.TrimSpace(address); address != "" {
			addresses = append(addresses, address)
		}
	}
	return addresses
}
