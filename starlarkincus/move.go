package starlarkincus

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// move moves an object to another name, project, pool or cluster member, and updates its path.
func move(c *invocation) (starlark.Value, error) {
	o, given, target := c.obj, c.args.body, c.args.query.Get("target")
	name := c.args.string("name")
	if name == "" {
		name = o.key()
	}
	other, err := c.otherServer()
	switch {
	case err != nil:
		return nil, err
	case other != nil:
		return c.moveTo(other, name)
	case c.args.has("to"):
		return nil, fmt.Errorf("%s: to= is a client of the same server: project=, pool= and target= say where it is to go there", c.name)
	}
	if len(given) == 0 && target == "" && name == o.key() {
		return nil, fmt.Errorf("%s: nothing to change: say where it is to go", c.name)
	}
	var body map[string]any
	switch {
	case o.ref.res.Source != spec.PoolAndName:
		body, err = c.moveInstance(name, target)
	case target != "":
		return c.moveToMember(name, target)
	default:
		body, err = c.moveVolume(name)
	}
	if err != nil {
		return nil, err
	}
	query := o.ref.query(spec.Rename)
	if target != "" {
		query.Set("target", target)
	}
	c.due.fields = len(given) > 0
	out, err := o.ref.submit(c.ctx, rest.Request{Method: "POST", Path: o.ref.path, Query: query, Body: body}, c.patience())
	if out.going != nil || err != nil {
		return out.going, err
	}
	o.ref = c.moved().item(name)
	c.made = o
	if err := o.read(c.ctx); err != nil {
		return nil, err
	}
	return o, o.complete(c, given, body)
}

// moved returns the collection of the moved object.
func (c *invocation) moved() ref {
	p := c.obj.ref
	p = p.parent()
	if pool, _ := c.args.body["pool"].(string); pool != "" && p.res.Source == spec.PoolAndName {
		p.path = withPool(p.path, pool)
	}
	if project, _ := c.args.body["project"].(string); project != "" {
		p.project = project
	}
	return p
}

// moveInstance returns the body of the request for an instance.
func (c *invocation) moveInstance(name, target string) (map[string]any, error) {
	o, body := c.obj, maps.Clone(c.args.body)
	if len(body) > 0 && target == "" && body["pool"] == nil && body["project"] == nil {
		// The server would wait for another migration.
		return nil, fmt.Errorf("%s: %s goes with target=, project= or pool=; update changes one that stays", c.name, strings.Join(slices.Sorted(maps.Keys(body)), "=, ")+"=")
	}
	if body["config"] != nil || body["devices"] != nil {
		if err := o.read(c.ctx); err != nil {
			return nil, err
		}
		now, err := value.ToGo(o.fields)
		if err != nil {
			return nil, err
		}
		for _, f := range []*spec.Field{spec.Find(o.ref.res.Fields, "config"), spec.Find(o.ref.res.Fields, "devices")} {
			given, ok := body[f.Name].(map[string]any)
			if !ok {
				continue
			}
			own := mapOf(now)[f.Name]
			if f.Type == spec.Devices {
				if own, err = o.withProfiles(c.ctx, c.moved(), own, body); err != nil {
					return nil, err
				}
			}
			body[f.Name] = override(f.Type, mapOf(own), given)
		}
	}
	if len(body) > 0 || target != "" {
		body["migration"] = true
	}
	if name != o.key() {
		body[o.ref.res.Key] = name
	}
	return body, nil
}

// moveVolume returns the body of the request for a volume on the same member. Servers require its name and pool even if
// they stay.
func (c *invocation) moveVolume(name string) (map[string]any, error) {
	body := maps.Clone(c.args.body)
	if body["volume_only"] == true {
		return nil, fmt.Errorf("%s: volume_only=True goes with target=: on the same member the snapshots move along", c.name)
	}
	delete(body, "volume_only")
	body["name"] = name
	if body["project"] != nil && body["pool"] == nil {
		body["pool"] = poolOf(c.obj.ref.path)
	}
	return body, nil
}

