package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/report"

	"go.starlark.net/starlark"
)

var parallelDecl = builtin.Decl{
	Name:    "parallel",
	Params:  []builtin.Param{builtin.Need("fn", builtin.Callable), builtin.Need("items", builtin.Iterable), builtin.Opt("limit", builtin.Int, "8")},
	Returns: builtin.List.Of(builtin.Result), Help: `Calls fn(item) for each of the items, at most limit at a time, and returns a list of Results in the order of the items.

    for r in parallel(incus.instances.get, names):
        print(r.item, r.value.status if r else r.error.message)

An IncusError, or an error that the script raised, becomes the error of that call's Result; the other calls continue. A
ScriptError, a mistake in the script, cancels the other calls, and is raised once all of them, with their finally_ and
their commands in instances, have ended. Ctrl-C, a timeout and exit() end all calls.

Calls take turns: each runs until it waits for Incus, in sleep() or in another parallel(), and only then another one
runs. So they may change the same lists and dicts without a lock, and a call that only computes delays the others.
fn may call parallel(), which has a limit of its own. Items are taken as calls begin, but a list, dict or set is copied
first.`,
	Call: onTask(parallel),
}

var errSiblingFailed = errors.Plain("another task failed")

// A group is one call of parallel, or the calls of a fleet. It is guarded by the host's lock.
type group struct {
	*invocation
	fleet   *fleetCalls // nil for parallel
	fn      starlark.Callable
	items   starlark.Iterator
	count   int // of the items; -1 if unknown before the end
	limit   int // of tasks at a time
	results []starlark.Value
	next    int  // the number of the next item
	over    bool // whether all items are taken
	halted  bool // whether no further call may begin
	depth   int
	workers sync.WaitGroup
	started int // workers

	ctx     context.Context
	cancel  context.CancelCauseFunc
	err     error              // the reason for the group's end
	failed  int                // the number of the item that failed with err
	genuine bool               // whether err came before a stop of the call itself
	stopped []*task            // those that err, or the end of their time, ended
	callers starlark.CallStack // of the call, set at the first use
}

func parallel(c *invocation) (starlark.Value, error) {
	var fnArg, itemsArg starlark.Value
	limit := 8
	if err := c.Unpack(&fnArg, &itemsArg, &limit); err != nil {
		return nil, err
	}
	fn, ok := fnArg.(starlark.Callable)
	if !ok {
		return nil, c.Errorf("fn is %s, want a function: write parallel(fn, items), not parallel(fn(item), items)", builtin.Described(fnArg))
	}
	items, ok := itemsArg.(starlark.Iterable)
	if !ok {
		return nil, c.Errorf("items is %s, want a list or another sequence", builtin.Described(itemsArg))
	}
	if limit < 1 || limit > maxTasks {
		return nil, c.Errorf("limit is %d, want 1 to %d", limit, maxTasks)
	}
	return (&group{invocation: c, fn: fn, count: starlark.Len(items), limit: limit}).call(items)
}

// call makes the calls and returns the list of Results.
func (g *group) call(items starlark.Iterable) (starlark.Value, error) {
	c := g.invocation
	g.depth = c.depth + c.Thread.CallStackDepth() + taskDepth
	if g.depth > maxDepth {
		return nil, errors.Plain("Starlark stack overflow")
	}
	g.items = itemsOf(items)
	defer g.items.Done()
	g.ctx, g.cancel = context.WithCancelCause(c.ctx)
	defer g.cancel(nil)
	g.work()
	c.host().block(g.workers.Wait)
	if (g.err != nil || g.stopped != nil) && causeOf(c.ctx) == nil {
		g.run.endStopped(g.stopped)
	}
	if g.genuine && causeOf(c.ctx) != nil {
		c.reportAside("an error, before the script was stopped", g.err)
	}
	if g.err != nil {
		return nil, g.err
	}
	if !g.over && !g.halted {
		return nil, context.Cause(c.ctx)
	}
	return starlark.NewList(g.results), nil
}

// taskDepth is added to the depth of recursion by each call of parallel, besides its frames: each task also has a Go stack.
const taskDepth = 100

// maxTasks is the highest limit: each task has its own stacks.
const maxTasks = 10_000

// itemsOf returns an iterator of the items. Values that tasks may change are copied first.
func itemsOf(items starlark.Iterable) starlark.Iterator {
	switch items.(type) {
	case *starlark.List, *starlark.Dict, *starlark.Set:
		return starlark.NewList(slices.Collect(starlark.Elements(items))).Iterate()
	}
	return items.Iterate()
}

