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
// something started it in between. An instance that vanishes meanwhile is what was asked for; one that wasn't there, nor
// about to be made, isn't.
func (c *call) removeByForce(p place) (starlark.Value, error) {
	limit := forceTimeout
	if c.args.has("timeout") {
		limit = c.args.duration("timeout")
	}
	seen := false
	for deadline := time.Now().Add(limit); ; {
		c = c.withTimeout(time.Until(deadline))
		op, there, err := c.stopAndDelete(p)
		seen = seen || there
		gone, late := isGone(err), time.Now().After(deadline)
		switch {
		case op != nil:
			return op, nil
		case err == nil:
			return starlark.None, nil
		case !gone && (late || !stderrors.Is(err, errors.Busy) && !stderrors.Is(err, errors.State)):
			return nil, err
		}
		worked, failed := c.settle(p)
		switch {
		case c.ctx.Err() != nil:
			return nil, failed
		case gone && !worked && !seen:
			return nil, err
		case gone && (!worked || late):
			return starlark.None, nil
		}
		seen = true
	}
}

// isGone reports whether a failure says that the instance isn't there.
func isGone(err error) bool {
	var e *errors.Error
	return stderrors.Is(err, errors.NotFound) && stderrors.As(err, &e) && !strings.Contains(e.Message, "roject not found")
}

// stopAndDelete stops an instance at once and deletes it; one that isn't running is fine. There reports whether the
// instance was there. The operation is that of a script that doesn't wait.
func (c *call) stopAndDelete(p place) (op *Object, there bool, err error) {
	reply, err := c.do(rest.Request{Method: "PUT", Path: p.path + "/state", Query: p.query(0),
		Body: map[string]any{"action": "stop", "force": true, "timeout": -1}})
	if err == nil && reply.Operation != nil {
		there = true
		if _, err = c.wait(reply.Operation); err == nil {
			bindingOf(c.thread).done++
		}
	}
	there = there || !isGone(err)
	if err != nil && !stderrors.Is(err, errors.State) {
		return nil, there, err
	}
	if reply, err = c.do(c.request(p, "DELETE")); err != nil {
		return nil, there, err
	}
	_, op, err = c.finish(reply)
	return op, there, err
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
