package starlarkincus

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/files"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// Options configure the first client. The zero value connects as the incus command does.
type Options struct {
	// Remote is the name of one of the incus command's remotes; empty for its default.
	Remote string
	// Project and Target are the default project and cluster member; empty for the remote's project and for any member.
	Project, Target string
	// Timeout bounds the time until an answer, except for waits for an operation; zero is no bound.
	Timeout time.Duration
	// ReadOnly refuses every method that may change something, and all requests other than GET.
	ReadOnly bool
	// Trace is called after each request, from any goroutine.
	Trace func(rest.Trace)
	// Progress shows the progress of operations and transfers; nil for none.
	Progress rest.Progress
	// Prepare is called after connecting, before the first request, and again before the next request if it failed; nil
	// for nothing. Its client uses the same connection, and project is the remote's own. Clients that share a
	// connection share the call.
	Prepare func(client *Client, project string) error
	// Environment locates the configuration of the incus command; nil for the process's own.
	Environment *remote.Environment
	// Warn is called for keys and configuration that other users could have read or changed, whenever they are read, and
	// for a token that was given and not used, from any goroutine; nil for nothing.
	Warn func(message string)
	// Ask returns a secret that the user types after a prompt, for a script that runs; nil if there is nobody to ask.
	Ask func(ctx context.Context, prompt string) (string, error)
	// Tell receives what the command for a passphrase writes to standard error, safe to print; if it is nil, that is in the
	// error of a command that fails.
	Tell func(text string)
	// Show shows the user a message, for a script that waits for what it asks for; nil if there is nobody.
	Show func(ctx context.Context, message string) error
	// UserAgent is sent with each request.
	UserAgent string
}

// A Client is the value incus of scripts: the collections of one server, seen from one project. It reads the
// configuration and connects at its first call.
type Client struct {
	conn    *connection
	project string // empty for the connection's
	target  string
}

var _ starlark.HasAttrs = (*Client)(nil)

// New returns a client, without any I/O.
func New(o Options) *Client {
	f := &family{options: o}
	f.keys.Ask, f.keys.Tell = f.ask, f.options.Tell
	conn := &connection{family: f, name: o.Remote, given: o.Remote, breaker: new(rest.Breaker), prepare: o.Prepare}
	conn.dial = func(ctx context.Context, f *family) (*rest.Client, string, error) {
		return f.dialRemote(ctx, o.Remote, o.Timeout, conn.breaker)
	}
	conn.locate = func() (*remote.Target, error) { return f.locate(o.Remote) }
	return &Client{conn: conn, project: o.Project, target: o.Target}
}

// Close closes the connections of the client and of all clients made from it.
func (c *Client) Close() {
	f := c.conn.family
	f.mu.Lock()
	conns := f.open
	f.open, f.closed = nil, true
	f.mu.Unlock()
	for _, conn := range slices.Backward(conns) { // what uses a client before it
		conn.Close()
	}
}

// A family is the set of connections that a script opened.
type family struct {
	options Options

	keys   remote.Keyring
	mu     sync.Mutex
	config *remote.Config
	open   []closer
	closed bool
}

// ask asks the user for a secret. Requests in the background ask nobody, because the user may be typing something else.
func (f *family) ask(ctx context.Context, prompt string) (secret string, err error) {
	if f.options.Ask == nil || builtin.In(ctx).Thread() == nil {
		return "", errors.Plain("nobody can be asked here")
	}
	return f.options.Ask(ctx, prompt)
}

// show shows the user what to do for a login, which then is waited for. Nothing in the background waits for the user.
func (f *family) show(ctx context.Context, message string) error {
	if f.options.Show == nil || builtin.In(ctx).Thread() == nil {
		return errors.Plain("there is no terminal")
	}
	return f.options.Show(ctx, message)
}

