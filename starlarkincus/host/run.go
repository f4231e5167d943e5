package host

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/terminal"
	"incus-star/starlarkincus/report"

	"go.starlark.net/starlark"
)

// A run is one execution of a script, or of an entry at a prompt, with all its tasks.
type run struct {
	host *Host

	// context     cancelled by                                         used by
	// callerCtx   the caller's context, the step limit                 the other two
	// scriptCtx   callerCtx, exit(), die(), a panic, closed output     scripts
	// cleanupCtx  the end of the grace period after callerCtx's end    clean-up
	callerCtx, scriptCtx, cleanupCtx          context.Context
	cancelCaller, cancelScript, cancelCleanup context.CancelCauseFunc
	unwatch                                   func() bool

	steps   uint64    // of ended tasks, and of others up to their last report
	loading []loading // the files being loaded, the script first

	names starlark.StringDict // predeclared for its files
	line  *commandLine        // of the script; nil at a prompt

	left *leftovers // of the script, or of the prompt's session

	work           builtin.Work
	settled        bool             // whether abandoned work was ended before the script went on
	graceEnd       func() time.Time // the end of the grace period, which the first call begins
	cleanupStopped bool             // whether callerCtx ended while a clean-up ran
	cut            []string         // the unfinished calls of clean-up
}

// A task is the state of a run that one Starlark thread has.
type task struct {
	run    *run
	thread *starlark.Thread
	ctx    context.Context
	cancel context.CancelCauseFunc
	caller *task // which waits for this one; nil for none
	depth  int   // of the calling threads, for the limit of recursion

	due time.Time // the end of the time for a call of a fleet, which this task makes or serves; zero for none

	cleanups int // the number of clean-ups due later, those of the calling tasks included

	item func() *report.Task // describes a task of parallel; nil for others
}

const taskKey = "incus-star.task"

// taskOf returns the thread's task; nil for a thread that no host made.
func taskOf(thread *starlark.Thread) *task {
	t, _ := thread.Local(taskKey).(*task)
	return t
}

// execute runs a script, and then the calls that it deferred, as a run of its own.
func (h *Host) execute(ctx context.Context, script func(*run, *starlark.Thread) error) error {
	return h.withRun(ctx, new(leftovers), func(r *run) error { return r.unfinished(r.callDeferred(r.main(script))) })
}

// withRun calls body with a new run, under the lock.
func (h *Host) withRun(ctx context.Context, left *leftovers, body func(*run) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.newRun(ctx)
	defer r.close()
	r.left = left
	return classed(body(r))
}

// main runs a script, or an entry, on the run's first thread.
func (r *run) main(script func(*run, *starlark.Thread) error) error {
	if cause := causeOf(r.callerCtx); cause != nil {
		return &stopError{cause: cause}
	}
	thread, done := r.newThread("main", r.scriptCtx, 0)
	defer done()
	return r.outcome(taskOf(thread).guard(func() error { return script(r, thread) }))
}

func (h *Host) newRun(ctx context.Context) *run {
	r := &run{host: h, names: h.predeclared}
	ctx, r.work = h.options.Track(ctx)
	r.graceEnd = sync.OnceValue(func() time.Time { return time.Now().Add(h.options.Grace) })
	r.callerCtx, r.cancelCaller = context.WithCancelCause(ctx)
	r.scriptCtx, r.cancelScript = context.WithCancelCause(r.callerCtx)
	r.cleanupCtx, r.cancelCleanup = context.WithCancelCause(context.WithoutCancel(ctx))
	r.unwatch = context.AfterFunc(r.callerCtx, func() {
		grace := time.NewTimer(time.Until(r.graceEnd()))
		defer grace.Stop()
		select {
		case <-grace.C:
			r.cancelCleanup(fmt.Errorf("%w: %v", errGraceOver, h.options.Grace))
		case <-r.cleanupCtx.Done():
		}
	})
	h.runsMu.Lock()
	h.runs[r] = true
	h.runsMu.Unlock()
	return r
}

