package host

import (
	"context"
	"fmt"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// The part of the grace period in which what a stopped script waited for may end before clean-up begins.
const abandonedShare = 4

// How long the end of a stopped run may wait for what it has begun, and for the server to tell what goes on.
const (
	lastEnd = 500 * time.Millisecond
	lastAsk = time.Second
)

// errShareOver is the end of one clean-up's part of the grace period.
var errShareOver = errors.Plain("its share of the time for clean-up is over")

// keptShare is the part of the grace period that a clean-up leaves to each of those that follow it, as far as it has an
// equal part itself then.
const keptShare = 5

// share returns a context for one clean-up that others follow. From the run's end on, it may take the time that is left
// but for what is kept for the others, because most need little; where they are many, it has an equal part, a little being
// kept back for what takes longer to end than it should.
func (r *run) share(others int) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(r.cleanupCtx)
	unwatch := context.AfterFunc(r.callerCtx, func() {
		left := time.Until(r.graceEnd())
		part := max(left*2/time.Duration(2*others+3), left-time.Duration(others)*r.host.options.Grace/keptShare)
		timer := time.NewTimer(part)
		defer timer.Stop()
		select {
		case <-timer.C:
			if others > 0 { // the last one has all the rest, which the grace period itself ends
				cancel(fmt.Errorf("%w: %v", errShareOver, part.Round(time.Millisecond)))
			}
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		unwatch()
		cancel(nil)
	}
}

// settle brings to an end what stopped tasks have waited for.
func (r *run) endAbandoned(ctx context.Context, limit time.Duration) {
	if !r.work.Abandoned() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.host.block(func() { r.work.Settle(ctx) })
}

// An unfinishedError is the error of a run that was ended while the server went on.
type unfinishedError struct {
	err     error
	running []builtin.Running
	cut     []string // the calls of clean-up that came to no end
}

func (e *unfinishedError) Error() string { return e.err.Error() }
func (e *unfinishedError) Unwrap() error { return e.err }

// unfinished adds to the error of a run that was stopped what the server still does for it.
func (r *run) unfinished(err error) error {
	if err == nil || r.cause() == nil && !r.work.Abandoned() {
		return err
	}
	r.endAbandoned(r.cleanupCtx, lastEnd)
	ctx, cancel := context.WithTimeout(r.cleanupCtx, lastAsk)
	defer cancel()
	var running []builtin.Running
	r.host.block(func() { running = r.work.Running(ctx) })
	if len(running) == 0 && len(r.cut) == 0 {
		return err
	}
	return &unfinishedError{err, running, r.cut}
}

// noteCut notes a call of clean-up that came to no end, in words such as "instances.delete("web") was cut short".
func (r *run) noteCut(fn starlark.Callable, args starlark.Tuple, what string) {
	name := fn.Name()
	if m, ok := fn.(interface{ ReceiverName() string }); ok && m.ReceiverName() != "" {
		name += " of " + shownText(starlark.String(m.ReceiverName()))
	}
	switch f := fn.(type) {
	case *starlark.Function:
		name += " at " + f.Position().String()
	default:
		if len(args) > 0 {
			name += "(" + shownText(args[0]) + ")"
		}
	}
	r.cut = append(r.cut, name+" "+what)
}

// cutOf returns the calls of clean-up that came to no end.
func cutOf(err error) []string {
	var u *unfinishedError
	if !errors.As(err, &u) {
		return nil
	}
	return u.cut
}

// runningOf returns what the server still does after a run.
func runningOf(err error) []builtin.Running {
	var u *unfinishedError
	if !errors.As(err, &u) {
		return nil
	}
	return u.running
}
