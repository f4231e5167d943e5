package starlarkincus

import (
	"context"

	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// threadKey is the thread-local that Bind sets.
const threadKey = "incus-star.thread"

// A binding is what a thread's requests run under.
type binding struct {
	ctx   context.Context // leads back to the binding
	block func(wait func())

	sent, done int // changes that the server took or may have taken, and those of them that are made
}

// Bind gives a thread the context that its requests run under, and what runs a function that waits: a host whose
// threads share a lock releases it there. A nil block just calls the function. Without Bind a thread's requests can't
// be cancelled. Bind must come before the thread runs anything.
func Bind(thread *starlark.Thread, ctx context.Context, block func(wait func())) {
	if block == nil {
		block = func(wait func()) { wait() }
	}
	b := &binding{block: block}
	b.ctx = context.WithValue(ctx, bindingKey{}, b)
	thread.SetLocal(threadKey, b)
}

type bindingKey struct{}

// bindingIn returns the binding of the thread whose context it is, and an empty one for another context.
func bindingIn(ctx context.Context) *binding {
	if b, ok := ctx.Value(bindingKey{}).(*binding); ok {
		return b
	}
	return &binding{ctx: ctx, block: func(wait func()) { wait() }}
}

// bindingOf is the thread's binding, made where Bind wasn't called.
func bindingOf(thread *starlark.Thread) *binding {
	b, ok := thread.Local(threadKey).(*binding)
	if !ok {
		Bind(thread, context.Background(), nil)
		b = thread.Local(threadKey).(*binding)
	}
	return b
}

// Changes returns how many changes the thread's calls have made, or may have made.
func Changes(thread *starlark.Thread) int { return bindingOf(thread).sent }

// AddChanges counts the changes of another thread, which works for this one, as its own.
func AddChanges(thread *starlark.Thread, n int) { bindingOf(thread).sent += n }

// Work is what the calls of a run's threads have begun on servers.
type Work = rest.Work

// Running is what a server goes on with.
type Running = rest.Running

// Track makes a context under which the calls of all threads that are bound to it, or to one derived from it, are noted
// in one Work.
func Track(ctx context.Context) (context.Context, *Work) { return rest.Track(ctx) }

// Context is the context that the thread was bound to.
func Context(thread *starlark.Thread) context.Context {
	if b, ok := thread.Local(threadKey).(*binding); ok {
		return b.ctx
	}
	return context.Background()
}

// Block runs wait, which must touch no Starlark value, while other threads of the same host may run.
func Block(thread *starlark.Thread, wait func()) {
	if b, ok := thread.Local(threadKey).(*binding); ok {
		b.block(wait)
		return
	}
	wait()
}
