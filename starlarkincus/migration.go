package starlarkincus

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// The values of the argument mode: how the data get from one server to the other.
const (
	modePull  = "pull"  // the target connects to the source
	modePush  = "push"  // the source connects to the target
	modeRelay = "relay" // both connect to this client
)

// A migration is a copy of an object to another server.
type migration struct {
	object  *Object
	in      ref    // collection of the copy
	name    string // of the copy
	mode    string
	body    map[string]any // fields of the copy
	options map[string]any // further arguments of the call
	needs   []need
	w       patience

	refusals []*errors.Error // reasons why the copy can't be made

	here, there serverInfo
	servers     rest.Migration
	reply       *rest.Reply // of the creation
}

// A serverInfo holds the fields of a server that another server needs to connect to it.
type serverInfo struct {
	Extensions  []string `json:"api_extensions"`
	Environment struct {
		Addresses   []string `json:"addresses"`
		Certificate string   `json:"certificate"`
		Fingerprint string   `json:"certificate_fingerprint"`
		Clustered   bool     `json:"server_clustered"`
		Name        string   `json:"server_name"`
	} `json:"environment"`
}

// migration prepares a copy to the server of in. Refusals are reasons why it can't be made.
func (c *invocation) migration(in ref, name string, body, options map[string]any, refusals []*errors.Error) (*migration, error) {
	if options["live"] == true && c.obj.string("status") != "Running" {
		options = maps.Clone(options)
		delete(options, "live") // servers would wait for a running state
	}
	t := &migration{object: c.obj, in: in, name: name, mode: cmp.Or(c.args.string("mode"), modePull), body: body, options: options, needs: c.args.needs, w: c.patience(), refusals: refusals}
	if t.mode == modeRelay && t.w.away {
		return nil, fmt.Errorf("%s: wait=False doesn't go with mode=%q, in which the data go through this client", c.name, modeRelay)
	}
	if parent := c.obj.ref.parent().parent(); c.obj.ref.res.Source == spec.WithParent { // a snapshot doesn't tell the type of its instance
		var instance struct{ Type string }
		if err := parent.readInto(c.ctx, parent.query(spec.Get), &instance); err != nil {
			return nil, err
		}
		body["type"] = instance.Type
	}
	return t, t.check(c)
}

// checkMode returns an error if mode= has an unknown value, or no effect.
func (c *invocation) checkMode(to *Client) error {
	switch mode := c.args.string("mode"); {
	case mode == "":
	case to == nil:
		return fmt.Errorf("%s: mode= has an effect only with to=, the client of another server", c.name)
	}
	return nil
}

// otherServer returns the client given by to= if its server is another one than the object's; nil otherwise.
func (c *invocation) otherServer() (*Client, error) {
	to := c.args.client("to")
	if to != nil && to.conn == c.ref.client.conn {
		to = nil
	}
	return to, c.checkMode(to)
}

