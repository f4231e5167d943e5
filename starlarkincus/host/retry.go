package host

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

var retryDecl = builtin.Decl{
	Name:   "retry",
	Params: []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Args("args", builtin.Any), builtin.Key("on", builtin.Classes|builtin.None, "None"), builtin.Key("times", builtin.Int, "5"), builtin.Key("delay", builtin.Seconds, "1"), builtin.Key("backoff", builtin.Number, "2"), builtin.KwArgs("kwargs", builtin.Any)},
	Help: `Calls fn(*args, **kwargs) until it succeeds, at most times times, and returns its result.

    retry(inst.stop, on=IncusBusyError, times=10, timeout=30)

on       an error class, or a tuple or list of them, to retry after; an error matches by its class or by that of a cause
times    the maximal number of calls; 5 by default
delay    seconds, or a duration, before the second call; 1 by default. Each wait is shortened by up to half, at random
backoff  the factor by which the wait grows after each call, up to a minute; 2 by default

By default it retries only transient errors after which nothing can have changed: IncusBusyError and IncusUnavailableError
if the server refused the change, and IncusConnectionError if the request was not sent or only read something (the error's
outcome is "refused", "not_sent" or None), provided that fn changed nothing else in that call; and those of ensure, which
changes only what differs, whatever their outcome. An instance that a dead cluster member left without all of its files is
removed when the member is back, within 30 seconds, and created again; if it may still lack files, the error is raised. With
on= it retries whatever the outcome: retry(inst.exec, …, on=IncusConnectionError) may run the command twice. It never
retries after a ScriptError, Ctrl-C, a timeout or exit().

The error of the last call, or the first one that isn't retried, is raised; its attribute attempts is the number of calls.
Use a lambda if fn itself has a parameter named on, times, delay or backoff.`,
	Call: onTask(retry),
}

var waitUntilDecl = builtin.Decl{
	Name:   "wait_until",
	Params: []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Opt("timeout", builtin.Seconds|builtin.None, "60"), builtin.Opt("interval", builtin.Seconds, "1")},
	Help: `Calls fn() every interval seconds until it returns a true value, and returns that value.

    wait_until(lambda: inst.refresh().status == "Stopped", timeout=120)

timeout (60 by default, None for no limit) and interval (1 by default) are seconds or durations. When the time is over, fn
is called once more; if it still returns a false value, an Error is raised, which try_ catches, with the attributes timeout
and value, the last value. A running call of fn is not cut short. An error in fn ends the wait; wait_until(lambda:
try_(fn).ok) keeps waiting.`,
	Call: onTask(waitUntil),
}

// maxDelay is the longest delay after backoff.
const maxDelay = time.Minute

// A retrying holds the arguments of retry.
type retrying struct {
	on      []*errors.Class // nil for failures that are safe to repeat
	times   int
	delay   time.Duration
	backoff float64
}

func retry(c *invocation) (starlark.Value, error) {
	fn, err := c.function("retry(fn, arg)")
	if err != nil {
		return nil, err
	}
	how, kwargs, err := c.retrying()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	var failed []error
	changes, join := builtin.Of(c.Thread).Retry()
	defer join()
	for delay := how.delay; ; delay = how.longer(delay) {
		v, err := c.callFunction(c.Thread, fn, c.Args[1:], kwargs)
		switch {
		case err == nil || c.uncatchable(err):
			return v, err
		case len(failed) == how.times-1 || !how.again(failureOf(err), changes.Sent > 0):
			return nil, retriedError(err, failed, time.Since(begin))
		}
		failed = append(failed, failureOf(err))
		if err := wait(c.Thread, delay/2+rand.N(delay/2+1)); err != nil {
			return nil, err
		}
	}
}

// retrying separates the arguments of retry from those for fn.
func (c *invocation) retrying() (how retrying, kwargs []starlark.Tuple, err error) {
	how = retrying{times: 5, delay: time.Second, backoff: 2}
	for _, kwarg := range c.Kwargs {
		name, v := string(kwarg[0].(starlark.String)), kwarg[1]
		switch name {
		case "on":
			if v == starlark.None {
				continue
			}
			if how.on, err = classesOf(v); err != nil {
				err = fmt.Errorf("on: %w", err)
			} else if slices.ContainsFunc(how.on, func(class *errors.Class) bool { return class.IsA(errors.Script) }) {
				err = errors.Plain("on: a ScriptError is a mistake in the script, which calling again can't mend")
			}
		case "times":
			if how.times, err = starlark.AsInt32(v); err != nil || how.times < 1 {
				err = fmt.Errorf("times is %s, want an int of at least 1", builtin.Described(v))
			}
		case "delay":
			how.delay, err = value.Duration(name, v)
		case "backoff":
			var ok bool
			if how.backoff, ok = starlark.AsFloat(v); !ok || !(how.backoff >= 1) {
				err = fmt.Errorf("backoff is %s, want a number of at least 1", builtin.Described(v))
			}
		default:
			kwargs = append(kwargs, kwarg)
		}
		if err != nil {
			return how, nil, c.Errorf("%w", err)
		}
	}
	return how, kwargs, nil
}

// longer returns the delay after the given one.
func (how *retrying) longer(delay time.Duration) time.Duration {
	most := max(maxDelay, how.delay)
	if next := float64(delay) * how.backoff; next < float64(most) {
		return time.Duration(next)
	}
	return most
}

