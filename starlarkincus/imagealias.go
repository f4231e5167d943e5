package starlarkincus

import (
	"context"
	"fmt"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// An aliasing is the assignment of aliases to a new image.
type aliasing struct {
	*invocation
	at    ref // images.aliases of the image's server
	reuse bool
	all   []map[string]any
	taken map[string]string // fingerprints of the images that have one of them, by alias
}

// aliasing returns one without aliases, for an image of the collection.
func (c *invocation) aliasing(images ref) *aliasing {
	return &aliasing{invocation: c, reuse: c.args.flag("reuse", false), taken: make(map[string]string),
		at: ref{client: images.client, res: spec.Images.Children[0], path: spec.Images.Aliases, project: images.project}}
}

// aliases returns the assignment of the arguments alias and aliases to an image of the collection.
func (c *invocation) aliases(images ref) (*aliasing, error) {
	a := c.aliasing(images)
	given, _ := c.args.local["aliases"].([]any)
	if alias := c.args.string("alias"); alias != "" {
		given = append([]any{map[string]any{"name": alias}}, given...)
	}
	return a, a.take(given)
}

// take adds aliases.
func (a *aliasing) take(given []any) error {
	for _, v := range given {
		alias := mapOf(v)
		if name, _ := alias["name"].(string); name == "" {
			return fmt.Errorf("%s: aliases: one has no name", a.name)
		}
		a.all = append(a.all, alias)
	}
	return nil
}

// look finds the images that have the aliases now, and fails if there are any that may not be taken over.
func (a *aliasing) look() error {
	for _, alias := range a.all {
		name := alias["name"].(string)
		var entry struct {
			Target string `json:"target"`
		}
		on := a.at.item(name)
		switch err := on.readInto(a.ctx, on.query(spec.Get), &entry); {
		case errors.Is(err, errors.NotFound):
		case err != nil:
			return err
		case !a.reuse:
			e := errors.New(errors.AlreadyExists, "the alias %s exists, and is that of the image %s", name, entry.Target)
			e.Object, e.Outcome = &errors.Object{Kind: "image alias", Name: name}, errors.NotSent
			return e
		default:
			a.taken[name] = entry.Target
		}
	}
	return nil
}

// give assigns the aliases to the image, and reads it again.
func (a *aliasing) give(o *Object) error {
	if len(a.all) == 0 {
		return nil
	}
	image := o.key()
	a.due.aliases = true
	for _, alias := range a.all {
		name := alias["name"].(string)
		body := map[string]any{"target": image}
		if text, given := alias["description"]; given {
			body["description"] = text
		}
		on, old := a.at.item(name), a.taken[name]
		switch {
		case old == image:
		case old != "":
			if err := a.takeOver(on, old, body); err != nil {
				return err
			}
		default:
			body["name"] = name
			if _, err := a.at.create(a.ctx, body, patience{}); err != nil {
				return err
			}
		}
	}
	a.due.aliases = false
	return o.read(a.ctx)
}

// takeOver changes the alias of an old image, and deletes that if it has no other. One that may be left is named in the
// error, or in the report of a stopped script.
func (a *aliasing) takeOver(alias ref, fingerprint string, body map[string]any) error {
	part := new(rest.Part)
	ctx := part.Track(a.ctx)
	old := ref{client: a.at.client, res: spec.Images, path: spec.Images.Path, project: a.at.project}.item(fingerprint)
	release := builtin.Of(a.thread).Keep(func(ctx context.Context) {
		if part.Begun() {
			part.Settle(ctx)
			old.reportUnnamed(ctx, fingerprint)
		}
	})
	_, err := alias.change(ctx, body, "", patience{})
	taken := err == nil
	if taken {
		err = dispose(ctx, old)
	}
	if e := (*errors.Error)(nil); errors.As(err, &e) && (taken || e.Outcome == errors.Unknown) {
		was := "was"
		if !taken {
			was = "may have been"
		}
		e.Message += fmt.Sprintf("; the image %s, whose alias %s taken over, may be left without an alias", fingerprint, was)
	}
	if a.ctx.Err() == nil {
		release()
	}
	return err
}

// unnamed reports whether an image has no aliases.
func (r ref) unnamed(ctx context.Context) (bool, error) {
	var image struct {
		Aliases []any `json:"aliases"`
	}
	err := r.readInto(ctx, r.query(spec.Get), &image)
	return len(image.Aliases) == 0, err
}

// reportUnnamed makes the report of a stopped script name an image without aliases.
func (r ref) reportUnnamed(ctx context.Context, fingerprint string) {
	switch unnamed, err := r.unnamed(ctx); {
	case errors.Is(err, errors.NotFound):
	case err != nil:
		r.leave(ctx, fmt.Sprintf("the image %s may have no alias any more", fingerprint))
	case unnamed:
		r.leave(ctx, fmt.Sprintf("the image %s has no alias any more", fingerprint))
	}
}

// dispose deletes an image that has no aliases.
func dispose(ctx context.Context, old ref) error {
	unnamed, err := old.unnamed(ctx)
	if err == nil && unnamed {
		_, err = old.remove(ctx, patience{})
	}
	if errors.Is(err, errors.NotFound) {
		return nil
	}
	return err
}