// listOf returns a list of strings from decoded JSON or an encoded argument.
func listOf(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// run makes the copy. With wait=False it returns the operation of the target.
func (t *migration) run(ctx context.Context) (*Object, error) {
	m := &t.servers
	var going *Object
	var err error
	switch t.mode {
	case modePush:
		if err = t.receive(ctx, m, map[string]any{"mode": modePush}); err == nil {
			going, err = t.each(ctx, m, t.there.Environment.Addresses, func(operations string) error {
				return t.offer(ctx, m, map[string]any{"operation": operations + m.Target.ID(), "certificate": t.there.Environment.Certificate, "secrets": m.TargetSecrets})
			})
		}
	case modePull:
		if err = t.offer(ctx, m, nil); err == nil {
			going, err = t.each(ctx, m, t.here.Environment.Addresses, func(operations string) error {
				return t.receive(ctx, m, map[string]any{"mode": modePull, "operation": operations + m.Source.ID(), "certificate": t.here.Environment.Certificate, "secrets": m.SourceSecrets})
			})
		}
	case modeRelay:
		if err = t.offer(ctx, m, nil); err == nil {
			if err = t.receive(ctx, m, map[string]any{"mode": modePush}); err == nil {
				_, err = t.wait(ctx, m)
			}
		}
	}
	if err != nil {
		builtin.In(ctx).Block(func() { err = m.End(ctx, err) })
		t.unended(ctx, err)
		if m.Target == nil || t.body["start"] == true && m.Sent() {
			return nil, t.stopped(ctx, t.unanswered(m, t.in.madeAnything(ctx, t.name, t.body, err)))
		}
		return nil, t.stopped(ctx, t.undo(ctx, err))
	}
	return going, nil
}

// each starts the second operation with one address of the first server after another, until one can be reached.
func (t *migration) each(ctx context.Context, m *rest.Migration, addresses []string, begin func(operations string) error) (going *Object, err error) {
	for _, address := range addresses {
		if err = begin("https://" + address + "/1.0/operations/"); err != nil {
			return nil, err
		}
		if going, err = t.wait(ctx, m); err == nil || !unreachable(err) {
			return going, err
		}
	}
	return nil, err
}

// unreachable reports whether an operation failed because its server couldn't connect to the other one.
func unreachable(err error) bool {
	var e *errors.Error
	return errors.As(err, &e) && e.Class.IsA(errors.Operation) && strings.Contains(e.Message, "Failed waiting for migration")
}

// offer starts the source's operation. Target describes the operation to connect to; nil if the source waits for
// connections.
func (t *migration) offer(ctx context.Context, m *rest.Migration, target map[string]any) error {
	o := t.object
	body := map[string]any{"migration": true}
	if target != nil {
		body["target"] = target
	}
	if o.ref.res.Source == spec.PoolAndName {
		body["name"], body["pool"] = o.key(), poolOf(o.ref.path)
	}
	for _, name := range []string{"live", "instance_only", "volume_only", "allow_inconsistent"} {
		if t.options[name] != nil {
			body[name] = t.options[name]
		}
	}
	reply, err := o.ref.client.send(ctx, rest.Request{Method: "POST", Path: o.ref.path, Query: o.ref.query(spec.Rename), Body: body})
	if err != nil {
		return err
	}
	if m.Source = reply.Operation; m.Source == nil {
		return unreadable("POST", o.ref.path, reply, fmt.Errorf("got no operation"))
	}
	if target == nil {
		m.SourceSecrets = reply.Websockets()
	}
	return nil
}

// receive starts the target's operation, which creates the copy.
func (t *migration) receive(ctx context.Context, m *rest.Migration, source map[string]any) error {
	source["type"] = "migration"
	for _, f := range spec.Find(t.in.res.Fields, "source").Fields {
		if v := t.options[f.Name]; v != nil && source[f.Name] == nil {
			source[f.Name] = v
		}
	}
	if t.in.res.Source == spec.PoolAndName {
		source["name"], source["pool"] = t.object.key(), poolOf(t.object.ref.path)
	} else if base := mapOf(t.body["config"])["volatile.base_image"]; base != nil {
		source["base-image"] = base
	}
	body := maps.Clone(t.body)
	body[t.in.res.Key], body["source"] = t.name, source
	client, _, err := t.in.client.conn.client(ctx)
	if err != nil {
		return err
	}
	made := t.in.item(t.name)
	m.Copy = rest.Copy{Client: client, Read: rest.Request{Path: made.path, Query: made.query(spec.Get)}, Name: t.name, Refresh: t.options["refresh"] == true}
	reply, err := t.in.client.send(ctx, rest.Request{Method: "POST", Path: t.in.path, Query: t.in.query(spec.New), Body: body, Migration: m})
	if err != nil {
		return err
	}
	t.reply = reply
	if m.Target = reply.Operation; m.Target == nil {
		return unreadable("POST", t.in.path, reply, fmt.Errorf("got no operation"))
	}
	if source["mode"] == modePush {
		m.TargetSecrets = reply.Websockets()
	}
	return nil
}

// wait waits for both operations. With wait=False it returns that of the target.
func (t *migration) wait(ctx context.Context, m *rest.Migration) (*Object, error) {
	if t.w.away {
		m.Source.Watch()
		m.Target.Detach()
		return t.in.client.operation(ctx, t.reply)
	}
	var err error
	b := builtin.In(ctx)
	b.Block(func() { _, err = m.Wait(ctx, t.w.bound()) })
	if err == nil {
		b.Done += 2
	}
	return nil, err
}

// snapshotsMissing returns the names of the original's snapshots that the copy lacks.
func (t *migration) snapshotsMissing(ctx context.Context) ([]string, error) {
	var names [2][]string
	for i, p := range []ref{t.object.ref, t.in.item(t.name)} {
		var err error
		if names[i], err = p.join("snapshots").keys(ctx); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(names[0], func(name string) bool { return slices.Contains(names[1], name) }), nil
}

// copyTo copies an object to another server.
func (c *invocation) copyTo(in ref, name string, body map[string]any) (starlark.Value, error) {
	was := *c.obj
	t, err := c.migration(in, name, body, c.args.local, nil)
	if err != nil {
		return nil, err
	}
	if going, err := t.run(c.ctx); going != nil || err != nil {
		return going, err
	}
	o := newObject(t.in.item(name))
	c.made = o
	if err := o.read(c.ctx); err != nil {
		return nil, t.stopped(c.ctx, err)
	}
	if err := o.complete(c, c.args.body, body); err != nil {
		return nil, t.stopped(c.ctx, err)
	}
	if state, err := c.lookAgain(c.ctx, was, sameOne); err != nil {
		return nil, t.stopped(c.ctx, c.halfMoved(err, o.ref, state))
	}
	return o, nil
}
