package host

import (
	"fmt"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// A result is the value that try_, catch and parallel return for a call: its value or its error.
type result struct {
	value starlark.Value // nil if there is an error
	err   *errorValue
}

var (
	_ starlark.HasAttrs  = (*result)(nil)
	_ starlark.Indexable = (*result)(nil)
	_ starlark.Sequence  = (*result)(nil)
)

var resultDecl = builtin.Decl{
	Name: "Result",
	Help: `The outcome of a call by try_, catch or parallel: its value or its error.

    r = try_(incus.instances.get, "web")
    if not r:
        print(r.error.message)

    inst, err = try_(incus.instances.get, "web")

ok      True if the call succeeded; then the Result itself is true as well
value   the return value; reading it after a failure raises the error again, with its original backtrace
error   the error, or None

A Result unpacks into value and error. After a failure this value is None.`,
}

func (r *result) String() string {
	if r.err != nil {
		return fmt.Sprintf("Result(error=%s)", r.err)
	}
	return fmt.Sprintf("Result(value=%s)", r.value)
}

func (r *result) Type() string          { return "Result" }
func (r *result) Truth() starlark.Bool  { return r.err == nil }
func (r *result) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: Result") }
func (r *result) AttrNames() []string   { return []string{"error", "ok", "value"} }

func (r *result) Freeze() {
	for i := range r.Len() {
		r.Index(i).Freeze()
	}
}

func (r *result) Attr(name string) (starlark.Value, error) {
	switch name {
	case "ok":
		return r.Truth(), nil
	case "error":
		return r.Index(1), nil
	case "value":
		if r.err != nil {
			return nil, r.err.raise()
		}
		return r.value, nil
	}
	return nil, nil
}

func (r *result) Len() int { return 2 }

func (r *result) Index(i int) starlark.Value {
	switch {
	case i == 0 && r.err == nil:
		return r.value
	case i == 1 && r.err != nil:
		return r.err
	}
	return starlark.None
}

func (r *result) Iterate() starlark.Iterator {
	return starlark.Tuple{r.Index(0), r.Index(1)}.Iterate()
}
