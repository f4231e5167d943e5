package starlarkincus

import (
	"context"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
)

// forceTimeout bounds a forced deletion without timeout=.
const forceTimeout = 5 * time.Minute

// removeByForce deletes an instance in any state: it waits for other operations on the instance, and stops it again if
// it was started meanwhile. It succeeds if the instance vanishes meanwhile, but not if there was none and none was
// being created.
func (r ref) removeByForce(ctx context.Context, request rest.Request, w patience) (outcome, error) {
	limit := forceTimeout
	if w.bounded {
		limit = w.limit
	}
	seen := false
	for deadline := time.Now().Add(limit); ; {
		w.bounded, w.limit = true, max(0, time.Until(deadline))
		out, there, err := r.stopAndDelete(ctx, request, w)
		seen = seen || there
		gone, late := isGone(err), time.Now().After(deadline)
		switch {
		case err == nil:
			return out, nil
		case !gone && (late || !errors.Is(err, errors.Busy) && !errors.Is(err, errors.State)):
			return outcome{}, err
		}
		worked, failed := r.awaitIdle(ctx, w)
		switch {
		case ctx.Err() != nil:
			return outcome{}, failed
		case gone && !worked && !seen:
			return outcome{}, err
		case gone && (!worked || late):
			return outcome{}, nil
		}
		seen = true
	}
}

// isGone reports whether a failure means that the instance doesn't exist.
func isGone(err error) bool {
	var e *errors.Error
	return errors.Is(err, errors.NotFound) && errors.As(err, &e) && !strings.Contains(e.Message, "roject not found")
}

// stopAndDelete stops an instance by force, if it runs, and deletes it. There reports whether the instance existed.
func (r ref) stopAndDelete(ctx context.Context, request rest.Request, w patience) (out outcome, there bool, err error) {
	stopped, err := r.act(ctx, "PUT", "state", map[string]any{"action": "stop", "force": true, "timeout": -1}, w.staying())
	there = stopped.reply != nil || !isGone(err)
	if err != nil && !errors.Is(err, errors.State) {
		return out, there, err
	}
	out, err = r.submit(ctx, request, w)
	return out, there, err
}
