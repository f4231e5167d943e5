package starlarkincus

import (
	"context"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// Bind gives a thread the context that its requests run under, and what runs a function that waits: a host whose
// threads share a lock releases it there. A nil block just calls the function. Without Bind a thread's requests can't
// be cancelled. Bind must come before the thread runs anything.
func Bind(thread *starlark.Thread, ctx context.Context, block func(wait func())) {
	builtin.Bind(thread, builtin.Binding{Context: ctx, Block: block})
}

// Track makes a context under which the calls of all threads that are bound to it, or to one derived from it, are noted
// in one Work.
func Track(ctx context.Context) (context.Context, builtin.Work) {
	ctx, w := rest.Track(ctx)
	return ctx, work{w}
}

// work is a server's work in the words of the host.
type work struct{ *rest.Work }

func (w work) Running(ctx context.Context) []builtin.Running {
	var all []builtin.Running
	for _, r := range w.Work.Running(ctx) {
		all = append(all, builtin.Running(r))
	}
	return all
}
