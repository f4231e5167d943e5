package host

import (
	"testing"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// Freezing reaches the values in errors and Results.
func TestFreeze(t *testing.T) {
	field, v := starlark.NewList(nil), starlark.NewList(nil)
	failed := &result{err: &errorValue{err: &errors.Error{Class: errors.Base, Fields: map[string]any{"x": field, "y": 1}}}}
	for _, x := range []starlark.Value{failed, &result{value: v}, classValue{errors.Base}} {
		x.Freeze()
	}
	for _, list := range []*starlark.List{field, v} {
		if list.Append(starlark.None) == nil {
			t.Error("a list that isn't frozen")
		}
	}
}
