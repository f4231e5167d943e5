package starlarkincus

import (
	"slices"
	"testing"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestOriginalsAreCompared changes each field of each kind of object that can move to another server, and compares it with
// itself before.
func TestOriginalsAreCompared(t *testing.T) {
	config := func(key, v string) *starlark.Dict {
		d := starlark.NewDict(1)
		if err := d.SetKey(starlark.String(key), starlark.String(v)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	state := func(field string, v starlark.Value) *starlark.Dict {
		d := starlark.NewDict(1)
		if err := d.SetKey(starlark.String(field), v); err != nil {
			t.Fatal(err)
		}
		return d
	}
	compare := func(name string, alike likeness, was, now *starlark.Dict, want []string) {
		t.Helper()
		if got, err := alike.differences(was, now); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	below := spec.StoragePools.Children
	volumes := below[slices.IndexFunc(below, func(r *spec.Resource) bool { return r.Name == "volumes" })]
	for _, r := range []*spec.Resource{spec.Instances, volumes} {
		for _, f := range spec.With(r.Fields, spec.Read) {
			was, now := state(f.Name, starlark.String("a")), state(f.Name, starlark.String("b"))
			var changed, changedLive []string
			switch f.Name {
			case "expanded_config", "expanded_devices": // profiles may change
			case "status", "status_code", "stateful":
				changed = []string{f.Name}
			default:
				changed, changedLive = []string{f.Name}, []string{f.Name}
			}
			if f.Type == spec.Config {
				was, now = state(f.Name, config("user.a", "1")), state(f.Name, config("user.a", "2"))
			}
			compare(r.Kind+"."+f.Name, sameState, was, now, changed)
			compare(r.Kind+"."+f.Name+" after a live move", sameAfterLive, was, now, changedLive)
			compare(r.Kind+"."+f.Name+" unchanged", sameState, was, was, nil)
		}
	}
	for key, live := range map[string][]string{"volatile.uuid": {"config"}, "volatile.uuid.generation": {"config"}, "volatile.last_state.power": nil, "limits.cpu": {"config"}} {
		was, now := state("config", config(key, "1")), state("config", config(key, "2"))
		compare(key, sameState, was, now, []string{"config"})
		compare(key+" after a live move", sameAfterLive, was, now, live)
	}
	for field, same := range map[string]bool{"created_at": false, "type": false, "description": true, "status": true} {
		was, now := state(field, starlark.String("a")), state(field, starlark.String("b"))
		want := []string{field}
		if same {
			want = nil
		}
		compare("the identity by "+field, sameOne, was, now, want)
	}
	compare("the identity by volatile.uuid", sameOne, state("config", config("volatile.uuid", "1")), state("config", config("volatile.uuid", "2")), []string{"volatile.uuid"})
}
