package starlarkincus

import (
	"context"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// forceTimeout bounds a forced deletion without timeout=.
const forceTimeout = 5 * time.Minute

// maxRefusals bounds the deletions of an idle instance that the server refuses because of its state, which somebody else may
// change all the time.
const maxRefusals = 3

// removeByForce deletes an instance in any state: it waits for other operations on the instance, and stops it again if
// it was started meanwhile. It succeeds if the instance vanishes meanwhile, but not if there was none and none was
// being created.
func (r ref) removeByForce(ctx context.Context, request rest.Request, w patience) (outcome, error) {
	limit := forceTimeout
	if w.bounded {
		limit = w.limit
	}
	seen, halted, refusals := false, false, 0
	for deadline := time.Now().Add(limit); ; {
		w.bounded, w.limit = true, max(0, time.Until(deadline))
		out, found, err := r.stopAndDelete(ctx, request, w)
		seen, halted = seen || found.there, halted || found.halted
		gone, late := isGone(err), time.Now().After(deadline)
		if errors.Is(err, errors.State) {
			refusals++
		}
		switch {
		case err == nil:
			return out, nil
		case !gone && (late || refusals == maxRefusals || found.protected || !errors.Is(err, errors.Busy) && !errors.Is(err, errors.State)):
			return outcome{}, afterStop(err, halted)
		}
		worked, failed := r.awaitIdle(ctx, w)
		switch {
		case ctx.Err() != nil:
			return outcome{}, failed
		case gone && !worked && !seen:
			return outcome{}, err
		case gone && (!worked || late):
			return outcome{}, nil
		case worked:
			refusals = 0
		}
		seen = true
	}
}

// afterStop returns the error of a deletion. If the instance was stopped for it, something was changed.
func afterStop(err error, halted bool) error {
	if e := (*errors.Error)(nil); halted && errors.As(err, &e) && (e.Outcome == errors.Refused || e.Outcome == errors.NotSent) {
		e.Outcome = errors.Unknown
		e.Message += "; it was stopped for its deletion"
	}
	return err
}

// isGone reports whether a failure means that the instance doesn't exist.
func isGone(err error) bool {
	var e *errors.Error
	return errors.Is(err, errors.NotFound) && errors.As(err, &e) && !strings.Contains(e.Message, "roject not found")
}

// A foundInstance says how an instance was that was to be deleted by force.
type foundInstance struct {
	there     bool // it existed
	protected bool // it can't be deleted
	halted    bool // it was stopped
}

// deleteProtection is the configuration key without which an instance can be deleted.
const deleteProtection = "security.protection.delete"

// isProtected reports whether a value of deleteProtection forbids the deletion.
func isProtected(value any) bool { return slices.Contains([]any{"true", "1", "yes", "on"}, value) }

// stopAndDelete stops an instance by force, if it runs, and deletes it.
func (r ref) stopAndDelete(ctx context.Context, request rest.Request, w patience) (out outcome, found foundInstance, err error) {
	var now struct {
		Status string            `json:"status"`
		Config map[string]string `json:"expanded_config"`
	}
	if err := r.readInto(ctx, r.query(spec.Get), &now); err != nil {
		found.there = !isGone(err)
		return out, found, err
	}
	found.there = true
	if isProtected(now.Config[deleteProtection]) {
		found.protected = true
		e := errors.New(errors.State, "it can't be deleted, because %s is set: update(config = {%q: None}) removes that", deleteProtection, deleteProtection)
		e.Method, e.Path, e.Outcome = request.Method, request.Path, errors.NotSent
		return out, found, e
	}
	if now.Status != "Stopped" {
		_, err = r.act(ctx, "PUT", "state", map[string]any{"action": "stop", "force": true, "timeout": -1}, w.staying())
		found.there, found.halted = !isGone(err), err == nil
	}
	if err != nil && !errors.Is(err, errors.State) {
		return out, found, err
	}
	out, err = r.submit(ctx, request, w)
	return out, found, err
}
