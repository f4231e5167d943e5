package starlarkincus

import (
	"context"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
)

// startAgain starts the instance after the script was stopped, when its stop and the making of the image have ended. If it
// can't be started, what is reported.
func (r ref) startAgain(ctx context.Context, what string, stop, publishing *rest.Part) {
	if !stop.Begun() {
		return
	}
	stop.Settle(ctx)
	publishing.Settle(ctx)
	if err := r.runAgain(ctx, stop.Unsure()); err == nil || errors.Is(err, errors.NotFound) {
		stop.Undone(ctx)
	} else {
		r.leave(ctx, what)
	}
}

// runAgain starts an instance that the call has stopped. Unsure tells that the end of the stop is unknown: then the server may be
// about to stop the instance, or be doing so, and runAgain waits for it. It succeeds if the instance runs at last.
func (r ref) runAgain(ctx context.Context, unsure bool) error {
	if unsure {
		if runs, err := r.awaitStop(ctx); runs || err != nil {
			return err
		}
	}
	for begun := time.Now(); ; {
		_, err := r.act(ctx, "PUT", "state", map[string]any{"action": "start"}, patience{})
		if err == nil && !unsure {
			return nil
		}
		status, failed := r.status(ctx)
		limit := time.Duration(0)
		switch {
		case failed == nil && status == "Running", errors.Is(failed, errors.NotFound):
			return failed
		case errors.Is(err, errors.Busy):
			limit = returnTime
		case away(err), away(failed):
			limit = restartTime
		case isUnknown(err):
			limit = lateBackup
		case err == nil:
			return errors.New(errors.State, "it is %s after its start", status)
		}
		if time.Since(begun) > limit || pause(ctx, lateBackup/20) != nil {
			return err
		}
	}
}

// awaitStop waits for the end of a stop of an instance that the server may not have begun yet, which takes it less than lateBackup.
// It reports whether the instance runs.
func (r ref) awaitStop(ctx context.Context) (runs bool, err error) {
	for begun := time.Now(); ; {
		var status string
		if _, err = r.awaitIdle(ctx, patience{bounded: true, limit: returnTime}); err == nil {
			status, err = r.status(ctx)
		}
		passed := time.Since(begun)
		switch {
		case err == nil && status != "Running":
			return false, nil
		case err == nil && passed > lateBackup:
			return true, nil
		case err != nil && (!away(err) || passed > restartTime):
			return false, err
		}
		if err := pause(ctx, lateBackup/20); err != nil {
			return false, err
		}
	}
}

// status reads the status of an instance.
func (r ref) status(ctx context.Context) (string, error) {
	var instance struct{ Status string }
	err := r.readInto(ctx, r.query(spec.Get), &instance)
	return instance.Status, err
}
