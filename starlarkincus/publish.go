package starlarkincus

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A publication is a call of publish.
type publication struct {
	*invocation
	images  ref
	aliases *aliasing
	body    map[string]any
}

// publish creates an image from an instance or a snapshot, and returns it.
func publish(c *invocation) (starlark.Value, error) {
	force, snapshot := c.args.flag("force", false), c.args.flag("snapshot", false)
	switch {
	case (force || snapshot) && !c.args.flag("wait", true):
		return nil, fmt.Errorf("%s: wait=False doesn't go with force=True or snapshot=True: they need the end of the operation", c.name)
	}
	p, err := c.publication()
	switch {
	case err != nil:
		return nil, err
	case force:
		return p.stopped()
	case snapshot:
		return p.ofSnapshot()
	}
	image, err := p.run(c.ref.res.Singular(), c.obj.sourceName())
	if e := new(errors.Error); c.obj.ref.res == spec.Instances && errors.As(err, &e) && strings.Contains(e.Message, "running instance") {
		e.Message += ": force=True stops it for that, and snapshot=True publishes a snapshot of it"
	}
	return image, err
}

// publication checks the arguments, and that the aliases may be given to the image.
func (c *invocation) publication() (*publication, error) {
	p := &publication{invocation: c, images: c.ref.join(c.decl.Path), body: c.body()}
	if alias := c.args.string("alias"); alias != "" {
		given, _ := p.body["aliases"].([]any)
		p.body["aliases"] = append(slices.Clip(given), map[string]any{"name": alias})
	}
	p.images.res = c.decl.Returns.Of
	p.aliases = c.aliasing(p.images)
	if !p.aliases.reuse { // the server gives the aliases, but only looks at them when the image is made
		asked := c.aliasing(p.images)
		given, _ := p.body["aliases"].([]any)
		if err := asked.take(given); err != nil {
			return nil, err
		}
		return p, asked.look()
	}
	if !c.args.flag("wait", true) {
		return nil, fmt.Errorf("%s: wait=False doesn't go with reuse=True: the aliases are given to the image when it is made", c.name)
	}
	given, _ := p.body["aliases"].([]any)
	delete(p.body, "aliases")
	if err := p.aliases.take(given); err != nil {
		return nil, err
	}
	return p, p.aliases.look()
}

// run creates the image from a source of a type.
func (p *publication) run(kind, name string) (starlark.Value, error) {
	p.body["source"] = map[string]any{"type": kind, "name": name}
	p.due = dueChanges{fields: len(p.body) > 1, aliases: len(p.aliases.all) > 0}
	out, err := p.images.submit(p.ctx, p.request(p.images, "POST", p.body), p.patience())
	if e := new(errors.Error); errors.Is(err, errors.AlreadyExists) && p.body["aliases"] != nil && errors.As(err, &e) {
		e.Outcome = errors.Unknown // somebody made the alias meanwhile, and the image may be there without one
	}
	if out.going != nil || err != nil {
		return out.going, err
	}
	fingerprint := chosenKey(p.images.res, p.images, out.reply, out.state)
	if fingerprint == "" {
		return nil, &errors.Error{Class: errors.Operation, Message: "the server doesn't say which image it made", Method: "POST", Path: p.images.path}
	}
	o := newObject(p.images.item(fingerprint))
	p.made = o
	if err := o.read(p.ctx); err != nil {
		return nil, err
	}
	if _, err = o.conform(p.invocation, p.body, p.patience()); err != nil { // servers ignore profiles in the request
		return nil, err
	}
	return o, p.aliases.give(o)
}

