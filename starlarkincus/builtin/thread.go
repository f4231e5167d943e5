package builtin

import (
	"context"

	"go.starlark.net/starlark"
)

// A Binding is what the calls of a thread's functions work with. The zero value suits a thread that nothing ends and that
// shares no lock with others.
type Binding struct {
	// Context ends the calls.
	Context context.Context
	// Block runs a function that waits: a host whose threads share a lock releases it there. Nil just calls it.
	Block func(wait func())
	// Guard runs each call of a declared function; nil just calls it.
	Guard func(call func() error) error

	// Sent counts the changes that a server took or may have taken, Done those of them that are made.
	Sent, Done int
}

// threadKey is the thread-local that Bind sets.
const threadKey = "incus-star.binding"

// Bind gives a thread what its calls work with. It must come before the thread runs anything.
func Bind(thread *starlark.Thread, b Binding) *Binding {
	if b.Context == nil {
		b.Context = context.Background()
	}
	if b.Block == nil {
		b.Block = func(wait func()) { wait() }
	}
	if b.Guard == nil {
		b.Guard = func(call func() error) error { return call() }
	}
	thread.SetLocal(threadKey, &b)
	return &b
}

// Of returns the thread's binding, made where Bind wasn't called.
func Of(thread *starlark.Thread) *Binding {
	if b, ok := thread.Local(threadKey).(*Binding); ok {
		return b
	}
	return Bind(thread, Binding{})
}