// work starts a worker, which runs one task after the other. Each starts the next worker when it finds an item, so that
// there are no more workers than items. The lock is held.
func (g *group) work() {
	if g.started == g.limit {
		return
	}
	g.started++
	g.workers.Go(func() {
		for first := true; g.one(first); first = false {
		}
	})
}

// one runs the next task, and reports whether there was one. It releases the lock at its end, for other tasks.
func (g *group) one(first bool) bool {
	h := g.host()
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.over || g.halted || g.ctx.Err() != nil {
		return false
	}
	ctx, limit, release := g.fleet.context(g.ctx, g.next)
	defer release()
	thread, done := g.run.newThread("task", ctx, g.depth)
	defer done()
	own := taskOf(thread)
	own.caller = g.task
	own.due = limit.before(g.task.due)
	var item starlark.Value
	if !g.items.Next(&item) {
		if err := own.raised(nil); err != nil {
			g.fail(g.next, err)
		}
		g.over = g.ctx.Err() == nil
		return false
	}
	i := g.next
	g.next++
	g.over = g.next == g.count
	g.results = append(g.results, nil)
	if limit := h.options.MaxSteps; limit > 0 && g.run.callerCtx.Err() == nil {
		// A task that is a builtin takes no steps.
		if g.run.steps++; g.run.steps > limit {
			g.over = false
			g.invocation.stop(fmt.Errorf("%w: %d", ErrSteps, limit))
			return false
		}
	}
	if first && !g.over {
		g.work()
	}
	own.cleanups = g.cleanups
	own.item = func() *report.Task { return g.describe(i, item) }
	v, err := own.callFunction(thread, g.fn, starlark.Tuple{item}, nil)
	sent := builtin.Of(thread).Sent > 0
	builtin.Of(thread).AddTo(builtin.Of(g.Thread).Changes)
	failure := failureOf(err)
	g.fleet.name(i, failure)
	switch {
	case err == nil:
		g.results[i] = &result{value: v}
	case limit != nil && context.Cause(own.ctx) == limit && g.ctx.Err() == nil:
		g.stopped = append(g.stopped, own)
		late := g.fleet.late(i, failure, builtin.Of(thread).Changes)
		g.results[i] = &result{err: h.errorValueOf(g.traced(&report.ThreadBoundary{Task: own.item(), Err: late}))}
	case own.uncatchable(err) || failure == nil || failure.Class.IsA(errors.Script):
		g.stopped = append(g.stopped, own)
		g.fail(i, &report.ThreadBoundary{Task: own.item(), Err: err})
	default:
		g.results[i] = &result{err: h.errorValueOf(g.traced(&report.ThreadBoundary{Task: own.item(), Err: err}))}
	}
	if g.fleet != nil {
		g.fleet.changed[i] = sent
	}
	if r, ok := g.results[i].(*result); ok && g.fleet == nil {
		r.item = item
	} else if ok {
		r.remote = g.fleet.servers[i].Name
		g.halted = g.halted || g.fleet.halts(r)
	}
	return true
}

// fail ends the group with an item's error. Only the first error is kept: later ones are caused by the cancellation. After
// an interrupt all are, and that of the first item is kept.
func (g *group) fail(i int, err error) {
	interrupted := g.invocation.ctx.Err() != nil
	if g.err == nil || interrupted && !g.genuine && !isStop(g.err) && i < g.failed {
		g.err, g.failed, g.genuine = err, i, !interrupted && !isStop(err)
	}
	g.cancel(errSiblingFailed)
}

// describe returns the task of an item, for backtraces.
func (g *group) describe(i int, item starlark.Value) *report.Task {
	shown := ""
	if g.fleet != nil {
		shown = g.fleet.servers[i].Name
	} else {
		shown = shownText(item)
	}
	text := []rune(strings.ReplaceAll(printable.Text(shown), "\n", " "))
	if len(text) > 60 {
		text = append(text[:59], '…')
	}
	count := g.count
	if count < 0 {
		count = g.next
	}
	return &report.Task{Index: i, Count: count, Item: string(text)}
}

// traced returns an error with the stack of the call of parallel. An error that is returned gets it from Starlark; this one
// becomes a Result.
func (g *group) traced(err error) error {
	if g.callers == nil {
		g.callers = g.Thread.CallStack()
	}
	return withStack(g.Name, err, g.callers)
}