// stopped stops a running instance, publishes it, and starts it again, also if the image can't be made.
func (p *publication) stopped() (starlark.Value, error) {
	instance, source := p.ref, p.obj.sourceName()
	if err := p.obj.read(p.ctx); err != nil {
		return nil, err
	}
	refuse := func(why string) error {
		e := errors.New(errors.State, "%s: %s %s; snapshot=True publishes it as it is", p.name, p.subject(), why)
		e.Outcome = errors.NotSent
		return e
	}
	ephemeral, _, _ := p.obj.Get(starlark.String("ephemeral"))
	switch status := p.obj.string("status"); {
	case status == "Stopped":
		return p.run(p.ref.res.Singular(), source)
	case status != "Running":
		return nil, refuse("is " + strings.ToLower(status) + ", so it can't be stopped and started")
	case ephemeral == starlark.True:
		return nil, refuse("is ephemeral, so the server would delete it when it stops")
	}
	stop, publishing := new(rest.Part), new(rest.Part)
	advice := fmt.Sprintf("incus.instances.get(%q).start() starts it", p.obj.key())
	ctx := stop.Track(p.ctx)
	p.ctx = publishing.Track(p.ctx)
	release := builtin.Of(p.thread).Keep(func(ctx context.Context) {
		instance.startAgain(ctx, p.subject()+", which publish stopped, may not be running again: "+advice, stop, publishing)
	})
	_, err := instance.act(ctx, "PUT", "state", map[string]any{"action": "stop", "force": true, "timeout": -1}, p.patience().staying())
	unsure := isUnknown(err)
	image := starlark.Value(nil)
	if err == nil {
		image, err = p.run(p.ref.res.Singular(), source)
	}
	if p.ctx.Err() != nil {
		return nil, cause(p.ctx, err) // Keep starts it
	}
	failed := instance.runAgain(ctx, unsure)
	if p.ctx.Err() != nil {
		return nil, cause(p.ctx, failed)
	}
	release()
	err = p.withLeft(err, failed, p.subject()+", which publish stopped, may not be running: it can't be started again")
	if e := (*errors.Error)(nil); failed != nil && errors.As(err, &e) {
		e.Hint = strings.TrimSuffix(advice+"; "+e.Hint, "; ")
	}
	return image, err
}

// isUnknown reports whether a failed change may have been made.
func isUnknown(err error) bool {
	e := (*errors.Error)(nil)
	return errors.As(err, &e) && e.Outcome == errors.Unknown
}

// ofSnapshot publishes a new snapshot of the instance, which it deletes afterwards, also if the image can't be made.
func (p *publication) ofSnapshot() (starlark.Value, error) {
	name := "publish-" + strings.ToLower(rand.Text()[:16])
	snapshots := p.ref.sub(kindOf(p.ref.res).children["snapshots"])
	snapshot := snapshots.item(name)
	creation, publishing, what := new(rest.Part), new(rest.Part), "the snapshot "+name+" of "+p.subject()
	ctx := creation.Track(p.ctx)
	p.ctx = publishing.Track(p.ctx)
	release := builtin.Of(p.thread).Keep(func(ctx context.Context) { snapshot.discard(ctx, what, creation, publishing) })
	_, err := snapshots.create(ctx, map[string]any{"name": name, "expires_at": time.Now().Add(backupLife).UTC().Format(time.RFC3339)}, p.patience().staying())
	image := starlark.Value(nil)
	if err == nil {
		image, err = p.run("snapshot", p.obj.sourceName()+"/"+name)
	}
	if p.ctx.Err() != nil {
		return nil, cause(p.ctx, err) // Keep deletes the snapshot
	}
	unsure := creation.Unsure()
	if errors.Is(err, errors.OperationTimeout) { // the server may be creating it
		bounded, cancel := context.WithTimeout(p.ctx, answerTimeout)
		unsure = !creation.Settle(bounded) || unsure
		cancel()
	}
	left := snapshot.clear(ctx, unsure)
	if errors.Is(left, errors.NotFound) && !unsure {
		left = nil
	}
	if p.ctx.Err() != nil {
		return nil, cause(p.ctx, left)
	}
	release()
	return image, p.withLeft(err, left, "the snapshot "+name+" can't be deleted")
}

// cause returns the error of a call whose context has ended.
func cause(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return context.Cause(ctx)
}

// withLeft returns the error of the publication, which names the work left undone: err is that of the image, left that
// of the cleaning up.
func (p *publication) withLeft(err, left error, what string) error {
	var e, of *errors.Error
	switch {
	case left == nil || !errors.As(left, &of):
		if err == nil {
			err = left
		}
		return err
	case errors.As(err, &e):
		e.Message += "; and " + what + ": " + of.Message
		e.Outcome = errors.Unknown
		return err
	case err != nil:
		return err
	}
	return &errors.Error{Class: of.Class, Status: of.Status, Method: of.Method, Path: of.Path, Cause: left, Outcome: errors.Unknown, Object: of.Object,
		Message: "the image was made, but " + what + ": " + of.Message}
}
