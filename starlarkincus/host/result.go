package host

import (
	"fmt"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// A result is the value that try_, catch and parallel return for a call: its value or its error.
type result struct {
	value  starlark.Value // nil if there is an error
	err    *errorValue
	item   starlark.Value // of a call by parallel; nil for others
	remote string         // of a fleet's call; empty for others
}

var (
	_ starlark.HasAttrs  = (*result)(nil)
	_ starlark.Indexable = (*result)(nil)
	_ starlark.Sequence  = (*result)(nil)
)

var resultDecl = builtin.Decl{
	Name: "Result",
	Help: `The outcome of a call by try_, catch, parallel or fleet: its value or its error.

    r = try_(incus.instances.get, "web")
    if not r:
        print(r.error.explain())

    inst, err = try_(incus.instances.get, "web")

ok      True if the call succeeded; then the Result itself is true as well
value   the return value; reading it after a failure raises the error again, with its original backtrace
error   the error, or None
item    the item, for a call by parallel; else None
remote  the name of the server, for a call by fleet; else None

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
func (r *result) AttrNames() []string   { return []string{"error", "item", "ok", "remote", "value"} }

func (r *result) Freeze() {
	for i := range r.Len() {
		r.Index(i).Freeze()
	}
	if r.item != nil {
		r.item.Freeze()
	}
}

func (r *result) Attr(name string) (starlark.Value, error) {
	switch name {
	case "ok":
		return r.Truth(), nil
	case "error":
		return r.Index(1), nil
	case "item", "remote":
		return r.Cell(name), nil
	case "value":
		if r.err != nil {
			return nil, r.err.raise()
		}
		return r.value, nil
	}
	return nil, nil
}

// Parts returns what a report has of the Result.
func (r *result) Parts() (v starlark.Value, failure *errors.Error, item starlark.Value, remote string) {
	if r.err != nil {
		failure = r.err.err
	}
	return r.value, failure, r.item, r.remote
}

// Columns returns the columns of a table of Results: the server of a fleet's call or the item of parallel's, the value and the
// error.
func (r *result) Columns() []string {
	columns := []string{"value", "error"}
	switch {
	case r.remote != "":
		columns = append([]string{"remote"}, columns...)
	case r.item != nil:
		columns = append([]string{"item"}, columns...)
	}
	return columns
}

// Cell returns the cell of a column; nil for an unknown one.
func (r *result) Cell(column string) starlark.Value {
	switch column {
	case "remote":
		return stringOrNone(r.remote)
	case "ok":
		return r.Truth()
	case "item":
		if r.item != nil {
			return r.item
		}
		return starlark.None
	case "value":
		return r.Index(0)
	case "error":
		if r.err != nil {
			return starlark.String(r.err.err.Error())
		}
		return starlark.None
	}
	return nil
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
