package starlarkincus

import (
	"context"
	"encoding/json"
	"net/url"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// About is a summary of a server for people.
type About struct {
	// Version is the server's version.
	Version string
	// Running is the number of running instances in the client's project; -1 if unknown.
	Running int
}

// About asks the server for a summary, with two requests that aren't traced.
func (c *Client) About(ctx context.Context) (About, error) {
	var server struct {
		Auth        string `json:"auth"`
		Environment struct {
			Version string `json:"server_version"`
		} `json:"environment"`
	}
	a := About{Running: -1}
	if err := c.collection(spec.Server).readAside(ctx, nil, &server); err != nil {
		return a, err
	}
	if a.Version = server.Environment.Version; server.Auth != "trusted" {
		return a, &errors.Error{Class: errors.Authentication, Message: "the server doesn't trust this client"}
	}
	var all []struct {
		Status string `json:"status"`
	}
	instances := c.collection(spec.Instances)
	query := instances.query(spec.Get)
	query.Set("recursion", "1")
	query.Set("filter", "status eq Running")
	if instances.readAside(ctx, query, &all) != nil {
		return a, nil // the version is something
	}
	a.Running = 0
	for _, one := range all {
		if one.Status == "Running" {
			a.Running++
		}
	}
	return a, nil
}

// readAside is readInto without a trace.
func (r ref) readAside(ctx context.Context, query url.Values, v any) error {
	reply, err := r.client.Do(ctx, rest.Request{Method: "GET", Path: r.path, Query: query, MaxBytes: maxList, Aside: true})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply.Metadata, v); err != nil {
		return unreadable("GET", r.path, reply, err)
	}
	return nil
}

// Project returns the name of the client's project, which connects if it is the remote's own.
func (c *Client) Project(ctx context.Context) (string, error) {
	if c.project != "" {
		return c.project, nil
	}
	_, project, err := c.conn.client(ctx)
	if project == "" {
		project = "default"
	}
	return project, err
}

// Unwatched returns the operations of a run's work that go on without a waiting caller.
func Unwatched(w builtin.Work) []*rest.Operation {
	if own, ok := w.(work); ok {
		return own.Work.Unwatched()
	}
	return nil
}
