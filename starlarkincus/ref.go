package starlarkincus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A ref is a path on a server, seen from one project and cluster member, with the declaration of the resource there.
// Its operations don't depend on a script. They end with their context and, if that belongs to a thread, let other
// threads run while they wait.
type ref struct {
	client  *Client
	res     *spec.Resource
	name    string // qualified, for messages: instances
	path    string // escaped
	project string
	target  string
	key     string // if set, sent as the query parameter res.KeyQuery instead of a path segment
	sample  bool   // of an object made for completion, whose path is unknown
}

// query returns the query parameters for a verb.
func (r ref) query(v spec.Verb) url.Values {
	q := make(url.Values)
	if r.project != "" {
		q.Set("project", r.project)
	}
	if r.target != "" && r.res != nil && r.res.Target&v != 0 {
		q.Set("target", r.target)
	}
	if r.key != "" {
		q.Set(r.res.KeyQuery, r.key)
	}
	return q
}

// join returns the ref of a path relative to this one, or of an absolute one.
func (r ref) join(path string) ref {
	switch {
	case strings.HasPrefix(path, "/"):
		r.path = path
	case path != "":
		r.path += "/" + path
	}
	return r
}

// item returns the ref of a name below this one.
func (r ref) item(name string) ref {
	r.path += "/" + url.PathEscape(name)
	return r
}

// parent returns the ref of an object's collection.
func (r ref) parent() ref {
	r.path, _ = splitLast(r.path)
	return r
}

// sub returns the ref of a child collection.
func (r ref) sub(res *spec.Resource) ref {
	r.res, r.name, r.path = res, res.Name, r.path+"/"+res.Path
	if res.Scope != spec.OfServer && r.project == "" {
		r.project = r.client.project
	}
	return r
}

// A patience is the time to wait for an operation. The zero value waits for its end.
type patience struct {
	away    bool // don't wait
	bounded bool // wait no longer than limit
	limit   time.Duration
}

// staying returns the same patience, without away.
func (w patience) staying() patience {
	w.away = false
	return w
}

// bound returns the limit; 0 for none.
func (w patience) bound() time.Duration {
	if !w.bounded {
		return 0
	}
	return max(w.limit, time.Nanosecond)
}

// An outcome is the result of a change.
type outcome struct {
	reply *rest.Reply
	state *rest.State // final state of its operation; nil for none
	going *Object     // operation that still runs; nil for none
}

// read reads the JSON value at the path.
func (r ref) read(ctx context.Context, query url.Values, maxBytes int64) (starlark.Value, *rest.Reply, error) {
	reply, err := r.client.send(ctx, rest.Request{Method: "GET", Path: r.path, Query: query, MaxBytes: maxBytes})
	if err != nil {
		return nil, nil, err
	}
	v, err := value.DecodeContext(ctx, reply.Metadata)
	if err != nil {
		return nil, nil, unreadable("GET", r.path, reply, err)
	}
	return v, reply, nil
}

// readInto reads the JSON value at the path into v.
func (r ref) readInto(ctx context.Context, query url.Values, v any) error {
	reply, err := r.client.send(ctx, rest.Request{Method: "GET", Path: r.path, Query: query, MaxBytes: maxList})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply.Metadata, v); err != nil {
		return unreadable("GET", r.path, reply, err)
	}
	return nil
}

// keys reads the names of the objects of a collection.
func (r ref) keys(ctx context.Context) ([]string, error) {
	var urls []string
	if err := r.readInto(ctx, r.query(spec.List), &urls); err != nil {
		return nil, err
	}
	for i, u := range urls {
		path, _, _ := strings.Cut(u, "?")
		_, name := splitLast(path)
		urls[i] = unescape(name)
	}
	return urls, nil
}

// create creates an object in the collection.
func (r ref) create(ctx context.Context, body any, w patience) (outcome, error) {
	return r.submit(ctx, rest.Request{Method: "POST", Path: r.path, Query: r.query(spec.New), Body: body}, w)
}

// change replaces the object. If version isn't empty, it must be the object's ETag.
func (r ref) change(ctx context.Context, body any, version string, w patience) (outcome, error) {
	return r.submit(ctx, rest.Request{Method: "PUT", Path: r.path, Query: r.query(spec.Update | spec.Replace), Body: body, IfMatch: version}, w)
}

// remove deletes the object.
func (r ref) remove(ctx context.Context, w patience) (outcome, error) {
	return r.submit(ctx, rest.Request{Method: "DELETE", Path: r.path, Query: r.query(spec.Delete)}, w)
}

// act sends another change to a path below.
func (r ref) act(ctx context.Context, method, path string, body any, w patience) (outcome, error) {
	return r.submit(ctx, rest.Request{Method: method, Path: r.join(path).path, Query: r.query(0), Body: body}, w)
}

// submit sends a change and waits for its operation.
func (r ref) submit(ctx context.Context, q rest.Request, w patience) (outcome, error) {
	reply, err := r.client.send(ctx, q)
	if err != nil {
		return outcome{}, err
	}
	return r.client.finish(ctx, reply, w)
}

// finish waits for the operation of a reply, if any.
func (c *Client) finish(ctx context.Context, reply *rest.Reply, w patience) (outcome, error) {
	out := outcome{reply: reply}
	var err error
	switch {
	case reply.Operation == nil:
	case w.away:
		reply.Operation.Detach()
		out.going, err = c.operation(ctx, reply)
	default:
		if out.state, err = wait(ctx, reply.Operation, w); err == nil {
			builtin.In(ctx).Done++
		}
	}
	return out, err
}

// wait waits for the end of an operation.
func wait(ctx context.Context, op *rest.Operation, w patience) (state *rest.State, err error) {
	builtin.In(ctx).Block(func() {
		if w.bounded {
			state, err = op.WaitTimeout(ctx, w.limit)
		} else {
			state, err = op.Wait(ctx)
		}
	})
	return state, err
}

// pause sleeps.
func pause(ctx context.Context, d time.Duration) (err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	builtin.In(ctx).Block(func() {
		select {
		case <-timer.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
	})
	return err
}

// unreadable returns the error for an answer with unexpected content.
func unreadable(method, path string, reply *rest.Reply, cause error) error {
	e := &errors.Error{Class: errors.Connection, Message: fmt.Sprintf("the answer to %s %s is not what Incus sends", method, path),
		Status: reply.Status, Method: method, Path: path, Cause: cause}
	if rest.Changes(method) {
		e.Outcome = errors.Done // because the server accepted the request
	}
	return e
}
