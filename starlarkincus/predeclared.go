package starlarkincus

import (
	"slices"

	"go.starlark.net/starlark"
)

// bareMethods are methods of the client that are predeclared, too.
var bareMethods = []string{"lock"}

// BareMethods returns the names of the client's methods that are predeclared, too: lock for incus.lock.
func BareMethods() []string { return slices.Clone(bareMethods) }

// Predeclared returns the predeclared names of [Client.Names] for a new client, and a function that closes it. Requests
// of a thread can be cancelled if [Bind] set the thread's context.
func Predeclared(o Options) (names starlark.StringDict, close func()) {
	c := New(o)
	return c.Names(), c.Close
}

// Names returns the module's predeclared names: incus, which is the client, and those of [BareMethods].
func (c *Client) Names() starlark.StringDict {
	names := starlark.StringDict{"incus": c}
	for _, name := range bareMethods {
		method := c.method(name)
		method.name = name
		names[name] = method
	}
	return names
}
