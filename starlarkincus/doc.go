// Package starlarkincus is the incus module for Starlark: clients of Incus servers, the collections and objects on
// them, and their methods. It serves the incus-star command and any Go program that runs Starlark by itself:
//
//	names, done := starlarkincus.Predeclared(starlarkincus.Options{Project: "web"})
//	defer done()
//	thread := new(starlark.Thread)
//	starlarkincus.Bind(thread, ctx, nil)
//	_, err := starlark.ExecFileOptions(&syntax.FileOptions{}, thread, "up.star", `
//	for i in incus.instances.list(filter = {"status": "Stopped"}):
//	    i.start()
//	`, names)
//
// A failure is a Go error of package incus-star/errors, with its class, wherever it passes through Starlark.
//
// The methods are those of the table in package spec. A call goes through [Method.CallInternal], which checks its
// arguments against the table, and then through the function of its behavior, which serves all resources. Below these,
// a ref is a path on a server with the operations on it: read, create, change, remove, act and wait. They know no
// script, and send through package rest.
package starlarkincus
