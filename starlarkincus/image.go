package starlarkincus

import (
	"context"

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
