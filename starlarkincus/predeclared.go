package starlarkincus

import (
	"slices"

	"go.starlark.net/starlark"
)

// bareMethods are the methods of the client that scripts have without incus before them, too.
var bareMethods = []string{"lock"}

// BareMethods returns the names of the client's methods that scripts have without incus before them, too.
func BareMethods() []string { return slices.Clone(bareMethods) }

// Predeclared is what a program that runs Starlark by itself predeclares: the names that [Client.Names] has, for a
// client that New made. Close ends its connections. A thread's requests can be cancelled where [Bind] gave the thread a
// context.
func Predeclared(o Options) (names starlark.StringDict, close func()) {
	c := New(o)
	return c.Names(), c.Close
}

// Names are the names that scripts have of the module: incus, which is the client, and those of [BareMethods].
func (c *Client) Names() starlark.StringDict {
	names := starlark.StringDict{"incus": c}
	for _, name := range bareMethods {
		method := c.method(name)
		method.name = name
		names[name] = method
	}
	return names
}
