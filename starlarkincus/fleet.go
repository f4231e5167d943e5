package starlarkincus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// Servers returns the servers of a fleet, which are given as names of remotes, patterns of such names, and clients, and none
// of them twice. It reads the configuration, and sends nothing.
func (c *Client) Servers(ctx context.Context, servers []starlark.Value) ([]builtin.Server, error) {
	m := &muster{ctx: ctx, family: c.conn.family, config: c.conn.family.known()}
	for i, one := range servers {
		var err error
		switch one := one.(type) {
		case starlark.String:
			err = m.addMatches(string(one))
		case *Client:
			err = m.addClient(one)
		default:
			err = fmt.Errorf("servers[%d] is %s, want the name of a remote, a pattern or a client, as incus.connect returns it", i, builtin.Described(one))
		}
		if err != nil {
			return nil, err
		}
	}
	return m.servers, m.distinct()
}

// A place is where the calls of a server of a fleet work.
type place struct{ address, project, member string }

// placeOf returns where the calls of a server work, and the addresses of the server.
func (m *muster) placeOf(s builtin.Server) (p place, addresses []string) {
	client := s.Client.(*Client)
	p.member, addresses = client.target, []string{s.Remote}
	if m.config != nil {
		if known, its := m.config.Place(s.Remote); known != nil {
			addresses, p.project = known, its
		}
	}
	p.project = cmp.Or(client.project, p.project, "default")
	return p, addresses
}

// A muster gathers the servers of a fleet.
type muster struct {
	ctx     context.Context
	family  *family
	config  *remote.Config // nil until it is needed; any client of a remote has needed it
	loaded  bool           // it is as it is now
	servers []builtin.Server
}

// load reads the configuration.
func (m *muster) load() (err error) {
	if !m.loaded {
		m.config, err = m.family.remotes(m.ctx)
		m.loaded = err == nil
	}
	return err
}

// addMatches adds the remotes of a name or a pattern. One that several patterns match is added once.
func (m *muster) addMatches(pattern string) error {
	if err := m.load(); err != nil {
		return err
	}
	names, err := m.config.Match(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		known := slices.ContainsFunc(m.servers, func(s builtin.Server) bool { return s.Remote == name })
		switch {
		case !known:
			m.add(&Client{conn: m.family.connectionTo(name)}, name)
		case name == pattern:
			return errors.New(errors.Config, "the remote %q is given twice", name)
		}
	}
	return nil
}

// addClient adds a client of a script.
func (m *muster) addClient(c *Client) error {
	name := c.conn.remote()
	if name == "" {
		if err := m.load(); err != nil {
			return err
		}
		name = m.config.Default()
		c.conn.setRemote(name)
	}
	m.add(c, name)
	return nil
}

func (m *muster) add(c *Client, name string) {
	m.servers = append(m.servers, builtin.Server{Name: name, Remote: name, Client: c, Guard: c.conn.breaker.Guard})
}

// connectionTo returns a connection to a remote, which is made at its first call.
func (f *family) connectionTo(name string) *connection {
	conn := &connection{family: f, name: name, given: name, breaker: new(rest.Breaker)}
	conn.dial = func(ctx context.Context, f *family) (*rest.Client, string, error) {
		return f.dialRemote(ctx, name, f.options.Timeout, conn.breaker)
	}
	conn.locate = func() (*remote.Target, error) { return f.locate(name) }
	return conn
}

// distinct gives servers of one remote different names. It returns an error if two of the servers are the same one, seen from
// the same project.
func (m *muster) distinct() error {
	seen := make(map[place]string)
	several := make(map[string][]place) // by remote
	for _, s := range m.servers {
		where, addresses := m.placeOf(s)
		several[s.Remote] = append(several[s.Remote], where)
		for _, address := range addresses {
			where.address = address
			before, again := seen[where]
			switch {
			case again && before == s.Remote:
				return errors.New(errors.Config, "the server %s is given twice", s.Remote)
			case again:
				return errors.New(errors.Config, "the remotes %q and %q are the same server, %s: name one of them", before, s.Remote, address)
			}
			seen[where] = s.Remote
		}
	}
	for i, s := range m.servers {
		own, _ := m.placeOf(s)
		if slices.ContainsFunc(several[s.Remote], func(p place) bool { return p.project != own.project }) {
			m.servers[i].Name += "/" + quotedPart(own.project)
		}
		if own.member != "" && slices.ContainsFunc(several[s.Remote], func(p place) bool { return p.member != own.member }) {
			m.servers[i].Name += "@" + quotedPart(strings.TrimPrefix(own.member, "@"))
		}
	}
	return nil
}

// quotedPart returns a part of a server's name, quoted if it has what parts the others.
func quotedPart(name string) string {
	if strings.ContainsAny(name, `/@"`) {
		return strconv.Quote(name)
	}
	return name
}