// A connection is a connection to a server, shared by clients of several projects.
type connection struct {
	family  *family
	dial    func(context.Context, *family) (client *rest.Client, project string, err error)
	locate  func() (*remote.Target, error)             // by the configuration, without connecting; nil if there is none
	prepare func(client *Client, project string) error // Options.Prepare
	breaker *rest.Breaker                              // for the calls of fleets
	project string                                     // project of the remote, set by client
	given   string                                     // the name that it was made with, for texts that don't change; may be empty

	mu         sync.Mutex
	name       string // of the remote, or the server's address; empty for the default remote until that is known
	rest       *rest.Client
	extensions []string    // nil until requested
	files      *files.Pool // nil until used
}

// client connects at the first call. It returns the project of the remote, too.
func (c *connection) client(ctx context.Context) (client *rest.Client, project string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rest != nil {
		return c.rest, c.project, nil
	}
	client, project, err = c.dial(ctx, c.family)
	var failed *errors.Error
	if errors.As(err, &failed) && failed.Remote == "" {
		failed.Remote = c.name
	}
	if err != nil {
		return nil, "", err
	}
	c.name = client.Remote()
	if err := c.family.add(client); err != nil {
		return nil, "", err
	}
	if c.prepare != nil {
		if err := c.prepare(&Client{conn: &connection{family: c.family, rest: client, project: project}}, project); err != nil {
			return nil, "", err
		}
	}
	c.rest, c.project = client, project
	return client, project, nil
}

// connected returns the client; nil before the first call.
func (c *connection) connected() *rest.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rest
}

// remote returns the name of the remote, or the address of a server without one; empty if it isn't known yet.
func (c *connection) remote() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name
}

// setRemote sets the name of the remote before the first call.
func (c *connection) setRemote(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.name = name
}

// A closer is a client, or a user of one.
type closer interface{ Close() }

// add registers a client, or a user of one, for Close.
func (f *family) add(client closer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		client.Close()
		return fmt.Errorf("the client is closed")
	}
	f.open = append(f.open, client)
	return nil
}

// send sends a request on the client's connection, and lets other threads run meanwhile.
func (c *Client) send(ctx context.Context, r rest.Request) (reply *rest.Reply, err error) {
	client, _, err := c.conn.client(ctx)
	if err != nil {
		return nil, err
	}
	b := builtin.In(ctx)
	b.Block(func() {
		if rest.Changes(r.Method) {
			c.conn.closeFiles()
		}
		reply, err = client.Do(ctx, r)
	})
	took(b, r, reply, err)
	return reply, err
}

// raw sends a request whose answer isn't JSON. The reply holds only the status and the header.
func (c *Client) raw(ctx context.Context, r rest.Request) (data []byte, reply *rest.Reply, err error) {
	client, _, err := c.conn.client(ctx)
	if err != nil {
		return nil, nil, err
	}
	builtin.In(ctx).Block(func() { data, reply, err = client.Raw(ctx, r) })
	return data, reply, err
}

// sendAside sends a request for cleaning up, which doesn't count as a change by the script.
func (c *Client) sendAside(ctx context.Context, r rest.Request) (reply *rest.Reply, err error) {
	client, _, err := c.conn.client(ctx)
	if err != nil {
		return nil, err
	}
	builtin.In(ctx).Block(func() { reply, err = client.Do(ctx, r) })
	return reply, err
}

// hasExtension reports whether the server has an API extension, with one request per connection.
func (c *Client) hasExtension(ctx context.Context, name string) (bool, error) {
	c.conn.mu.Lock()
	known := c.conn.extensions
	c.conn.mu.Unlock()
	if known == nil {
		var server struct {
			Extensions []string `json:"api_extensions"`
		}
		if err := c.collection(spec.Server).readInto(ctx, nil, &server); err != nil {
			return false, err
		}
		known = append([]string{}, server.Extensions...)
		c.conn.mu.Lock()
		c.conn.extensions = known
		c.conn.mu.Unlock()
	}
	return slices.Contains(known, name), nil
}

// collection returns the ref of a top-level collection.
func (c *Client) collection(r *spec.Resource) ref {
	p := ref{client: c, res: r, name: r.Name, path: r.Path, target: c.target}
	if r.Scope != spec.OfServer {
		p.project = c.project
	}
	return p
}

