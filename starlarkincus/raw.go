package starlarkincus

import (
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// getRaw reads an object that isn't JSON.
func getRaw(c *invocation) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	return c.raw(c.request(p, "GET", nil))
}

// createRaw writes an object that isn't JSON.
func createRaw(c *invocation) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	_, err = p.submit(c.ctx, c.request(p, "POST", nil), patience{})
	return starlark.None, err
}

// readRaw reads text or bytes below an object or a client.
func readRaw(c *invocation) (starlark.Value, error) { return c.raw(c.request(c.ref, "GET", nil)) }

// raw sends a request and returns the body of the answer as a string.
func (c *invocation) raw(r rest.Request) (starlark.Value, error) {
	r.MaxBytes = maxList
	data, _, err := c.ref.client.raw(c.ctx, r)
	if err != nil {
		return nil, err
	}
	return starlark.String(data), nil
}
