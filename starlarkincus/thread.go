package starlarkincus

import (
	"context"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// Bind sets the context for a thread's requests, and a function that runs blocking calls, in which a host with a lock
// for all threads releases it. A nil block calls the function directly. Without Bind, requests can't be cancelled. Call
// it before the thread runs.
func Bind(thread *starlark.Thread, ctx context.Context, block func(wait func())) {
	builtin.Bind(thread, builtin.Binding{Context: ctx, Block: block})
}

// Track returns a context that records the calls of all threads bound to it, or to one derived from it, in the Work.
func Track(ctx context.Context) (context.Context, builtin.Work) {
	ctx, w := rest.Track(ctx)
	return ctx, work{w}
}

// work adapts rest.Work to the host's interface.
type work struct{ *rest.Work }

func (w work) Running(ctx context.Context) []builtin.Running {
	var all []builtin.Running
	for _, r := range w.Work.Running(ctx) {
		all = append(all, builtin.Running(r))
	}
	return all
}
