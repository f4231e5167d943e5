package starlarkincus

import (
	"context"
	"fmt"
	"maps"
	"sort"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A Method is a declared method, bound to a client, collection or object.
type Method struct {
	name string // qualified: instances.get
	decl *spec.Method
	ref  ref
	obj  *Object // nil for a method of a collection or a client
}

var (
	_ starlark.Callable = (*Method)(nil)
	_ starlark.HasAttrs = (*Method)(nil)
)

// Name returns the qualified name, such as instances.get.
func (m *Method) Name() string          { return m.name }
func (m *Method) String() string        { return "<method " + m.name + ">" }
func (m *Method) Type() string          { return "method" }
func (m *Method) Freeze()               {}
func (m *Method) Truth() starlark.Bool  { return true }
func (m *Method) Hash() (uint32, error) { return starlark.String(m.name).Hash() }

// ReceiverName returns the name of the method's object; empty if it has none, and for a method of a collection or a
// client.
func (m *Method) ReceiverName() string {
	if m.obj == nil {
		return ""
	}
	name, _ := m.obj.Attr("name")
	text, _ := starlark.AsString(name)
	return text
}

// Declaration returns the method's declaration.
func (m *Method) Declaration() *spec.Method { return m.decl }

// MakesStream reports whether the method returns a stream of bytes.
func (m *Method) MakesStream() bool { return m.decl.Returns.Shape == spec.ByteStream }

// Attr returns an error with a hint, because a missing call is the likely mistake.
func (m *Method) Attr(name string) (starlark.Value, error) {
	return nil, missing(fmt.Sprintf("%s is a method and has no .%s: call it first, %s(…).%s", m.name, name, m.name, name))
}

// AttrNames returns nil.
func (m *Method) AttrNames() []string { return nil }

// CallInternal checks the arguments and runs the method's behavior.
func (m *Method) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (v starlark.Value, err error) {
	defer func() { err = rest.Clean(err) }() // arguments in messages, such as URLs, may contain secrets
	bound, err := parseArgs(m.name, m.decl.Arguments(), m.decl.Verb&(spec.Update|spec.Replace) != 0, args, kwargs)
	if err != nil {
		return nil, err
	}
	here := *m // project= applies to this call only
	b := builtin.Of(thread)
	c := &invocation{Method: &here, thread: thread, ctx: b.Context, args: bound}
	if bound.has("timeout") {
		c.ctx = rest.WithAnswerLimit(c.ctx, rest.Longer(bound.duration("timeout"), answerTimeout))
	}
	if err := c.permit(); err != nil {
		return nil, err
	}
	if !m.decl.Offline {
		client, project, err := m.ref.client.conn.client(c.ctx)
		if err != nil {
			return nil, err
		}
		if err := c.permitOn(client); err != nil {
			return nil, err
		}
		if c.ref.project == "" && (m.ref.res == nil || m.ref.res.Scope != spec.OfServer) {
			c.ref.project = project
		}
	}
	if name := bound.string("project"); name != "" && !m.decl.Offline {
		c.ref.project = name
	}
	if name := bound.query.Get("target"); name != "" {
		c.ref.target = name
	}
	if c.decl.Effect == spec.Creates && c.decl.Does != spec.DoLock {
		call := new(rest.Call)
		c.ctx = call.Track(c.ctx)
		defer func() {
			if err != nil && c.ctx.Err() != nil {
				call.Stopped(c.ctx)
			}
		}()
	}
	before := *b.Changes
	if err = c.requireAll(); err == nil {
		v, err = behaviors[m.decl.Does](c)
	}
	return v, c.advised(c.identified(c.judge(before, err)))
}

// answerTimeout is the time after timeout= within which a server must have answered each request of the call. A busy server that
// is about to begin the change isn't abandoned for a short wait.
var answerTimeout = 10 * time.Second

// methods returns declarations by name.
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

// An invocation is one call of a method, with its parsed arguments.
type invocation struct {
	*Method
	thread *starlark.Thread
	ctx    context.Context
	args   *arguments

	due      dueChanges
	made     *Object // what its first change made, or changed; nil for none yet
	halfMade bool    // it may have left an object without all of its content, see removeRemains
}

// dueChanges are those that a call may still have to make after its first: it isn't done before. State is
// the start or the deletion of an instance.
type dueChanges struct{ fields, aliases, state bool }

// requireAll returns an error if the server lacks an API extension that the resource, the method or an argument
// requires.
func (c *invocation) requireAll() error {
	if c.ref.res != nil {
		if err := c.require(need{"", c.ref.res.Extension}); err != nil {
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

func (c *invocation) require(n need) error {
	if n.extension == "" {
		return nil
	}
	ok, err := c.ref.client.hasExtension(c.ctx, n.extension)
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

// body returns the fields for the request's body: the method's constant ones, and the given ones.
func (c *invocation) body() map[string]any {
	body := make(map[string]any, len(c.args.body)+len(c.decl.Send))
	maps.Copy(body, c.decl.Send)
	maps.Copy(body, c.args.body)
	return body
}

// request returns the method's declared request for p, with the given body if it has one.
func (c *invocation) request(p ref, httpMethod string, body map[string]any) rest.Request {
	query := p.query(c.decl.Verb)
	if c.decl.Target && p.target != "" {
		query.Set("target", p.target)
	}
	maps.Copy(query, c.args.query)
	r := rest.Request{Method: httpMethod, Path: p.join(c.decl.Path).path, Query: query, Header: c.args.header, Steps: c.decl.Steps}
	switch raw, isRaw := c.args.whole.([]byte); {
	case isRaw:
		r.Body = raw
		r.Header.Set("Content-Type", "application/octet-stream")
	case c.args.whole != nil:
		r.Body = c.args.whole
	case httpMethod == "GET" || httpMethod == "DELETE":
	case c.decl.WrapIn != "":
		r.Body = map[string]any{c.decl.WrapIn: body}
	default:
		r.Body = body
	}
	return r
}

// send sends the method's declared request, and waits for its operation.
func (c *invocation) send(body map[string]any) (outcome, error) {
	return c.ref.submit(c.ctx, c.request(c.ref, c.decl.HTTP, body), c.patience())
}

// patience returns the patience given by wait= and timeout=.
func (c *invocation) patience() patience {
	w := patience{away: !c.args.flag("wait", true)}
	if c.args.has("timeout") {
		w.bounded, w.limit = true, c.args.duration("timeout")
	}
	return w
}
