package builtin

import (
	"context"

	"go.starlark.net/starlark"
)

// A Binding is what the calls of a thread's functions work with. The zero value suits a thread that nothing ends and that
// shares no lock with others.
type Binding struct {
	// Context ends the calls. [In] leads back from it to the binding.
	Context context.Context
	// Block runs a function that waits and touches no Starlark value: a host whose threads share a lock releases it there.
	// Nil just calls it.
	Block func(wait func())
	// Guard runs each call of a declared function; nil just calls it.
	Guard func(call func() error) error

	// Print prints a text and a newline for a call, as print does; nil prints nothing.
	Print func(c *Call, text string) error
	// Width returns the width of the terminal that Print prints on, 0 where it is none.
	Width func() int

	// Sent counts the changes that a server took or may have taken, Done those of them that are made.
	Sent, Done int
}

// threadKey is the thread-local that Bind sets.
const threadKey = "incus-star.thread"

type contextKey struct{}

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
	if b.Print == nil {
		b.Print = func(*Call, string) error { return nil }
	}
	if b.Width == nil {
		b.Width = func() int { return 0 }
	}
	b.Context = context.WithValue(b.Context, contextKey{}, &b)
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

// In returns the binding of the thread whose context it is, and an empty one for another context.
func In(ctx context.Context) *Binding {
	if b, ok := ctx.Value(contextKey{}).(*Binding); ok {
		return b
	}
	return &Binding{Context: ctx, Block: func(wait func()) { wait() }}
}

// Work is what the calls of a run's threads have begun elsewhere, such as on servers.
type Work interface {
	// Abandoned reports whether some of it goes on that nobody waits for any more.
	Abandoned() bool
	// Settle brings to an end what was abandoned, as far as that can be done before ctx ends.
	Settle(ctx context.Context)
	// Running returns what goes on, as far as it can be told before ctx ends, and what ended well after its caller was
	// stopped, so that no script knows of it.
	Running(ctx context.Context) []Running
	// Close gives up what is left.
	Close()
}

// Running is one thing that a server goes on with, or has ended after its caller was stopped.
type Running struct {
	Description string // such as "creating instance web"
	OperationID string // empty where it isn't known
	Ended       bool   // it succeeded
}

func (r Running) String() string {
	if r.OperationID == "" {
		return r.Description
	}
	return r.Description + " (operation " + r.OperationID + ")"
}
