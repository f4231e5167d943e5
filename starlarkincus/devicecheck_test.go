package starlarkincus_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestCopiesHaveTheirDevices copies and moves an instance with each kind of device to where the custom volume and the network v are
// missing. Only those that need one are refused, before anything is changed.
func TestCopiesHaveTheirDevices(t *testing.T) {
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
		trials[kind.Name+" of a network"] = trial{own: device{"type": kind.Name, "network": "v"}, refused: kind.Name == "nic"}
	}
	trials["nic of a bridge"] = trial{own: device{"type": "nic", "nictype": "bridged", "parent": "v"}}
	trials["nic of another network"] = trial{own: device{"type": "nic", "network": "there"}}
	trials["nic of a profile"] = trial{profile: device{"type": "nic", "network": "v"}, refused: true}
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
			a.failing = map[string]string{"GET /1.0/storage-pools/default/volumes/custom/v": "404 Storage volume not found", "GET /1.0/networks/v": "404 Network not found"}
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
				if strings.HasPrefix(name, "nic ") {
					want = where + " has no network v, which the device data of "
				}
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

// A refused copy or move tells all that is missing there, and only a move for which nothing is missing is refused because the instance
// runs, with a class that is for nothing else.
func TestRefusedMovesTellAll(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	here, there := w.client(), w.client()
	reasons := []struct {
		class         *errors.Class
		object, words string
		set           func(override map[string]any)
	}{
		{errors.NotFound, "nope", "no storage pool there", func(map[string]any) { a.failing["GET /1.0/storage-pools/nope"] = "404 no storage pool there" }},
		{errors.BadRequest, "", "can't be deleted here after its move, because security.protection.delete is set",
			func(o map[string]any) { o["expanded_config"] = map[string]any{"security.protection.delete": "true"} }},
		{errors.BadRequest, "", "has no address on the network", func(map[string]any) {
			a.made["/1.0"] = map[string]any{"environment": map[string]any{"addresses": []string{}, "certificate": "x"}}
		}},
		{errors.AlreadyExists, "other", `the other server has instance "other" already: give the copy another name`, func(map[string]any) { a.free = false }},
		{errors.NotFound, "p1", "the other server has no profiles p1, p2, which ", func(o map[string]any) { o["profiles"] = []string{"default", "p1", "p2"} }},
		{errors.NotFound, "p3", "the other server has no profile p3, which its snapshot abc123 needs there: create it, or leave out the snapshots", func(map[string]any) {
			a.made["/1.0/instances/abc123/snapshots/abc123"] = map[string]any{"name": "abc123", "profiles": []string{"p3", "default"}}
		}},
		{errors.NotFound, "v", "the other server has no volume v in the pool default, which the device data ", func(o map[string]any) {
			o["devices"].(map[string]any)["data"] = map[string]any{"type": "disk", "pool": "default", "source": "v", "path": "/v"}
		}},
		{errors.NotFound, "n", "the other server has no network n, which the device eth0 ", func(o map[string]any) {
			o["devices"].(map[string]any)["eth0"] = map[string]any{"type": "nic", "network": "n"}
		}},
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	trials := []int{0} // sets of reasons
	for i := range reasons {
		trials = append(trials, 1<<i)
	}
	for range 50 {
		trials = append(trials, random.IntN(1<<len(reasons)))
	}
	for _, chosen := range trials {
		for _, status := range []string{"Running", "Stopped", "Frozen"} {
			a.reset()
			a.mu.Lock()
			a.override = map[string]any{"status": status, "devices": map[string]any{}, "profiles": []string{"default"}}
			a.made["/1.0/profiles/default"] = map[string]any{"name": "default", "devices": map[string]any{}}
			a.made["/1.0/instances/abc123/snapshots/abc123"] = map[string]any{"name": "abc123", "profiles": []string{"default"}}
			a.free = true
			a.failing = map[string]string{"GET /1.0/storage-pools/default/volumes/custom/v": "404 Storage volume not found", "GET /1.0/networks/n": "404 Network not found"}
			pool, first := "there", -1
			for i, r := range reasons {
				if chosen>>i&1 == 0 {
					continue
				}
				if first < 0 {
					first = i
				}
				if r.set(a.override); i == 0 {
					pool = "nope"
				}
			}
			a.mu.Unlock()
			a.forget()
			h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": here, "there": there}})
			err := h.RunSource(t.Context(), "script", []byte(fmt.Sprintf(`incus.instances.get("abc123").move("other", to = there, pool = %q)`, pool)))
			changes := slices.DeleteFunc(a.take(), func(r arrival) bool { return r.method == "GET" })
			where := fmt.Sprintf("seed %d, reasons %b, %s: %v, changes %v", seed, chosen, status, err, changes)
			if chosen == 0 && status == "Stopped" {
				if err != nil {
					t.Error(where)
				}
				continue
			}
			var e *errors.Error
			if !errors.As(err, &e) || e.Outcome != errors.NotSent || len(changes) > 0 {
				t.Error(where)
				continue
			}
			if chosen == 0 {
				if e.Class != errors.State || !strings.Contains(e.Message, "is "+strings.ToLower(status)+": stop it first") {
					t.Error(where)
				}
				continue
			}
			if e.Class != reasons[first].class || reasons[first].object != "" && (e.Object == nil || e.Object.Name != reasons[first].object) {
				t.Errorf("%s: %v", where, e.Object)
			}
			for i, r := range reasons {
				if strings.Contains(e.Message, r.words) != (chosen>>i&1 == 1) {
					t.Errorf("%q: %s", r.words, where)
				}
			}
		}
	}
}
