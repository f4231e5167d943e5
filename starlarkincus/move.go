package starlarkincus

import (
	stderrors "errors"
	"fmt"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// move gives an object another place: another name, project, pool or cluster member. The object is then the moved one.
func move(c *call) (starlark.Value, error) {
	o, res, body, target := c.obj, c.on.res, c.args.body, c.args.query.Get("target")
	name := c.args.string("name")
	if name == "" {
		name = o.key()
	}
	if len(body) == 0 && target == "" && name == o.key() {
		return nil, fmt.Errorf("%s: nothing to change: say where it is to go", c.name)
	}
	if res.Segment != nil && target != "" {
		return c.moveToMember(name, target)
	}
	dropNulls(res, body)
	p := o.on
	p.path, _ = splitLast(p.path)
	if res.Segment != nil {
		body["name"] = name // servers want it and the pool even where they stay
		if body["project"] != nil && body["pool"] == nil {
			body["pool"] = poolOf(o.on.path)
		}
		if pool, _ := body["pool"].(string); pool != "" {
			p.path = withPool(p.path, pool)
		}
	} else {
		if len(body) > 0 || target != "" { // with a new name alone, the server would wait for another one to come
			body["migration"] = true
		}
		if name != o.key() {
			body[res.Key] = name
		}
	}
	query := o.on.query(spec.Rename)
	if target != "" {
		query.Set("target", target)
	}
	reply, err := c.do(rest.Request{Method: "POST", Path: o.on.path, Query: query, Body: body})
	if err != nil {
		return nil, err
	}
	if _, op, err := c.finish(reply); op != nil || err != nil {
		return op, err
	}
	if project, _ := body["project"].(string); project != "" {
		p.project = project
	}
	o.on = p.below(name)
	return o, o.read(c)
}

// moveToMember moves a volume to another member: it makes a copy there, then deletes the original. The server's own way
// of it loses the configuration and the description.
func (c *call) moveToMember(name, target string) (starlark.Value, error) {
	o, body := c.obj, c.args.body
	if !c.args.flag("wait", true) {
		return nil, fmt.Errorf("%s: wait=False doesn't go with target=: the original is deleted after the copy has arrived, so somebody must wait for it", c.name)
	}
	if err := o.read(c); err != nil {
		return nil, err
	}
	p := o.on
	p.path, _ = splitLast(p.path)
	p.target = target
	if pool, _ := body["pool"].(string); pool != "" {
		p.path = withPool(p.path, pool)
	}
	if project, _ := body["project"].(string); project != "" {
		p.project = project
	}
	refuse := func(class *errors.Class, format string, args ...any) error {
		e := errors.New(class, format, args...)
		e.Method, e.Path = "POST", o.on.path
		return e
	}
	switch from := o.member(); {
	case from == "":
		return nil, refuse(errors.BadRequest, "%s is on no cluster member of its own, so it can't move to %s", o, target)
	case from == target:
		return nil, refuse(errors.BadRequest, "%s is on %s already", o, target)
	}
	if users, _, _ := o.fields.Get(starlark.String("used_by")); users != nil {
		if list, ok := users.(*starlark.List); ok && list.Len() > 0 {
			return nil, refuse(errors.State, "%s is used by %s, which can't use it on another member: detach it first", o, list.Index(0))
		}
	}
	fields, err := c.likeOriginal(o.on.res, nil)
	if err != nil {
		return nil, err
	}
	reply, err := c.duplicate(p, name, fields, map[string]any{"volume_only": body["volume_only"]})
	if err != nil {
		return nil, err
	}
	if _, _, err := c.finish(reply); err != nil {
		return nil, err
	}
	moved := p.below(name)
	if err := c.deleteOriginal(moved); err != nil {
		return nil, err
	}
	o.on = moved
	return o, o.read(c)
}

// deleteOriginal deletes a volume that was copied to another member. Where the server refuses that, the copy goes
// instead.
func (c *call) deleteOriginal(moved place) error {
	remove := func(p place) error {
		reply, err := c.do(rest.Request{Method: "DELETE", Path: p.path, Query: p.query(spec.Delete)})
		if err == nil && reply.Operation != nil {
			_, err = c.wait(reply.Operation)
		}
		return err
	}
	err := remove(c.obj.on)
	if err == nil || stderrors.Is(err, errors.NotFound) {
		return nil
	}
	failed := (*errors.Error)(nil)
	if !stderrors.As(err, &failed) {
		return err
	}
	state := "whether its original is still there isn't known"
	if stderrors.Is(err, errors.API) {
		undone := remove(moved)
		if undone == nil || stderrors.Is(undone, errors.NotFound) {
			return err
		}
		state = "its original is still there"
	}
	return &errors.Error{Class: failed.Class, Status: failed.Status, Method: "DELETE", Path: c.obj.on.path, Cause: err,
		Message: fmt.Sprintf("%s was copied to %s; %s", c.obj, moved.target, state)}
}

// member returns the cluster member that the object stands on, where it stands on one.
func (o *Object) member() string {
	if location := o.string("location"); location != "none" {
		return location
	}
	return ""
}
