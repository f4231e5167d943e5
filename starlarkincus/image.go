package starlarkincus

import (
	"encoding/pem"
	stderrors "errors"

	"incus-star/errors"
	"incus-star/starlarkincus/remote"
)

// imageSource is the source of an instance that is made from an image, named as the incus command takes it.
func (c *call) imageSource(ref string) (map[string]any, error) {
	config, err := c.on.client.conn.family.remotes()
	if err != nil {
		return nil, err
	}
	target, image, err := config.Image(ref)
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
