package host

import (
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

var deferDecl = builtin.Decl{
	Name:    "defer",
	Params:  []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Args("args", builtin.Any), builtin.KwArgs("kwargs", builtin.Any)},
	Returns: builtin.None, Help: `Calls fn(*args, **kwargs) when the script ends, also after an error, Ctrl-C, a timeout or exit().

    inst = incus.instances.launch("probe", image="images:debian/12")
    defer(inst.delete, force=True)

Deferred calls run in reverse order, and all of them run even if some fail. A failure is printed, and sets the exit status
to that of its class if the script would have ended with 0. A call deferred in a function or in a task of parallel() also
runs at the end of the script, and one deferred at the prompt at the end of the prompt; finally_ cleans up sooner.

After an interrupt or a timeout, pending requests are cancelled or briefly waited for. Then all clean-up together has
10 seconds, enough to delete two or three running instances; --cleanup-timeout changes the limit. A fifth of it, or an
equal share if there are many calls, is reserved for each call still to run.`,
	Call: onTask(deferCall),
}

// A deferredCall is a call for the script's end.
type deferredCall struct {
	fn     starlark.Callable
	args   starlark.Tuple
	kwargs []starlark.Tuple
	at     starlark.CallStack // the call of defer and its caller, for the backtrace
}

func deferCall(c *invocation) (starlark.Value, error) {
	fn, err := c.function("defer(fn, arg)")
	if err != nil {
		return nil, err
	}
	c.run.left.deferred = append(c.run.left.deferred, deferredCall{fn, c.Args[1:], c.Kwargs, c.callers()})
	return starlark.None, nil
}

// function returns the first argument, a function to call with the others. Example is a correct call, for the error.
func (c *invocation) function(example string) (starlark.Callable, error) {
	if len(c.Args) == 0 {
		return nil, c.Errorf("missing the function: write %s", example)
	}
	fn, ok := c.Args[0].(starlark.Callable)
	if !ok {
		return nil, c.Errorf("got %s, want a function: write %s, not %s(fn(arg))", builtin.Described(c.Args[0]), example, c.Name)
	}
	return fn, nil
}

// callers returns the end of the stack: the builtin and, if there is one, the script's function that called it.
func (c *invocation) callers() starlark.CallStack {
	stack := starlark.CallStack{c.Thread.CallFrame(0)}
	if c.Thread.CallStackDepth() > 1 {
		stack = starlark.CallStack{c.Thread.CallFrame(1), stack[0]}
	}
	return stack
}

// callDeferred makes the deferred calls, including those that they defer. Err is the error of the run so far; callDeferred
// returns the final one.
func (r *run) callDeferred(err error) error {
	for calls := &r.left.deferred; len(*calls) > 0; {
		last := len(*calls) - 1
		d := (*calls)[last]
		(*calls)[last] = deferredCall{}
		*calls = (*calls)[:last]
		if failed := r.protected(time.Time{}, 0, last, d.at, d.fn, d.args, d.kwargs); failed != nil {
			err = r.withDeferred(err, failed)
		}
	}
	r.host.block(func() { r.left.kept.endAll(r.cleanupCtx) })
	switch {
	case err == nil:
		return r.outcome(nil)
	case r.cleanupStopped && stopOf(err) == nil:
		// The run was stopped during the calls, after it had ended with an error or by exit().
		r.host.reportAside("an error, before the script was stopped", err)
		return &stopError{cause: causeOf(r.callerCtx)}
	}
	return err
}

// withDeferred returns the error of a run, either its own error so far or that of a deferred call that failed. It prints
// the other, so that none is lost.
func (r *run) withDeferred(err, failed error) error {
	var exit *ExitError
	switch {
	case causeOf(r.callerCtx) != nil && (r.cleanupCtx.Err() != nil || r.cleanupStopped || stopOf(failed) != nil):
		// A stop, even one during the call, takes precedence.
		r.host.reportAside(deferredFailed, failed)
		if err == nil {
			err = &stopError{cause: causeOf(r.callerCtx)}
		}
		return err
	case err == nil, errors.As(err, &exit) && exit.Status == 0:
		return failed
	case isStop(failed) && !isStop(err):
		r.host.reportAside("an error, before a deferred call ended the script", err)
		return failed
	}
	r.host.reportAside(deferredFailed, failed)
	return err
}

const deferredFailed = "a deferred call failed"
