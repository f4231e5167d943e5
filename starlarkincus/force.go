package starlarkincus

import (
	stderrors "errors"
	"maps"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// forceTimeout is how long a forced delete goes on without timeout= while the instance is busy or starts again.
const forceTimeout = 5 * time.Minute

// removeByForce deletes an instance whatever it does: it waits for what works on the instance, and stops it again where
// something started it in between. An instance that is gone is what was asked for.
func (c *call) removeByForce(p place) (starlark.Value, error) {
	limit := forceTimeout
	given := c.args.has("timeout")
	if given {
		limit = c.args.duration("timeout")
	}
	for deadline := time.Now().Add(limit); ; {
		if given {
			c = c.withTimeout(time.Until(deadline))
		}
		op, err := c.stopAndDelete(p)
		gone, late := isGone(err), time.Now().After(deadline)
		switch {
		case op != nil:
			return op, nil
		case err == nil:
			return starlark.None, nil
		case !gone && (late || !stderrors.Is(err, errors.Busy) && !stderrors.Is(err, errors.State)):
			return nil, err
		}
		// An instance that isn't there yet may be about to be made.
		worked, failed := c.settle(p)
		switch {
		case c.ctx.Err() != nil:
			return nil, failed
		case gone && (!worked || late):
			return starlark.None, nil
		}
	}
}

// isGone reports whether a failure says that the instance isn't there.
func isGone(err error) bool {
	var e *errors.Error
	return stderrors.Is(err, errors.NotFound) && stderrors.As(err, &e) && !strings.Contains(e.Message, "roject not found")
}

// stopAndDelete stops an instance at once and deletes it; one that isn't running is fine. The operation is that of a
// script that doesn't wait.
func (c *call) stopAndDelete(p place) (*Object, error) {
	reply, err := c.do(rest.Request{Method: "PUT", Path: p.path + "/state", Query: p.query(0),
		Body: map[string]any{"action": "stop", "force": true, "timeout": -1}})
	if err == nil && reply.Operation != nil {
		if _, err = c.wait(reply.Operation); err == nil {
			bindingOf(c.thread).done++
		}
	}
	if err != nil && !stderrors.Is(err, errors.State) {
		return nil, err
	}
	if reply, err = c.do(c.request(p, "DELETE")); err != nil {
		return nil, err
	}
	_, op, err := c.finish(reply)
	return op, err
}

// withTimeout returns the call with another timeout=.
func (c *call) withTimeout(d time.Duration) *call {
	args := *c.args
	args.local = maps.Clone(args.local)
	args.local["timeout"] = max(0, d)
	copied := *c
	copied.args = &args
	return &copied
}
