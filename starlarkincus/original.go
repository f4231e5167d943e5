package starlarkincus

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A likeness returns the fields by which an original is compared with itself before it was copied.
type likeness func(fields map[string]any) map[string]any

// sameOne selects the fields that tell an object from another one that got its name.
func sameOne(fields map[string]any) map[string]any {
	return map[string]any{"created_at": fields["created_at"], "type": fields["type"], "volatile.uuid": mapOf(fields["config"])["volatile.uuid"]}
}

// sameState selects all fields of the object's own, which exclude those of its profiles.
func sameState(fields map[string]any) map[string]any {
	out := maps.Clone(fields)
	delete(out, "expanded_config")
	delete(out, "expanded_devices")
	return out
}

// sameAfterLive is sameState without the fields that the server changes when it stops an instance that has moved live.
func sameAfterLive(fields map[string]any) map[string]any {
	out := sameState(fields)
	for _, name := range []string{"status", "status_code", "stateful"} {
		delete(out, name)
	}
	config := maps.Clone(mapOf(out["config"]))
	maps.DeleteFunc(config, func(key string, _ any) bool { return isVolatile(key) && !strings.HasPrefix(key, "volatile.uuid") })
	out["config"] = config
	return out
}

// differences returns the names of the selected fields that differ.
func (selected likeness) differences(was, now *starlark.Dict) ([]string, error) {
	var states [2]map[string]any
	for i, fields := range []*starlark.Dict{was, now} {
		v, err := value.ToGo(fields)
		if err != nil {
			return nil, err
		}
		states[i] = selected(mapOf(v))
	}
	all := maps.Clone(states[0])
	maps.Copy(all, states[1])
	return slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool {
		return reflect.DeepEqual(states[0][name], states[1][name])
	}), nil
}

// lookAgain reads the original of a copy and compares it with itself before the copy. It returns its state for
// [invocation.halfMoved], and an error unless it is alike.
func (c *invocation) lookAgain(ctx context.Context, was Object, alike likeness) (state string, err error) {
	now := newObject(was.ref)
	switch err := now.read(ctx); {
	case errors.Is(err, errors.NotFound):
		return originalGone, err
	case err != nil:
		return originalUnknown, err
	}
	changed, err := alike.differences(was.fields, now.fields)
	switch {
	case err != nil:
		return originalUnknown, err
	case len(changed) > 0:
		e := errors.New(errors.PreconditionFailed, "%s differs from before the copy: %s", &was, strings.Join(changed, ", "))
		e.Method, e.Path = "GET", was.ref.path
		return "its original has changed since, so it was kept", e
	}
	return originalThere, nil
}

// The states of an original after its copy.
const (
	originalThere   = "its original is still there"
	originalUnknown = "whether its original is still there isn't known"
	originalGone    = "its original is no longer there under this name"
)
