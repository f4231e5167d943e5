package starlarkincus

import (
	"fmt"
	"maps"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// moveTo moves an object to another server: it copies the object there, reads the copy, and deletes the original.
func (c *invocation) moveTo(to *Client, name string) (starlark.Value, error) {
	o := c.obj
	if !c.args.flag("wait", true) {
		return nil, fmt.Errorf("%s: wait=False doesn't go with to=: the original is deleted after the copy has arrived, so somebody must wait for it", c.name)
	}
	if err := o.read(c.ctx); err != nil {
		return nil, err
	}
	was := *o
	_, project, err := to.conn.client(c.ctx)
	if err != nil {
		return nil, err
	}
	in := o.ref.parent()
	in.client, in.project, in.target = to, project, to.target
	if to.project != "" {
		in.project = to.project
	}
	if target := c.args.query.Get("target"); target != "" {
		in.target = target
	}
	given, options := maps.Clone(c.args.body), make(map[string]any)
	for _, name := range []string{"instance_only", "volume_only", "live", "allow_inconsistent", "refresh", "project", "pool"} {
		if v, has := given[name]; has {
			options[name] = v
			delete(given, name)
		}
	}
	if options["refresh"] == true {
		return nil, fmt.Errorf("%s: refresh= doesn't go with to=", c.name)
	}
	if project, ok := options["project"].(string); ok {
		in.project = project
	}
	if given, err = o.withInherited(c.ctx, in, given); err != nil {
		return nil, err
	}
	body, err := o.likeOriginal(o.ref.res, given, func(key string) bool { return key != "volatile.last_state.power" })
	if err != nil {
		return nil, err
	}
	var refusals []*errors.Error
	if pool, ok := options["pool"].(string); ok && in.res.Source == spec.PoolAndName {
		in.path = withPool(in.path, pool)
	} else if ok {
		// Servers put the copy into another pool if they lack this one.
		err := to.collection(spec.StoragePools).item(pool).readInto(c.ctx, nil, new(any))
		if e := (*errors.Error)(nil); errors.Is(err, errors.NotFound) && errors.As(err, &e) {
			refusals = append(refusals, e)
		} else if err != nil {
			return nil, err
		}
		setRootPool(mapOf(body["devices"]), pool)
	}
	delete(options, "project")
	delete(options, "pool")
	protected, err := c.protected()
	if err != nil {
		return nil, err
	}
	t, err := c.migration(in, name, body, options, append(refusals, protected...))
	if err != nil {
		return nil, err
	}
	// Last, and alone an IncusStateError, so that nobody stops an instance for a move that fails.
	if err := c.movable(options["live"] == true); err != nil {
		return nil, err
	}
	if _, err := t.run(c.ctx); err != nil {
		return nil, err
	}
	alike := likeness(sameState)
	if t.options["live"] == true {
		alike = sameAfterLive
	}
	if options["instance_only"] != true && options["volume_only"] != true {
		missing, err := t.snapshotsMissing(c.ctx)
		if err == nil && len(missing) > 0 {
			err = errors.New(errors.Operation, "the copy lacks the snapshots %s", strings.Join(missing, ", "))
		}
		if err != nil {
			state, changed := c.lookAgain(c.ctx, was, alike)
			if changed != nil {
				err = changed
			}
			return nil, t.stopped(c.ctx, c.halfMoved(err, t.in.item(name), state))
		}
	}
	moved, err := c.deleteOriginal(was, t.in.item(name), alike)
	if err != nil {
		return nil, t.stopped(c.ctx, err)
	}
	*o = *moved
	return o, nil
}

// movable returns an error if the original is in use, and would change during a move to another server.
func (c *invocation) movable(live bool) error {
	o := c.obj
	e := errors.New(errors.State, "")
	e.Method, e.Path = "POST", o.ref.path
	if o.ref.res.Source == spec.PoolAndName {
		if user := o.user(); user != nil {
			e.Message = fmt.Sprintf("%s is used by %s, which can't use it on another server: detach it first", o, user)
			return e
		}
	} else if status := o.string("status"); status != "Stopped" && !live {
		e.Message = fmt.Sprintf("%s is %s: stop it first, or move it with live=True", o, strings.ToLower(status))
		return e
	}
	return nil
}

// protected returns an error if the original couldn't be deleted after a move to another server.
func (c *invocation) protected() ([]*errors.Error, error) {
	v, _, _ := c.obj.fields.Get(starlark.String("expanded_config"))
	if v == nil || c.obj.ref.res.Source == spec.PoolAndName {
		return nil, nil
	}
	config, err := value.ToGo(v)
	if err != nil || !isProtected(mapOf(config)[deleteProtection]) {
		return nil, err
	}
	e := errors.New(errors.BadRequest, "%s can't be deleted here after its move, because %s is set", c.obj, deleteProtection)
	e.Method, e.Path = "POST", c.obj.ref.path
	return []*errors.Error{e}, nil
}

// setRootPool sets the pool of the root disk in an instance's own devices.
func setRootPool(devices map[string]any, pool string) {
	for name, v := range devices {
		if isRoot(v) {
			device := maps.Clone(mapOf(v))
			device["pool"] = pool
			devices[name] = device
			return
		}
	}
	devices["root"] = map[string]any{"type": "disk", "path": "/", "pool": pool}
}
