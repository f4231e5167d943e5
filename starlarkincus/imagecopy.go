package starlarkincus

import (
	"cmp"
	"fmt"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// copyImage implements image.copy.
func copyImage(c *invocation) (starlark.Value, error) {
	to := c.args.client("to")
	_, project, err := to.conn.client(c.ctx)
	if err != nil {
		return nil, err
	}
	images := to.collection(spec.Images)
	if images.project == "" {
		images.project = project
	}
	aliases, err := c.aliases(images)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]any)
	for _, name := range []string{"public", "profiles", "auto_update"} {
		if v := c.args.local[name]; v != nil {
			fields[name] = v
		}
	}
	send, mode := c.pullImage, c.args.string("mode")
	switch mode {
	case "", modePull:
	case modePush:
		send = c.pushImage
	case modeRelay:
		send = c.relayImage
	default:
		return nil, fmt.Errorf("%s: mode: %q is none of %s, %s and %s", c.name, mode, modePull, modePush, modeRelay)
	}
	if fields["auto_update"] == true && mode != "" && mode != modePull {
		return nil, fmt.Errorf("%s: auto_update=True doesn't go with mode=%q: only an image that the other server fetches has a source of updates", c.name, mode)
	}
	if err := aliases.look(); err != nil {
		return nil, err
	}
	o := newObject(images.item(c.obj.key()))
	switch err := o.read(c.ctx); {
	case err == nil: // it is there already; servers would fail to give it the aliases that it has
		if source, _, _ := o.Get(starlark.String("update_source")); fields["auto_update"] == true && (source == nil || source == starlark.None) {
			e := errors.New(errors.State, "the image is there already, without a source of updates: auto_update=True needs a new copy")
			e.Outcome = errors.NotSent
			return nil, e
		}
	case !errors.Is(err, errors.NotFound):
		return nil, err
	default:
		c.due = dueChanges{fields: len(fields) > 0, aliases: len(aliases.all) > 0}
		key, err := send(images, fields)
		if err != nil {
			return nil, err
		}
		o = newObject(images.item(cmp.Or(key, c.obj.key())))
		c.made = o
		if err := o.read(c.ctx); err != nil {
			return nil, err
		}
	}
	c.made = o
	if _, err := o.conform(c, fields, patience{}); err != nil {
		return nil, err
	}
	return o, aliases.give(o)
}
