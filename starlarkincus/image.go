package starlarkincus

import (
	"encoding/pem"
	stderrors "errors"
	"fmt"

	"incus-star/errors"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// imageSource is the source of an instance that is made from an image, named as the incus command takes it.
func (c *call) imageSource(ref string) (map[string]any, error) {
	config, err := c.on.client.conn.family.remotes(c.ctx)
	if err != nil {
		return nil, err
	}
	target, image, err := config.Image(c.ctx, ref)
	if err != nil {
		return nil, err
	}
	source := map[string]any{"type": "image"}
	if target == nil || target.Socket != "" {
		// An alias may look like a fingerprint, so the server is asked; anything else can only be an alias.
		source["alias"] = image
		if isHex(image) {
			alias := place{client: c.on.client, path: "/1.0/images/aliases", project: c.on.project}.below(image)
			if _, _, err := c.get(alias, alias.query(0), 0); stderrors.Is(err, errors.NotFound) {
				delete(source, "alias")
				source["fingerprint"] = image
			} else if err != nil {
				return nil, err
			}
		}
		return source, nil
	}
	source["mode"], source["protocol"], source["server"] = "pull", target.Protocol, target.Endpoints[0]
	if target.Protocol == remote.Incus && target.ServerCertificate != nil {
		source["certificate"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.ServerCertificate.Raw}))
	}
	if target.Protocol == remote.Incus && isHex(image) && len(image) >= 12 {
		source["fingerprint"] = image
	} else {
		source["alias"] = image
	}
	return source, nil
}

// rebuild empties an instance, or fills it with an image.
func rebuild(c *call) (starlark.Value, error) {
	switch {
	case c.args.has("image") && c.args.body["source"] != nil:
		return nil, fmt.Errorf("%s: image= and source= exclude each other", c.name)
	case c.args.has("image"):
		source, err := c.imageSource(c.args.string("image"))
		if err != nil {
			return nil, err
		}
		c.args.body["source"] = source
	case c.args.body["source"] == nil:
		c.args.body["source"] = map[string]any{"type": "none"}
	}
	return action(c)
}

// publish makes an image of an instance or of a snapshot, and returns the image.
func publish(c *call) (starlark.Value, error) {
	source := map[string]any{"type": c.on.res.Singular(), "name": c.obj.sourceName()}
	images := c.on
	images.res, images.path = spec.Images, spec.Images.Path
	c.args.body["source"] = source
	if alias := c.args.string("alias"); alias != "" {
		given, _ := c.args.body["aliases"].([]any)
		c.args.body["aliases"] = append(given, map[string]any{"name": alias})
	}
	reply, err := c.do(c.request(images, "POST"))
	if err != nil {
		return nil, err
	}
	state, op, err := c.finish(reply)
	if op != nil || err != nil {
		return op, err
	}
	fingerprint := chosenKey(spec.Images, images, reply, state)
	if fingerprint == "" {
		return nil, &errors.Error{Class: errors.Operation, Message: "the server doesn't say which image it made", Method: "POST", Path: images.path}
	}
	o := newObject(images.below(fingerprint))
	if err := o.read(c); err != nil {
		return nil, err
	}
	_, err = o.conform(c) // servers ignore the profiles
	return o, err
}
