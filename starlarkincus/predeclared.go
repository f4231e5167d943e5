package starlarkincus

import "go.starlark.net/starlark"

// Predeclared is what a program that runs Starlark by itself predeclares: the names that [Client.Names] has, for a
// client that New made. Close ends its connections. A thread's requests can be cancelled where [Bind] gave the thread a
// context.
func Predeclared(o Options) (names starlark.StringDict, close func()) {
	c := New(o)
	return c.Names(), c.Close
}

// Names are the names that scripts have of the module: incus, which is the client, and lock, which is incus.lock.
func (c *Client) Names() starlark.StringDict {
	lock := c.method("lock")
	lock.name = "lock"
	return starlark.StringDict{"incus": c, "lock": lock}
}
