package starlarkincus

import (
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// getText reads an object that is a text.
func getText(c *call) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	return c.text(rest.Request{Method: "GET", Path: p.path, Query: p.query(spec.Get)})
}

// createText writes an object that is a text.
func createText(c *call) (starlark.Value, error) {
	p, err := c.one()
	if err != nil {
		return nil, err
	}
	_, err = c.do(c.request(p, "POST"))
	return starlark.None, err
}

// readText reads a text that stands below an object or a client.
func readText(c *call) (starlark.Value, error) { return c.text(c.request(c.on, "GET")) }

func (c *call) text(r rest.Request) (starlark.Value, error) {
	r.MaxBytes = maxList
	client, _, err := c.on.client.conn.client(c.ctx)
	if err != nil {
		return nil, err
	}
	var data []byte
	Block(c.thread, func() { data, _, err = client.Raw(c.ctx, r) })
	if err != nil {
		return nil, err
	}
	return starlark.String(data), nil
}
