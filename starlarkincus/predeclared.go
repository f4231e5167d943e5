package starlarkincus

import "go.starlark.net/starlark"

// Predeclared is what a program that runs Starlark by itself predeclares: the name incus, for a client that New made.
// Close ends its connections. A thread's requests can be cancelled where [Bind] gave the thread a context.
func Predeclared(o Options) (names starlark.StringDict, close func()) {
	c := New(o)
	return starlark.StringDict{"incus": c}, c.Close
}
