package host

import (
	"fmt"

	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
)

// preallocating are Starlark's own functions that allocate memory for all elements of an argument at once. A long range is
// small, but a list of its elements may exceed the memory, and then the process ends without clean-up.
var preallocating = []string{"bytes", "enumerate", "list", "reversed", "sorted", "tuple", "zip"}

// maxElements is the limit of Starlark's own operator * for lists.
const maxElements = 1 << 30

// bounded returns one of Starlark's own functions with a limit on the length of its arguments.
func bounded(name string) *starlark.Builtin {
	own := starlark.Universe[name].(*starlark.Builtin)
	return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		longest := 0
		for _, arg := range args {
			n := starlark.Len(arg)
			if n < maxElements {
				if name == "zip" {
					longest = 0 // it ends with the shortest
					break
				}
				continue
			}
			longest = max(longest, n)
		}
		if longest > 0 {
			return nil, fmt.Errorf("%s: got %s elements, want fewer than %s", name, printable.Count(longest), printable.Count(maxElements))
		}
		return own.CallInternal(thread, args, kwargs)
	})
}
