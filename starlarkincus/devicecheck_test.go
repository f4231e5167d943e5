package starlarkincus_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestCopiesHaveTheirVolumes copies and moves an instance with each kind of device to where the custom volume v is missing. Only
// those that need it are refused, before anything is changed.
func TestCopiesHaveTheirVolumes(t *testing.T) {
	type device map[string]any
	disk := func(more device) device {
		out := device{"type": "disk", "pool": "default", "source": "v", "path": "/data"}
		maps.Copy(out, more)
		return out
	}
	type trial struct {
		own, profile device
		given        string // devices=
		refused      bool
	}
	trials := map[string]trial{
		"volume":                  {own: disk(nil), refused: true},
		"block volume":            {own: device{"type": "disk", "pool": "default", "source": "v"}, refused: true},
		"path in it":              {own: disk(device{"source": "v/a/b"}), refused: true},
		"required":                {own: disk(device{"required": "true"}), refused: true},
		"not required":            {own: disk(device{"required": "false"})},
		"not required, otherwise": {own: disk(device{"required": "No"})},
		"moves along":             {own: disk(device{"dependent": "true"})},
		"doesn't move along":      {own: disk(device{"dependent": "false"}), refused: true},
		"another volume":          {own: disk(device{"source": "there"})},
		"root disk":               {own: device{"type": "disk", "pool": "default", "path": "/"}},
		"path of the host":        {own: device{"type": "disk", "source": "/v", "path": "/data"}},
		"relative path":           {own: device{"type": "disk", "source": "v", "path": "/data"}},
		"cloud-init":              {own: device{"type": "disk", "source": "cloud-init:config"}},
		"without a source":        {own: device{"type": "disk", "pool": "default", "path": "/data"}},
		"of a profile":            {profile: disk(nil), refused: true},
		"hidden one of a profile": {profile: disk(nil), own: device{"type": "none"}},
		"another than a profile":  {profile: disk(device{"source": "there"}), own: disk(nil), refused: true},
		"left out":                {own: disk(nil), given: `{"data": None}`},
		"replaced":                {own: disk(nil), given: `{"data": {"source": "there"}}`},
		"given":                   {given: `{"data": {"type": "disk", "pool": "default", "source": "v", "path": "/data"}}`, refused: true},
	}
	for _, kind := range spec.DeviceTypes {
		if kind.Name != "disk" {
			trials[kind.Name] = trial{own: disk(device{"type": kind.Name})}
		}
	}
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	here, there := w.client(), w.client()
	for _, name := range slices.Sorted(maps.Keys(trials)) {
		c := trials[name]
		for _, call := range []string{`.copy("other", to = there`, `.move("other", to = there`, `.snapshots.get("abc123").copy("other", to = there`,
			`.copy("other", to_project = "p"`, `.copy("other", to = there, refresh = True`} {
			a.reset()
			a.mu.Lock()
			a.override = map[string]any{"status": "Stopped", "devices": map[string]any{}, "profiles": []string{"default"}}
			if c.own != nil {
				a.override["devices"] = map[string]any{"data": c.own}
			}
			profile := map[string]any{"name": "default", "devices": map[string]any{}}
			if c.profile != nil {
				profile["devices"] = map[string]any{"data": c.profile}
			}
			a.made["/1.0/profiles/default"] = profile
			a.free = !strings.Contains(call, "refresh") && strings.Contains(call, "to =")
			a.failing = map[string]string{"GET /1.0/storage-pools/default/volumes/custom/v": "404 Storage volume not found"}
			a.mu.Unlock()
			a.forget()
			if c.given != "" {
				call += ", devices = " + c.given
			}
			h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": here, "there": there}})
			err := h.RunSource(t.Context(), "script", []byte(`incus.instances.get("abc123")`+call+`)`))
			refused := c.refused && !strings.Contains(call, "refresh") && !(c.own == nil && c.given == "" && strings.Contains(call, "to_project"))
			var e *errors.Error
			switch {
			case !refused && err != nil:
				t.Errorf("%s: %s: %v", name, call, err)
			case refused && !errors.As(err, &e):
				t.Errorf("%s: %s: %v", name, call, err)
			case refused:
				changes := slices.DeleteFunc(a.take(), func(r arrival) bool { return r.method == "GET" })
				where, without := "the other server", "None"
				if strings.Contains(call, "to_project") {
					where = "the project p"
				}
				if c.own == nil && c.given == "" {
					without = `{"type": "none"}`
				}
				want := where + " has no volume v in the pool default, which the device data of "
				if e.Class != errors.NotFound || e.Outcome != errors.NotSent || e.Object == nil || e.Object.Name != "v" || len(changes) > 0 || !strings.HasPrefix(e.Message, want) ||
					!strings.HasSuffix(e.Message, `devices={"data": `+without+"}") {
					t.Errorf("%s: %s: %v, %s, %v, %v", name, call, e, e.Outcome, e.Object, changes)
				}
			}
		}
	}
}

// A copy or a move to a taken name is refused before anything is changed, and before a running instance would be stopped for it.
func TestCopiesToTakenNames(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	here, there := w.client(), w.client()
	for _, get := range []string{`incus.instances.get("abc123")`, `incus.storage_pools.get("abc123").volumes.get("abc123", type = "custom")`, `incus.instances.get("abc123").snapshots.get("abc123")`} {
		for _, verb := range []string{"copy", "move"} {
			if verb == "move" && strings.Contains(get, "snapshots") {
				continue
			}
			for _, mode := range []string{"pull", "push", "relay"} {
				a.reset()
				a.forget()
				call := fmt.Sprintf(`%s.%s("other", to = there, mode = %q)`, get, verb, mode)
				h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": here, "there": there}})
				err := h.RunSource(t.Context(), "script", []byte(call))
				changes := slices.DeleteFunc(a.take(), func(r arrival) bool { return r.method == "GET" })
				var e *errors.Error
				if !errors.As(err, &e) || e.Class != errors.AlreadyExists || e.Outcome != errors.NotSent || e.Object == nil || e.Object.Name != "other" || len(changes) > 0 {
					t.Errorf("%s: %v, %v", call, err, changes)
				}
			}
		}
	}
}
