package builtin

import (
	"context"
	"strings"
	"time"

	"go.starlark.net/starlark"
)

// A Binding is the environment of the calls on a thread. The zero value is for a thread that is never cancelled and
// shares no lock with other threads.
type Binding struct {
	// Context cancels the calls. [In] returns the binding of a context.
	Context context.Context
	// Block calls a function that waits and uses no Starlark values. A host whose threads share a lock releases it
	// meanwhile. Nil just calls the function.
	Block func(wait func())
	// Guard wraps each call of a declared function; nil just calls it.
	Guard func(call func() error) error

	// Keep adds a function to call after the script's clean-up, until release is called; nil ignores it.
	Keep func(end func(context.Context)) (release func())

	// Current returns the thread that runs now, of those that share a lock; nil for the binding's own.
	Current func() *starlark.Thread

	// Print prints a line like print; nil prints nothing.
	Print func(c *Call, text string) error
	// Width returns the width of Print's terminal; 0 if there is none.
	Width func() int
	// Color reports whether Print's terminal has colours.
	Color func() bool

	// Changes counts the changes by the calls; inside of retry, those by its attempts. It is never nil after Bind.
	*Changes
	// Retries reports whether the calls are those of a retry, which repeats one that was refused.
	Retries bool

	thread  *starlark.Thread
	failure error // given to Fail
}

// threadKey is the name of the thread-local variable with the binding.
const threadKey = "incus-star.thread"

type contextKey struct{}

// Bind sets the binding of a thread. It must be called before the thread runs code.
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
	if b.Keep == nil {
		b.Keep = func(func(context.Context)) (release func()) { return func() {} }
	}
	if b.Width == nil {
		b.Width = func() int { return 0 }
	}
	if b.Color == nil {
		b.Color = func() bool { return false }
	}
	b.thread = thread
	if b.Changes == nil {
		b.Changes = new(Changes)
	}
	if b.Current == nil {
		b.Current = func() *starlark.Thread { return thread }
	}
	b.Context = context.WithValue(b.Context, contextKey{}, &b)
	thread.SetLocal(threadKey, &b)
	return &b
}

// Of returns the binding of the thread, and creates one if Bind wasn't called.
func Of(thread *starlark.Thread) *Binding {
	if b, ok := thread.Local(threadKey).(*Binding); ok {
		return b
	}
	return Bind(thread, Binding{})
}

// In returns the binding with the context; for any other context, an empty one.
func In(ctx context.Context) *Binding {
	if b, ok := ctx.Value(contextKey{}).(*Binding); ok {
		return b
	}
	return &Binding{Context: ctx, Block: func(wait func()) { wait() }, Changes: new(Changes)}
}

// Running returns the binding of the thread that runs now. It is for values such as iterators, whose methods get no thread
// and which another thread may have made.
func (b *Binding) Running() *Binding { return Of(b.Current()) }

// Thread returns the binding's thread.
func (b *Binding) Thread() *starlark.Thread { return b.thread }

// Fail ends the code that runs on the thread, because of an error that can't be returned: that of an iterator. A host
// raises it; without one it is the reason of the thread's cancellation.
func (b *Binding) Fail(err error) {
	b.failure = err
	b.thread.Cancel(err.Error())
}

// Failure returns the error given to Fail, and lets the thread run again; nil for none.
func (b *Binding) Failure() error {
	err := b.failure
	if err == nil {
		return nil
	}
	b.failure = nil
	b.thread.Uncancel()
	if b.Context.Err() != nil {
		b.thread.Cancel(context.Cause(b.Context).Error())
	}
	return err
}

// Work is the work that the calls of a run have started elsewhere, such as on servers.
type Work interface {
	// Abandoned reports whether some work is running without a caller that waits for it.
	Abandoned() bool
	// Settle ends the abandoned work, as far as possible before ctx ends and within limit. A command that has to be ended has
	// a limit of its own.
	Settle(ctx context.Context, limit time.Duration)
	// Running returns the work that is still running, as far as it can be found before ctx ends, and the work that
	// succeeded, or left something unfinished, after its caller was stopped, unknown to the script.
	Running(ctx context.Context) []Running
	// Close abandons the remaining work.
	Close()
}

// Running describes work that a server is still doing, or completed after its caller was stopped.
type Running struct {
	Description string // such as "creating instance web"
	OperationID string // empty if unknown
	Ended       bool   // it succeeded
	Stopped     bool   // it was ended; the description says how
	Left        bool   // it is an unfinished object, or one that was to be undone
	Unknown     bool   // the server can't be asked whether it is running, or has succeeded
	Remote      string // the server's name, as in errors; empty for none
	Default     bool   // messages don't name the server
}

// String returns the description with the operation and, for another server than the default one, its name.
func (r Running) String() string {
	var about []string
	if r.OperationID != "" {
		about = append(about, "operation "+r.OperationID)
	}
	if r.Remote != "" && !r.Default {
		about = append(about, "remote "+r.Remote)
	}
	if about == nil {
		return r.Description
	}
	return r.Description + " (" + strings.Join(about, ", ") + ")"
}
