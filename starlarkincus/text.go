package starlarkincus

import (
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// getText reads an object that is a text.
func getText(c *invocation) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	return c.text(rest.Request{Method: "GET", Path: p.path, Query: p.query(spec.Get)})
}

// createText writes an object that is a text.
func createText(c *invocation) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	_, err = p.do(c.ctx, c.request(p, "POST", nil), patience{})
	return starlark.None, err
}

// readText reads a text that stands below an object or a client.
func readText(c *invocation) (starlark.Value, error) { return c.text(c.request(c.ref, "GET", nil)) }

func (c *invocation) text(r rest.Request) (starlark.Value, error) {
	r.MaxBytes = maxList
	data, err := c.ref.client.raw(c.ctx, r)
	if err != nil {
		return nil, err
	}
	return starlark.String(data), nil
}