// operation returns the Operation object for a reply to a change.
func (c *Client) operation(ctx context.Context, reply *rest.Reply) (*Object, error) {
	o := newObject(c.collection(spec.Operations).item(reply.Operation.ID()))
	o.op, o.seen, o.begun = reply.Operation, reply.Operation.State(), builtin.In(ctx).Changes
	if err := o.setJSON(reply.Metadata); err != nil {
		return nil, o.unreadableState(err)
	}
	return o, nil
}

// clientMethods returns the methods of a client by name.
var clientMethods = sync.OnceValue(func() map[string]*spec.Method { return methods(spec.ClientMethods) })

// String returns a text with the name of the remote, or the server's address, if the client was made with it. It never changes.
func (c *Client) String() string {
	var of []string
	if c.conn.given != "" {
		of = append(of, c.conn.given)
	}
	if c.project != "" {
		of = append(of, "project "+c.project)
	}
	if len(of) == 0 {
		return "<incus client>"
	}
	return "<incus client of " + strings.Join(of, ", ") + ">"
}
func (c *Client) Type() string          { return "incus" }
func (c *Client) Freeze()               {}
func (c *Client) Truth() starlark.Bool  { return true }
func (c *Client) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", c.Type()) }

// remoteAttr is the attribute of clients and objects with the name of their server.
const remoteAttr = "remote"

// remoteValue returns the name of the client's remote, or the server's address if it has none. Before the first call it reads the
// configuration.
func remoteValue(c *Client) (starlark.Value, error) {
	name := c.conn.remote()
	if name == "" && c.conn.locate != nil {
		target, err := c.conn.locate()
		if err != nil {
			return nil, err
		}
		name = target.Name
	}
	if name == "" {
		return starlark.None, nil
	}
	return starlark.String(name), nil
}

// projectAttr is the attribute of clients with the name of their project.
const projectAttr = "project"

// projectValue returns the name of the project of the client's calls. Before the first call it reads the configuration.
func projectValue(c *Client) (starlark.Value, error) {
	name := c.project
	if name == "" {
		c.conn.mu.Lock()
		connected := c.conn.rest != nil
		name = c.conn.project
		c.conn.mu.Unlock()
		if !connected && c.conn.locate != nil {
			target, err := c.conn.locate()
			if err != nil {
				return nil, err
			}
			name = target.Project
		}
	}
	return starlark.String(cmp.Or(name, defaultProject)), nil
}

// Attr returns a collection, a method, the name of the remote or that of the project.
func (c *Client) Attr(name string) (starlark.Value, error) {
	for _, r := range spec.Collections {
		if r.Name == name {
			return newCollection(c.collection(r)), nil
		}
	}
	if m := c.method(name); m != nil {
		return m, nil
	}
	switch name {
	case remoteAttr:
		return remoteValue(c)
	case projectAttr:
		return projectValue(c)
	}
	return nil, noAttr("incus", name, c.AttrNames(), clientMethods())
}

// method returns a method of the client; nil if there is none of that name.
func (c *Client) method(name string) *Method {
	decl := clientMethods()[name]
	if decl == nil {
		return nil
	}
	return &Method{"incus." + name, decl, ref{client: c, project: c.project, target: c.target}, nil}
}

// AttrNames returns the names of the collections, methods and fields.
func (c *Client) AttrNames() []string {
	all := names(clientMethods())
	for _, f := range spec.ClientFields {
		all = append(all, f.Name)
	}
	for _, r := range spec.Collections {
		all = append(all, r.Name)
	}
	slices.Sort(all)
	return all
}

// Do sends a request on the client's connection, for Go programs.
func (c *Client) Do(ctx context.Context, r rest.Request) (*rest.Reply, error) {
	client, _, err := c.conn.client(ctx)
	if err != nil {
		return nil, err
	}
	return client.Do(ctx, r)
}