func (r *run) close() {
	r.host.runsMu.Lock()
	delete(r.host.runs, r)
	r.host.runsMu.Unlock()
	r.unwatch()
	r.cancelCleanup(nil)
	r.cancelCaller(nil)
	r.work.Close()
}

// stop ends the run's scripts for a cause in themselves.
func (r *run) stop(cause error) {
	if errors.Is(cause, ErrSteps) {
		r.cancelCaller(cause)
	}
	r.cancelScript(cause)
}

// cause returns the cause of the run's stop; nil for none. An interrupt takes precedence over an earlier exit().
func (r *run) cause() error {
	if cause := causeOf(r.callerCtx); cause != nil {
		return cause
	}
	return causeOf(r.scriptCtx)
}

// outcome returns the run's error for its caller. A script that reached its end has succeeded, even if it was interrupted
// just before. It has not if a clean-up was interrupted, or if standard output was closed.
func (r *run) outcome(err error) error {
	cause := r.cause()
	var exit *ExitError
	switch {
	case errors.As(cause, &exit):
		return exit
	case cause == nil || err == nil && cause != ErrOutputClosed && !r.cleanupStopped:
		return err
	}
	return &stopError{cause, err}
}

// newThread returns a thread that ends with the context parent, and runs from now on. The caller must call done at its
// end.
func (r *run) newThread(name string, parent context.Context, depth int) (thread *starlark.Thread, done func()) {
	ctx, cancel := context.WithCancelCause(parent)
	thread = &starlark.Thread{Name: name, Load: r.load, Print: func(_ *starlark.Thread, s string) { _ = r.host.print(s) }}
	t := &task{run: r, thread: thread, ctx: ctx, cancel: cancel, depth: depth}
	if r.host.current != nil {
		t.caller = taskOf(r.host.current)
		t.due = t.caller.due
	}
	thread.SetLocal(taskKey, t)
	builtin.Bind(thread, builtin.Binding{
		Context: ctx, Block: r.host.block, Guard: t.guard, Keep: func(end func(context.Context)) (release func()) { return r.left.kept.add(t, end) }, Current: func() *starlark.Thread { return r.host.current },
		Print: t.print, Width: func() int { width, _ := terminal.Size(r.host.options.Stdout); return width }, Color: func() bool { return terminal.Colored(r.host.options.Stdout) }})
	counted := r.countSteps(thread, t)
	unwatch := context.AfterFunc(ctx, func() { thread.Cancel(context.Cause(ctx).Error()) })
	caller := r.host.current
	r.host.current = thread
	return thread, func() {
		r.host.current = caller
		unwatch()
		counted()
		cancel(nil)
	}
}

// countSteps makes the thread's steps count against the run's limit, a slice at a time.
func (r *run) countSteps(thread *starlark.Thread, t *task) (count func()) {
	limit := r.host.options.MaxSteps
	if limit == 0 || r.callerCtx.Err() != nil {
		return func() {}
	}
	const slice = 10_000
	var counted uint64
	count = func() {
		r.steps += thread.Steps - counted
		counted = thread.Steps
	}
	allow := func() { thread.SetMaxExecutionSteps(thread.Steps + min(limit-r.steps, slice) + 1) }
	thread.OnMaxSteps = func(*starlark.Thread) {
		if count(); r.steps <= limit {
			allow()
			return
		}
		cause := fmt.Errorf("%w: %d", ErrSteps, limit)
		t.stop(cause)
		thread.Cancel(cause.Error())
	}
	if r.steps <= limit {
		allow()
	} else {
		thread.SetMaxExecutionSteps(1)
	}
	return count
}

// block calls wait without the lock.
func (h *Host) block(wait func()) {
	thread := h.current
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.current = thread
	}()
	wait()
}

// stop ends the task and the run. They differ during clean-up, when a task runs after the run's end.
func (t *task) stop(cause error) {
	t.cancel(cause)
	t.run.stop(cause)
}

