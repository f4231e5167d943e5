package starlarkincus

import (
	"context"
	"maps"
	"net/url"

	"incus-star/starlarkincus/rest"
)

// A Path is a path on a server, seen from one project, for Go programs. Its methods wait for the operations that they
// start. They end with their context.
type Path struct{ ref ref }

// Path returns a path on the client's server, seen from a project; empty for the default project. Names in it that
// contain a slash must be escaped with url.PathEscape.
func (c *Client) Path(path, project string) Path {
	return Path{ref{client: c, path: path, project: project}}
}

// Item returns the path of an object in the collection p.
func (p Path) Item(name string) Path { return Path{p.ref.item(name)} }

// Read reads the JSON value at the path into v.
func (p Path) Read(ctx context.Context, query url.Values, v any) error {
	return p.ref.readInto(ctx, p.query(query), v)
}

// Create creates an object in the collection.
func (p Path) Create(ctx context.Context, body any) error {
	_, err := p.ref.create(ctx, body, patience{})
	return err
}

// Change replaces the object.
func (p Path) Change(ctx context.Context, body any) error {
	_, err := p.ref.change(ctx, body, "", patience{})
	return err
}

// Act sends another change to a path below p; empty for p itself.
func (p Path) Act(ctx context.Context, method, below string, body any) error {
	_, err := p.ref.act(ctx, method, below, body, patience{})
	return err
}

// Remove deletes the object.
func (p Path) Remove(ctx context.Context, query url.Values) error {
	_, err := p.ref.submit(ctx, rest.Request{Method: "DELETE", Path: p.ref.path, Query: p.query(query)}, patience{})
	return err
}

// query returns query parameters, with the project.
func (p Path) query(further url.Values) url.Values {
	q := p.ref.query(0)
	maps.Copy(q, further)
	return q
}

// Operation returns a handle of an operation on the client's server.
func (c *Client) Operation(ctx context.Context, id string) (*rest.Operation, error) {
	client, _, err := c.conn.client(ctx)
	if err != nil {
		return nil, err
	}
	return client.Operation(id), nil
}

// HasExtension reports whether the server has an API extension, with one request per connection.
func (c *Client) HasExtension(ctx context.Context, name string) (bool, error) {
	return c.hasExtension(ctx, name)
}
