package host

import (
	"context"
	"fmt"
	"slices"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// abandonedShare is the part of the grace period, as a divisor, for ending the stopped script's requests before clean-up.
const abandonedShare = 4

// Time limits at the end of a stopped run: for ending its requests, and for asking the server which operations continue.
const (
	lastEnd = 500 * time.Millisecond
	lastAsk = time.Second
)

// keptShare is the part of the grace period, as a divisor, that a clean-up leaves to each later one, if its own part is as
// long.
const keptShare = 5

// longestGrace is the longest grace period that is counted, which can be multiplied.
const longestGrace = 1000 * time.Hour

// share returns a context for a clean-up that is followed by others. From the run's end on, it lasts for the remaining time
// without the parts kept for the others, because most clean-ups are short. If there are many, all have equal parts, with a
// reserve for those that take too long to end.
func (r *run) share(others int) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(r.cleanupCtx)
	unwatch := context.AfterFunc(r.callerCtx, func() {
		left, grace := min(time.Until(r.graceEnd()), longestGrace), min(r.host.options.Grace, longestGrace)
		part := max(left*2/time.Duration(2*others+3), left-time.Duration(others)*grace/keptShare)
		timer := time.NewTimer(part)
		defer timer.Stop()
		select {
		case <-timer.C:
			if others > 0 { // the last one has all the rest of the grace period
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

// endAbandoned ends the requests and operations of stopped tasks.
func (r *run) endAbandoned(ctx context.Context, limit time.Duration) {
	if !r.work.Abandoned() {
		return
	}
	r.host.block(func() { r.work.Settle(ctx, limit) })
}

// endStopped ends the work of stopped tasks before the script goes on: their requests and operations, and the commands
// that they began without waiting, which nothing may refer to any more.
func (r *run) endStopped(tasks []*task) {
	r.settled = r.settled || r.work.Abandoned()
	ctx, cancel := context.WithTimeout(r.cleanupCtx, r.host.options.Grace)
	defer cancel()
	r.host.block(func() {
		r.left.kept.endOf(ctx, func(owner *task) bool {
			for t := owner; t != nil; t = t.caller {
				if slices.Contains(tasks, t) {
					return true
				}
			}
			return false
		})
	})
	r.endAbandoned(r.cleanupCtx, r.host.options.Grace/abandonedShare)
}

// An unfinishedError is the error of a run that was stopped before its clean-up or its operations had ended.
type unfinishedError struct {
	err     error
	running []builtin.Running
	cut     []string // the unfinished calls of clean-up
}

func (e *unfinishedError) Error() string { return e.err.Error() }
func (e *unfinishedError) Unwrap() error { return e.err }

// unfinished adds the operations that continue on the server, and the unfinished clean-up, to the error of a stopped run.
func (r *run) unfinished(err error) error {
	if err == nil || r.cause() == nil && !r.settled && !r.work.Abandoned() {
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

// noteCut records an unfinished call of clean-up, such as instances.delete("web"), and the innermost task that made it. Fate
// is "was cut short" or "was not called".
func (r *run) noteCut(fn starlark.Callable, args starlark.Tuple, fate string) {
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
	if r.host.current != nil {
		for t := taskOf(r.host.current); t != nil; t = t.caller {
			if t.item != nil {
				fate += ", " + t.item().String()
				break
			}
		}
	}
	r.cut = append(r.cut, name+" "+fate)
}

// cutOf returns the unfinished calls of clean-up.
func cutOf(err error) []string {
	var u *unfinishedError
	if !errors.As(err, &u) {
		return nil
	}
	return u.cut
}

// runningOf returns the operations that continue on the server after a run.
func runningOf(err error) []builtin.Running {
	var u *unfinishedError
	if !errors.As(err, &u) {
		return nil
	}
	return u.running
}
