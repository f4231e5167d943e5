package builtin

import (
	"context"

	"go.starlark.net/starlark"
)

// A Server is one server of a fleet.
type Server struct {
	// Name is the name of its remote, or its address. Of several in one fleet it has the project and the member, which tell
	// them apart.
	Name string
	// Remote is the name of its remote, or its address, as its errors have it.
	Remote string
	// Client is what scripts are given for it.
	Client starlark.Value
	// Guard returns the context of a call for the server, in which its requests fail at once after some without an
	// answer.
	Guard func(context.Context) context.Context
}
