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

// About asks the server for a summary, with two requests at a time that aren't traced: no answer of Incus has both.
func (c *Client) About(ctx context.Context) (About, error) {
	ctx, cancel := context.WithCancel(ctx)
	counted := make(chan int, 1)
	go func() { counted <- c.running(ctx) }()
	var server struct {
		Auth        string `json:"auth"`
		Environment struct {
			Version string `json:"server_version"`
		} `json:"environment"`
	}
	err := c.collection(spec.Server).readAside(ctx, nil, &server)
	if err == nil && server.Auth != "trusted" {
		err = &errors.Error{Class: errors.Authentication, Message: "the server doesn't trust this client"}
	}
	if err != nil {
		cancel()
	}
	running := <-counted // the version is something also if that failed
	cancel()
	return About{Version: server.Environment.Version, Running: running}, err
}

// running returns the number of running instances; -1 if unknown.
func (c *Client) running(ctx context.Context) int {
	var paths []string
	instances := c.collection(spec.Instances)
	query := instances.query(spec.Get)
	query.Set("recursion", "0")
	query.Set("filter", "status eq Running")
	if c.read(ctx, instances.path, query, &paths) != nil {
		return -1
	}
	return len(paths)
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

// Unwatched returns the operations of a run's work without a waiting caller, see [rest.Work.Unwatched].
func Unwatched(w builtin.Work) []*rest.Operation {
	if own, ok := w.(work); ok {
		return own.Work.Unwatched()
	}
	return nil
}
