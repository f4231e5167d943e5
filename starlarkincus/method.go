package starlarkincus

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A Method is a declared method, bound to the client, collection or object that it is called on.
type Method struct {
	name string // qualified: instances.get
	decl *spec.Method
	on   place
	obj  *Object // nil where it is called on a collection or a client
}

var (
	_ starlark.Callable = (*Method)(nil)
	_ starlark.HasAttrs = (*Method)(nil)
)

// Name is the method's qualified name, such as instances.get.
func (m *Method) Name() string          { return m.name }
func (m *Method) String() string        { return "<method " + m.name + ">" }
func (m *Method) Type() string          { return "method" }
func (m *Method) Freeze()               {}
func (m *Method) Truth() starlark.Bool  { return true }
func (m *Method) Hash() (uint32, error) { return starlark.String(m.name).Hash() }

// Receiver returns the object that the method is called on; nil where it is called on a collection or a client.
func (m *Method) Receiver() *Object { return m.obj }

// Declaration is what the table says of the method.
func (m *Method) Declaration() *spec.Method { return m.decl }

// Attr explains the most common slip: a method that isn't called.
func (m *Method) Attr(name string) (starlark.Value, error) {
	return nil, missing(fmt.Sprintf("%s is a method and has no .%s: call it first, %s(…).%s", m.name, name, m.name, name))
}

// AttrNames is empty: a method has no attributes.
func (m *Method) AttrNames() []string { return nil }

// CallInternal checks the arguments, then runs the method's implementation.
func (m *Method) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	v, err := m.call(thread, args, kwargs)
	return v, rest.Clean(err) // what it says of an argument, such as a URL, may hold a secret
}

func (m *Method) call(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	bound, err := bind(m.name, m.decl.Arguments(), args, kwargs)
	if err != nil {
		return nil, err
	}
	here := *m // so that a call's project doesn't stay
	c := &call{Method: &here, thread: thread, ctx: Context(thread), args: bound}
	if !m.decl.Offline {
		_, project, err := m.on.client.conn.client(c.ctx)
		if err != nil {
			return nil, err
		}
		if c.on.project == "" && (m.on.res == nil || m.on.res.Scope != spec.OfServer) {
			c.on.project = project
		}
	}
	if name := bound.string("project"); name != "" && !m.decl.Offline {
		c.on.project = name
	}
	if name := bound.query.Get("target"); name != "" {
		c.on.target = name
	}
	before := *bindingOf(thread)
	if err := c.requireAll(); err != nil {
		return nil, c.judge(before, err)
	}
	v, err := behaviors[m.decl.Does](c)
	return v, c.judge(before, err)
}

// methods returns declared methods by name.
func methods(decls []spec.Method) map[string]*spec.Method {
	out := make(map[string]*spec.Method, len(decls))
	for i := range decls {
		out[decls[i].Name] = &decls[i]
	}
	return out
}