// moveToMember moves a volume to another member by creating a copy there and deleting the original, because a move by
// the server loses the configuration and the description.
func (c *invocation) moveToMember(name, target string) (starlark.Value, error) {
	o, body := c.obj, c.args.body
	if !c.args.flag("wait", true) {
		return nil, fmt.Errorf("%s: wait=False doesn't go with target=: the original is deleted after the copy has arrived, so somebody must wait for it", c.name)
	}
	if err := o.read(c.ctx); err != nil {
		return nil, err
	}
	p := c.moved()
	p.target = target
	refuse := func(class *errors.Class, format string, args ...any) error {
		e := errors.New(class, format, args...)
		e.Method, e.Path = "POST", o.ref.path
		return e
	}
	switch from := o.member(); {
	case from == "":
		return nil, refuse(errors.BadRequest, "%s is on no cluster member of its own, so it can't move to %s", o, target)
	case from == target:
		return nil, refuse(errors.BadRequest, "%s is on %s already", o, target)
	}
	if user := o.user(); user != nil {
		return nil, refuse(errors.State, "%s is used by %s, which can't use it on another member: detach it first", o, user)
	}
	was := *o
	fields, err := o.likeOriginal(o.ref.res, nil, nil)
	if err != nil {
		return nil, err
	}
	if _, err := o.duplicate(c.ctx, p, name, fields, map[string]any{"volume_only": body["volume_only"]}, c.patience()); err != nil {
		return nil, err
	}
	there, err := c.deleteOriginal(was, p.item(name), sameState)
	if err != nil {
		return nil, err
	}
	*o = *there
	return o, nil
}

// user returns the first user of a volume; nil for none.
func (o *Object) user() starlark.Value {
	users, _, _ := o.fields.Get(starlark.String("used_by"))
	if list, ok := users.(*starlark.List); ok && list.Len() > 0 {
		return list.Index(0)
	}
	return nil
}

// deleteOriginal deletes the original of a moved object, if the copy is readable and the original is like before, and returns the copy. If the
// server refuses without having touched the original, it deletes the copy instead; if the original may be damaged, it keeps both.
func (c *invocation) deleteOriginal(was Object, moved ref, alike likeness) (*Object, error) {
	made := newObject(moved)
	if err := made.read(c.ctx); err != nil {
		return nil, c.halfMoved(err, moved, originalThere)
	}
	if state, err := c.lookAgain(c.ctx, was, alike); err != nil {
		return nil, c.halfMoved(err, moved, state)
	}
	_, err := was.ref.remove(c.ctx, c.patience())
	switch {
	case err == nil:
		return made, nil
	case errors.Is(err, errors.NotFound):
		return nil, c.halfMoved(err, moved, originalGone)
	case !errors.Is(err, errors.API), errors.Is(err, errors.Server):
		return nil, c.halfMoved(err, moved, originalUnknown)
	}
	if state, changed := c.lookAgain(c.ctx, was, sameOne); changed != nil {
		return nil, c.halfMoved(changed, moved, state)
	}
	if _, undone := moved.remove(c.ctx, c.patience()); undone != nil && !errors.Is(undone, errors.NotFound) {
		return nil, c.halfMoved(err, moved, originalThere)
	}
	return nil, err
}

// halfMoved returns the error for a move that left a copy, with the state of the original. The end of the script is
// returned unchanged.
func (c *invocation) halfMoved(err error, moved ref, state string) error {
	failed := (*errors.Error)(nil)
	if !errors.As(err, &failed) {
		return err
	}
	where := moved.target
	if moved.client.conn != c.obj.ref.client.conn {
		where = "the other server"
	}
	return &errors.Error{Class: failed.Class, Status: failed.Status, Method: failed.Method, Path: failed.Path, Cause: err, Outcome: errors.Unknown,
		Message: fmt.Sprintf("%s was copied to %s; %s", c.obj, where, state)}
}

// member returns the cluster member of the object; empty if it has none.
func (o *Object) member() string {
	if location := o.string("location"); location != "none" {
		return location
	}
	return ""
}