// again reports whether to call again after a failure, nil for an error of Starlark's own. Changed reports whether the call
// changed something, or may have.
func (how *retrying) again(failure *errors.Error, changed bool) bool {
	switch {
	case failure == nil || failure.Class.IsA(errors.Script):
		return false
	case how.on != nil:
		return isOneOf(failure, how.on)
	}
	return !changed && isTransient(failure)
}

// isTransient reports whether a failure may pass by itself and the change can't have been made, or may be made again. The
// failure itself decides that; its causes only tell the reason.
func isTransient(failure *errors.Error) bool {
	if !failure.Again && (failure.Outcome == errors.Done || failure.Outcome == errors.Unknown) {
		return false
	}
	reads := false
	for e := failure; e != nil; {
		reads = (reads || e.Reads) && e.OperationID == ""
		switch {
		case e.Class.IsA(errors.Busy), e.Class.IsA(errors.Unavailable):
			return true
		case e.Class.IsA(errors.TLS):
			return false
		case e.Class.IsA(errors.Connection):
			return failure.Again || failure.Outcome == errors.NotSent || e.Outcome == errors.NotSent || e.Outcome == "" && reads
		}
		var cause *errors.Error
		errors.As(e.Cause, &cause)
		e = cause
	}
	return false
}

// An annotated is an error with attributes that a call adds, and with notes, such as those of retry about earlier attempts.
type annotated struct {
	err     error
	failure *errors.Error // the error with the attributes; nil for an error of no class
	notes   []string
}

func (e *annotated) Error() string { return e.err.Error() }
func (e *annotated) Unwrap() error { return e.err }

func (e *annotated) As(target any) bool {
	failure, ok := target.(**errors.Error)
	if ok && e.failure != nil {
		*failure = e.failure
	}
	return ok && e.failure != nil
}

// Is asks the failure, because only that has the value of a class that a script made.
func (e *annotated) Is(target error) bool { return e.failure != nil && errors.Is(e.failure, target) }

// annotate returns an error, which is about failure, with further attributes.
func annotate(err error, failure *errors.Error, fields map[string]any) *annotated {
	own := *failure
	own.Fields = maps.Clone(failure.Fields)
	if own.Fields == nil {
		own.Fields = make(map[string]any)
	}
	maps.Copy(own.Fields, fields)
	return &annotated{err: err, failure: &own}
}

// retriedError returns the error of retry, whose earlier attempts failed with the errors in failed. What one of them may have
// changed counts, although the last one changed nothing.
func retriedError(err error, failed []error, took time.Duration) error {
	r := &annotated{err: err}
	if failure := failureOf(err); failure != nil {
		r = annotate(err, failure, map[string]any{"attempts": len(failed) + 1})
		for _, earlier := range failed {
			e, undone := failureOf(earlier), r.failure.Outcome == errors.Refused || r.failure.Outcome == errors.NotSent
			if undone && e != nil && (e.Outcome == errors.Unknown || e.Outcome == errors.Done) {
				r.failure.Outcome, r.failure.Hint = errors.Unknown, cmp.Or(r.failure.Hint, e.Hint)
			}
		}
	}
	if failed == nil {
		return r
	}
	r.notes = []string{fmt.Sprintf("failed %d times in %v", len(failed)+1, took.Round(100*time.Millisecond))}
	shown := err.Error()
	if r.failure != nil {
		shown = failureOf(err).Error()
	}
	for i, earlier := range failed {
		if text := earlier.Error(); !strings.Contains(shown, text) {
			r.notes = append(r.notes, fmt.Sprintf("attempt %d: %s", i+1, text))
			shown += "\n" + text
		}
	}
	return r
}

// notesOf returns the notes of all calls around an error, the innermost first.
func notesOf(err error) []string {
	var r *annotated
	if !errors.As(err, &r) {
		return nil
	}
	return append(notesOf(r.err), r.notes...)
}

func waitUntil(c *invocation) (starlark.Value, error) {
	var fn, timeout, interval starlark.Value = nil, starlark.MakeInt(60), starlark.MakeInt(1)
	if err := c.Unpack(&fn, &timeout, &interval); err != nil {
		return nil, err
	}
	f, ok := fn.(starlark.Callable)
	if !ok {
		return nil, c.Errorf("fn is %s, want a function: write wait_until(lambda: f(x)), not wait_until(f(x))", builtin.Described(fn))
	}
	limit := value.Forever
	pause, err := value.Duration("interval", interval)
	if err == nil && timeout != starlark.None {
		limit, err = value.Duration("timeout", timeout)
	}
	if err != nil {
		return nil, c.Errorf("%w", err)
	}
	begin := time.Now()
	for {
		left := limit - time.Since(begin)
		v, err := c.callFunction(c.Thread, f, nil, nil)
		if err != nil || v.Truth() {
			return v, err
		}
		if left <= 0 {
			return nil, &errors.Error{Class: errors.Base,
				Message: fmt.Sprintf("%s wasn't true within %v", f.Name(), limit), Fields: map[string]any{"timeout": timeout, "value": v}}
		}
		if err := wait(c.Thread, min(pause, limit-time.Since(begin))); err != nil {
			return nil, err
		}
	}
}
