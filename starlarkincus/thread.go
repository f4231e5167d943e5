package starlarkincus

import (
	"context"

	"go.starlark.net/starlark"
)

// threadKey is the thread-local that Bind sets.
const threadKey = "incus-star.thread"

type binding struct {
	ctx   context.Context
	block func(wait func())
}

// Bind gives a thread the context that its requests run under, and what runs a function that waits: a host whose
// threads share a lock releases it there. A nil block just calls the function. Without Bind a thread's requests can't
// be cancelled. Bind must come before the thread runs anything.
func Bind(thread *starlark.Thread, ctx context.Context, block func(wait func())) {
	if block == nil {
		block = func(wait func()) { wait() }
	}
	thread.SetLocal(threadKey, &binding{ctx, block})
}

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
