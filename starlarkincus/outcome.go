package starlarkincus

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/streams"

	"go.starlark.net/starlark"
)

// took counts a request that may have changed something.
func took(b *builtin.Binding, r rest.Request, reply *rest.Reply, err error) {
	if !rest.Changes(r.Method) {
		return
	}
	switch {
	case err == nil && reply.Operation == nil:
		b.Sent++
		b.Done++
	case err == nil, rest.Unanswered(err):
		b.Sent++
	}
}

// identified returns an error of the call, with the server if it is about one, and the object whose method failed. An error of a
// function that the call called stays as it is.
func (c *invocation) identified(err error) error {
	var e *errors.Error
	if !errors.As(err, &e) || errors.As(err, new(*starlark.EvalError)) || !e.Class.IsA(errors.Incus) || e.Class.IsA(errors.Config) {
		return err
	}
	if client := c.ref.client.conn.connected(); client != nil {
		client.Identify(e)
	}
	if owner := errors.About(&errors.Request{Path: c.ref.path}); owner != nil && (e.Object == nil || *e.Object != *owner) {
		e.Owner = owner
	}
	return err
}

// effect returns the effect of this call.
func (c *invocation) effect() spec.Effect {
	if c.decl.Effect == spec.AsAsked && !rest.Changes(strings.ToUpper(c.args.string("method"))) {
		return spec.Reads
	}
	return c.decl.Effect
}

// onlyReads reports whether the client was made to change nothing.
func (c *invocation) onlyReads() bool { return c.ref.client.conn.family.options.ReadOnly }

// permit returns an error if the client only reads and the call may change something. A call of ensure may find nothing to
// change.
func (c *invocation) permit() error {
	if !c.onlyReads() {
		return nil
	}
	if effect := c.effect(); effect != spec.Reads && c.decl.Does != spec.DoEnsure {
		return c.unsent("%s %s", c.name, effect)
	}
	if arg := c.doesMore(); arg != "" {
		return c.unsent("%s with %s= does more than read", c.name, arg)
	}
	if c.decl.WritesFiles {
		i := slices.IndexFunc(c.decl.Args, func(f spec.Field) bool { return f.Type == spec.LocalPath })
		return builtin.ReadOnlyFile(c.name, c.args.string(c.decl.Args[i].Name), "written")
	}
	return nil
}

// unsent returns the error of a change that this client doesn't make.
func (c *invocation) unsent(format string, args ...any) *errors.Error {
	e := errors.New(errors.Permission, format+"; nothing was sent, because this client only reads", args...)
	e.Outcome = errors.NotSent
	return e
}

// permitOn returns an error if the server is an image server and the call changes something there.
func (c *invocation) permitOn(client *rest.Client) error {
	server := imageServer(client)
	if effect := c.effect(); server != nil && effect != spec.Reads && c.decl.Does != spec.DoCopyImage {
		e := errors.New(errors.Permission, "%s %s; nothing was sent, because the remote %q is an image server (simplestreams), whose images can only be read", c.name, effect, server.Name)
		e.Outcome = errors.NotSent
		return e
	}
	return nil
}

// imageServer returns the simplestreams server of the client; nil for a server of Incus.
func imageServer(client *rest.Client) *streams.Server {
	server, _ := client.Backend().(*streams.Server)
	return server
}

// doesMore returns the argument by which a method that otherwise only reads sends another request; empty for none.
func (c *invocation) doesMore() string {
	for _, request := range c.decl.Requests {
		if c.effect() != spec.Reads || !rest.Changes(request.HTTP) {
			continue
		}
		for _, name := range request.With {
			if c.args.flag(name, false) {
				return name
			}
		}
	}
	return ""
}

// judge sets Reads of a failure, and its outcome if the failed request itself changes nothing. A change that was refused
// by its operation no longer counts as accepted. Before is the count of changes at the beginning of the call.
func (c *invocation) judge(before builtin.Changes, err error) error {
	var e *errors.Error
	if !errors.As(err, &e) || e.Class.IsA(errors.Script) {
		return err
	}
	e.Reads = c.effect() == spec.Reads || c.args.flag("reads", false)
	defer func() {
		if c.made != nil && e.Outcome == errors.Unknown {
			c.made.there(e)
		}
	}()
	now := builtin.Of(c.thread)
	if c.decl.Does == spec.DoEnsure && !c.halfMade {
		e.Again = true
		defer func() { now.Sent, now.Done = before.Sent, before.Done }()
	}
	partly := c.due != dueChanges{}
	if e.Outcome != "" {
		undone := e.Outcome == errors.Refused || e.Outcome == errors.NotSent
		if undone && partly && now.Done > before.Done {
			e.Outcome = errors.Unknown // the earlier changes are made
		}
		switch {
		case !undone || e.OperationID == "":
		case now.Sent > before.Sent:
			now.Refused()
		case c.decl.Does != spec.DoWait && c.decl.Does != spec.DoWaitCommand:
		case c.obj.begun != nil: // with wait=False
			c.obj.begun.Refused()
			c.obj.begun = nil
		}
		return err
	}
	switch {
	case !partly && now.Done > before.Done && now.Done-before.Done == now.Sent-before.Sent:
		e.Outcome = errors.Done
	case now.Sent > before.Sent:
		e.Outcome = errors.Unknown
	case !e.Reads && c.decl.Effect != spec.AsAsked:
		e.Outcome = errors.NotSent
	}
	return err
}

// madeAnything returns the failure of an operation that creates an object, with its outcome. A failed start leaves the
// object behind, and after other failures the server may have undone everything, so the object is looked up.
func (r ref) madeAnything(ctx context.Context, name string, body map[string]any, err error) error {
	var e *errors.Error
	if !errors.As(err, &e) || e.Class.IsA(errors.AlreadyExists) {
		return err
	}
	if body["start"] == true {
		e.Outcome = errors.Unknown
	}
	if e.Outcome != errors.Unknown || !e.Class.IsA(errors.Operation) || e.Class.IsA(errors.OperationTimeout) || r.res.Named == spec.ByServer {
		return err
	}
	o := newObject(r.item(name))
	switch found := o.read(ctx); {
	case errors.Is(found, errors.NotFound):
		e.Outcome = errors.Refused
	case found == nil:
		o.there(e)
	}
	return err
}

// text returns the kind and the name of the object of the ref: "instance web".
func (r ref) text() string {
	_, name := splitLast(r.path)
	return r.name + " " + unescape(name)
}

// there makes the hint of a failure say that the object is there.
func (o *Object) there(e *errors.Error) {
	if e.Object == nil {
		e.Object = errors.About(&errors.Request{Path: o.ref.path})
	}
	e.Hint = strings.TrimSuffix(fmt.Sprintf("the %s is there; %s", o.ref.text(), e.Hint), "; ")
}
