package host

import (
	"fmt"

	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
)

// preallocating are Starlark's own functions that take memory for all elements of an argument at once. A long range is
// small itself; a list of it may be more than there is, which ends the process where nothing can hold it.
var preallocating = []string{"bytes", "enumerate", "list", "reversed", "sorted", "tuple", "zip"}

// maxElements is what Starlark's own * allows a list to have.
const maxElements = 1 << 30

// bounded is one of Starlark's own functions with a limit on the length of what it is given.
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
