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

// A ref is a path on one server, seen from one project and cluster member, with the table's declaration of what stands
// there. Its operations know nothing of scripts. They end with their context, and let other threads run while they wait
// where the context is that of a thread.
type ref struct {
	client  *Client
	res     *spec.Resource
	name    string // qualified, for messages: instances
	path    string // escaped
	project string
	target  string
	key     string // names the object where that isn't in the path
}

// query returns the parameters of a verb's request.
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

// join returns the ref of a path below this one, or of one that begins with a slash.
func (r ref) join(path string) ref {
	switch {
	case strings.HasPrefix(path, "/"):
		r.path = path
	case path != "":
		r.path += "/" + path
	}
	return r
}

// item returns the ref of one name below this one.
func (r ref) item(name string) ref {
	r.path += "/" + url.PathEscape(name)
	return r
}

// parent returns the ref of the collection that an object is in.
func (r ref) parent() ref {
	r.path, _ = splitLast(r.path)
	return r
}

// sub returns the ref of a collection below an object, or below another collection.
func (r ref) sub(res *spec.Resource) ref {
	r.res, r.name, r.path = res, res.Name, r.path+"/"+res.Path
	if res.Scope != spec.OfServer && r.project == "" {
		r.project = r.client.project
	}
	return r
}

// A patience says how long to wait for an operation. The zero value waits for its end.
type patience struct {
	away    bool // doesn't wait
	bounded bool // waits no longer than limit
	limit   time.Duration
}

// within returns a patience that ends after d.
func within(d time.Duration) patience { return patience{bounded: true, limit: max(0, d)} }

// staying returns the same patience, which waits in any case.
func (w patience) staying() patience {
	w.away = false
	return w
}

// An outcome is what a change led to.
type outcome struct {
	reply *rest.Reply
	state *rest.State // the end of the operation that the change began; nil where it began none
	going *Object     // the operation that isn't waited for; nil where all is done
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

// readInto reads the same as a Go value.
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

// create makes an object in the collection.
func (r ref) create(ctx context.Context, body any, w patience) (outcome, error) {
	return r.submit(ctx, rest.Request{Method: "POST", Path: r.path, Query: r.query(spec.New), Body: body}, w)
}

// change sets the object whole. A version other than "" is the one that it must still have.
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

// submit sends a change and waits for the operation that it begins.
func (r ref) submit(ctx context.Context, q rest.Request, w patience) (outcome, error) {
	reply, err := r.client.send(ctx, q)
	if err != nil {
		return outcome{}, err
	}
	return r.client.finish(ctx, reply, w)
}

// finish waits for the operation of an answer, where it has one.
func (c *Client) finish(ctx context.Context, reply *rest.Reply, w patience) (outcome, error) {
	out := outcome{reply: reply}
	var err error
	switch {
	case reply.Operation == nil:
	case w.away:
		reply.Operation.Watch()
		out.going, err = c.operation(reply)
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

// pause waits for a time.
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

// unreadable is the error of an answer that holds something else than it should.
func unreadable(method, path string, reply *rest.Reply, cause error) error {
	e := &errors.Error{Class: errors.Connection, Message: fmt.Sprintf("the answer to %s %s is not what Incus sends", method, path),
		Status: reply.Status, Method: method, Path: path, Cause: cause}
	if rest.Changes(method) {
		e.Outcome = errors.Done // the answer says that it was accepted
	}
	return e
}