// uncatchable reports whether no try_ may hold an error, because the task was stopped or is to be. The context comes first:
// the error of a stopped builtin may look like any failure.
func (t *task) uncatchable(err error) bool { return t.ctx.Err() != nil || isStop(err) }

// callFunction calls a script's function. A panic becomes an error, so that clean-up runs after it.
func (t *task) callFunction(thread *starlark.Thread, fn starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) (v starlark.Value, err error) {
	err = t.guard(func() error {
		v, err = starlark.Call(thread, fn, args, kwargs)
		return err
	})
	return v, err
}

// guard calls body and returns a panic as an internal error, which no try_ holds, and the error of an iterator.
func (t *task) guard(body func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			internal := &internalError{p, debug.Stack()}
			t.stop(internal)
			err = internal
		}
	}()
	return t.raised(body())
}

// raised returns the error of a call on the thread: that of an iterator, if one failed.
func (t *task) raised(err error) error {
	failure := builtin.Of(t.thread).Failure()
	if failure == nil || t.ctx.Err() != nil {
		return err
	}
	var trace *starlark.EvalError
	for inner := err; errors.As(inner, &trace); inner = trace.Unwrap() {
	}
	if trace == nil {
		return failure
	}
	return withStack("", failure, trace.CallStack)
}

// withStack returns an error with the stack of its origin.
func withStack(name string, err error, stack starlark.CallStack) error {
	fail := starlark.NewBuiltin(name, func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return nil, err
	})
	_, err = starlark.Call(new(starlark.Thread), fail, nil, nil)
	err.(*starlark.EvalError).CallStack = stack
	return err
}

// maxDepth is the limit of recursion over the threads that call each other, such as those of clean-up. It is a little more
// than Starlark's limit for one thread, so that clean-up still runs after an error of that.
const maxDepth = 101_000

// cleanup calls fn as clean-up for the thread.
func (t *task) cleanup(thread *starlark.Thread, fn starlark.Callable) error {
	return t.run.protected(t.due, t.depth+thread.CallStackDepth(), t.cleanups+len(t.run.left.deferred), nil, fn, nil, nil)
}

// protected calls fn on a thread of its own, which a stop of the run, before or during the call, ends only after the grace
// period. Others is the number of later clean-ups: after a stop each keeps a share of the time. After the time of a call of a
// fleet, due, its clean-up has a grace period of its own. The requests of the stopped script are ended first.
func (r *run) protected(due time.Time, depth, others int, callers starlark.CallStack, fn starlark.Callable, args starlark.Tuple, kwargs []starlark.Tuple) error {
	if depth > maxDepth {
		return errors.Plain("Starlark stack overflow")
	}
	if cause := causeOf(r.cleanupCtx); cause != nil {
		r.noteCut(fn, args, "was not called")
		return &stopError{cause: fmt.Errorf("%s was not called: %w", fn.Name(), cause)}
	}
	r.endAbandoned(r.cleanupCtx, r.host.options.Grace/abandonedShare)
	if r.callerCtx.Err() == nil {
		defer func() { r.cleanupStopped = r.cleanupStopped || r.callerCtx.Err() != nil }()
	}
	ctx, release := r.share(others)
	defer release()
	if !due.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, due.Add(r.host.options.Grace), fmt.Errorf("%w: %v", errGraceOver, r.host.options.Grace))
		defer cancel()
	}
	caller := r.host.current
	own, done := r.newThread("clean-up", ctx, depth)
	defer done()
	_, err := taskOf(own).callFunction(own, fn, args, kwargs)
	if caller != nil {
		builtin.Of(own).AddTo(builtin.Of(caller).Changes)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		r.noteCut(fn, args, "was cut short")
	}
	if cause := causeOf(taskOf(own).ctx); cause != nil {
		return &stopError{cause, &report.ThreadBoundary{Callers: callers, Err: err}}
	}
	return &report.ThreadBoundary{Callers: callers, Err: err}
}
