package starlarkincus

import (
	"context"
	"fmt"
	"slices"

	"incus-star/errors"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// imageSource returns the source for an image, named as for the incus command.
func (r ref) imageSource(ctx context.Context, name string) (map[string]any, error) {
	config, err := r.client.conn.family.remotes(ctx)
	if err != nil {
		return nil, err
	}
	target, image, err := config.Image(ctx, name)
	if err != nil {
		return nil, err
	}
	source := map[string]any{"type": "image"}
	if target == nil || target.Socket != "" {
		// A name that looks like a fingerprint may be an alias, so ask the server.
		source["alias"] = image
		if isHex(image) {
			alias := ref{client: r.client, path: spec.Images.Aliases, project: r.project}.item(image)
			if _, _, err := alias.read(ctx, alias.query(0), 0); errors.Is(err, errors.NotFound) {
				delete(source, "alias")
				source["fingerprint"] = image
			} else if err != nil {
				return nil, err
			}
		}
		return source, nil
	}
	source["mode"], source["protocol"], source["server"] = "pull", target.Protocol, target.Endpoints[0]
	if certificate := certificateText(target.ServerCertificate); certificate != "" {
		source["certificate"] = certificate
	}
	if target.Protocol == remote.Incus && isHex(image) && len(image) >= 12 {
		source["fingerprint"] = image
	} else {
		source["alias"] = image
	}
	return source, nil
}

// rebuild resets an instance to an image, or empties it.
func rebuild(c *invocation) (starlark.Value, error) {
	body := c.body()
	switch {
	case c.args.has("image") && body["source"] != nil:
		return nil, fmt.Errorf("%s: image= and source= exclude each other", c.name)
	case c.args.has("image"):
		source, err := c.ref.imageSource(c.ctx, c.args.string("image"))
		if err != nil {
			return nil, err
		}
		body["source"] = source
	case body["source"] == nil:
		body["source"] = map[string]any{"type": "none"}
	}
	return c.act(body)
}

// publish creates an image from an instance or a snapshot, and returns it.
func publish(c *invocation) (starlark.Value, error) {
	body := c.body()
	body["source"] = map[string]any{"type": c.ref.res.Singular(), "name": c.obj.sourceName()}
	if alias := c.args.string("alias"); alias != "" {
		given, _ := body["aliases"].([]any)
		body["aliases"] = append(slices.Clip(given), map[string]any{"name": alias})
	}
	images := c.ref.join(c.decl.Path)
	images.res = c.decl.Returns.Of
	aliases := c.aliasing(images)
	if aliases.reuse {
		if !c.args.flag("wait", true) {
			return nil, fmt.Errorf("%s: wait=False doesn't go with reuse=True: the aliases are given to the image when it is made", c.name)
		}
		given, _ := body["aliases"].([]any)
		delete(body, "aliases")
		if err := aliases.take(given); err != nil {
			return nil, err
		}
		if err := aliases.look(); err != nil {
			return nil, err
		}
	}
	out, err := images.submit(c.ctx, c.request(images, "POST", body), c.patience())
	if out.going != nil || err != nil {
		return out.going, err
	}
	fingerprint := chosenKey(images.res, images, out.reply, out.state)
	if fingerprint == "" {
		return nil, &errors.Error{Class: errors.Operation, Message: "the server doesn't say which image it made", Method: "POST", Path: images.path}
	}
	o := newObject(images.item(fingerprint))
	if err := o.read(c.ctx); err != nil {
		return nil, err
	}
	if _, err = o.conform(c.ctx, c.name, body, c.patience()); err != nil { // servers ignore profiles in the request
		return nil, err
	}
	return o, aliases.give(o)
}
