package starlarkincus_test

import (
	"context"
	"fmt"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A Go program runs a script. Failures of the script are Go errors with a class.
func ExamplePredeclared() {
	names, done := starlarkincus.Predeclared(starlarkincus.Options{Project: "web"})
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	thread := &starlark.Thread{Print: func(_ *starlark.Thread, s string) { fmt.Println(s) }}
	starlarkincus.Bind(thread, ctx, nil)

	script := `
print(incus)
incus.connect(endpoint = "https://127.0.0.1:1").instances.get("db")
`
	_, err := starlark.ExecFileOptions(&syntax.FileOptions{}, thread, "example.star", script, names)
	fmt.Println(errors.Is(err, errors.Connection), errors.Is(err, errors.NotFound))
	var failure *errors.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Class.Name(), failure.Method, failure.Path)
	}
	// Output:
	// <incus client of project web>
	// true false
	// IncusConnectionError GET /1.0/instances/db
}