func names[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// A place is where requests go: which client, which path, which project and cluster member.
type place struct {
	client  *Client
	res     *spec.Resource
	name    string // qualified, for messages: instances
	path    string // escaped
	project string
	target  string
	key     string // what names the object, where that isn't in the path
}

// query is what a verb's request to the place carries.
func (p place) query(v spec.Verb) url.Values {
	q := make(url.Values)
	if p.project != "" {
		q.Set("project", p.project)
	}
	if p.target != "" && p.res != nil && p.res.Target&v != 0 {
		q.Set("target", p.target)
	}
	if p.key != "" {
		q.Set(p.res.KeyQuery, p.key)
	}
	return q
}

// at is the place of a path below this one, or of one that begins with a slash.
func (p place) at(path string) place {
	switch {
	case strings.HasPrefix(path, "/"):
		p.path = path
	case path != "":
		p.path += "/" + path
	}
	return p
}

// below is the place of one name under this one.
func (p place) below(name string) place {
	p.path += "/" + url.PathEscape(name)
	return p
}

// A call is one call of a method, with its checked arguments.
type call struct {
	*Method
	thread *starlark.Thread
	ctx    context.Context
	args   *arguments
}

// requireAll refuses a call that needs an API extension which the server lacks: all of the resource, the method, or
// one of the arguments.
func (c *call) requireAll() error {
	if c.on.res != nil {
		if err := c.require(need{"", c.on.res.Extension}); err != nil {
			return err
		}
	}
	for _, n := range append([]need{{"", c.decl.Extension}}, c.args.needs...) {
		if err := c.require(n); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) require(n need) error {
	if n.extension == "" {
		return nil
	}
	ok, err := c.on.client.hasExtension(c.thread, n.extension)
	if err != nil || ok {
		return err
	}
	what := c.name
	if n.what != "" {
		what += ": " + n.what
	}
	e := errors.New(errors.Unsupported, "%s needs the API extension %q, which this server lacks", what, n.extension)
	e.Fields = map[string]any{"extension": n.extension}
	return e
}

// request is the method's declared request at p, with the arguments that were given.
func (c *call) request(p place, httpMethod string) rest.Request {
	query := p.query(c.decl.Verb)
	if c.decl.Target && p.target != "" {
		query.Set("target", p.target)
	}
	for name, values := range c.args.query {
		query[name] = values
	}
	r := rest.Request{Method: httpMethod, Path: p.at(c.decl.Path).path, Query: query}
	switch text, isText := c.args.whole.(string); {
	case isText:
		r.Body, r.Header = []byte(text), http.Header{"Content-Type": {"application/octet-stream"}}
	case c.args.whole != nil:
		r.Body = c.args.whole
	case httpMethod != "GET" && httpMethod != "DELETE":
		body := make(map[string]any, len(c.args.body)+len(c.decl.Send))
		for name, v := range c.decl.Send {
			body[name] = v
		}
		for name, v := range c.args.body {
			body[name] = v
		}
		if c.decl.Under != "" {
			body = map[string]any{c.decl.Under: body}
		}
		r.Body = body
	}
	return r
}

// do sends a request, while other threads may run.
func (c *call) do(r rest.Request) (*rest.Reply, error) { return c.on.client.do(c.thread, r) }

// get reads one JSON value.
func (c *call) get(p place, query url.Values, maxBytes int64) (starlark.Value, *rest.Reply, error) {
	reply, err := c.do(rest.Request{Method: "GET", Path: p.path, Query: query, MaxBytes: maxBytes})
	if err != nil {
		return nil, nil, err
	}
	v, err := value.DecodeContext(c.ctx, reply.Metadata)
	if err != nil {
		return nil, nil, unreadable("GET", p.path, reply, err)
	}
	return v, reply, nil
}

// unreadable is the error of an answer that holds something else than it should.
func unreadable(method, path string, reply *rest.Reply, cause error) error {
	e := &errors.Error{Class: errors.Connection, Message: fmt.Sprintf("the answer to %s %s is not what Incus sends", method, path),
		Status: reply.Status, Method: method, Path: path, Cause: cause}
	if method != "GET" && method != "HEAD" {
		e.Outcome = errors.Done // the answer says that it was accepted
	}
	return e
}

// finish waits for the operation that a request started, if it started one and the script wants to wait. It returns
// nil when the work is done, and the operation when the script takes it.
func (c *call) finish(reply *rest.Reply) (*rest.State, *Object, error) {
	if reply.Operation == nil {
		return nil, nil, nil
	}
	if !c.args.flag("wait", true) {
		reply.Operation.Watch()
		o, err := c.on.client.operation(c.thread, reply)
		return nil, o, err
	}
	state, err := c.wait(reply.Operation)
	if err == nil {
		bindingOf(c.thread).done++
	}
	return state, nil, err
}

// wait waits for an operation, no longer than the timeout= that was given.
func (c *call) wait(op *rest.Operation) (*rest.State, error) {
	var state *rest.State
	var err error
	Block(c.thread, func() {
		if c.args.has("timeout") {
			state, err = op.WaitTimeout(c.ctx, c.args.duration("timeout"))
		} else {
			state, err = op.Wait(c.ctx)
		}
	})
	return state, err
}
