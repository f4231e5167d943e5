package starlarkincus_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
)

// TestArgumentsTakeTimes passes times and other values to each argument of that type.
func TestArgumentsTakeTimes(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	moment := startime.Time(time.Date(2030, 1, 2, 5, 4, 5, 0, time.FixedZone("", 7200)))
	const sent = "2030-01-02T05:04:05+02:00"
	tried := 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		for _, f := range m.Arguments() {
			if f.Type != spec.Time || excluded[who+"."+f.Script()] != "" {
				continue
			}
			tried++
			args := maps.Clone(w.required(who, m))
			args[f.Script()] = moment
			a.reset()
			if _, err := called(w.attr(owner, m.Name), kwargs(args)); err != nil {
				t.Errorf("%s: %v", who, err)
			}
			if arrived := fmt.Sprint(a.take()); f.In == spec.Body && !strings.Contains(arrived, sent) {
				t.Errorf("%s: %v", who, arrived)
			}
			for _, wrong := range []starlark.Value{starlark.MakeInt(1), starlark.String("tomorrow"), starlark.String("2030-01-02")} {
				args[f.Script()] = wrong
				_, err := called(w.attr(owner, m.Name), kwargs(args))
				if err == nil || !strings.Contains(err.Error(), "RFC 3339") || len(a.take()) > 0 {
					t.Errorf("%s(%s): %v", who, wrong, err)
				}
			}
			if m.Does != spec.DoUpdate && m.Does != spec.DoReplace || f.Stays {
				continue
			}
			args = map[string]starlark.Value{f.Script(): starlark.None}
			if _, err := called(w.attr(owner, m.Name), kwargs(args)); err != nil {
				t.Errorf("%s: %v", who, err)
			}
			if arrived := fmt.Sprint(a.take()); !strings.Contains(arrived, f.Name+":0001-01-01T00:00:00Z") {
				t.Errorf("%s with None sent %s", who, arrived)
			}
		}
	})
	if tried < 10 {
		t.Errorf("only %d arguments are times", tried)
	}
	t.Logf("%d arguments", tried)
}

// TestUnsetTimes reads objects in which each time is unset.
func TestUnsetTimes(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	read := 0
	for _, p := range spec.Sites() {
		if p.Name == "" || p.Verbs&spec.Get == 0 || p.Content == spec.PlainText {
			continue
		}
		a.reset()
		o := w.object(client, p)
		w.set(func(a *answers) {
			a.override = map[string]any{}
			for _, f := range p.Fields {
				if f.Type == spec.Time {
					a.override[f.Name] = ""
				}
			}
		})
		if len(a.override) == 0 {
			continue
		}
		for _, unset := range []string{"0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"} {
			w.set(func(a *answers) {
				for name := range a.override {
					a.override[name] = unset
				}
			})
			o = w.call(w.attr(o, "refresh"), nil, nil)
			for _, f := range p.Fields {
				if f.Type == spec.Time && f.Use&spec.Read != 0 {
					read++
					if v := w.attr(o, f.Script()); v != starlark.None {
						t.Errorf("%s.%s is %v", p.Kind, f.Script(), v)
					}
				}
			}
		}
	}
	if read < 30 {
		t.Errorf("only %d times", read)
	}
	t.Logf("%d times", read)
}

// TestNothingToChange names each field that can be changed as None.
func TestNothingToChange(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	named := 0
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Does != spec.DoUpdate && m.Does != spec.DoReplace {
			return
		}
		for _, f := range m.Args {
			if f.Clears || f.Name == "extra" {
				continue
			}
			_, err := called(w.attr(owner, m.Name), kwargs(map[string]starlark.Value{f.Script(): starlark.None}))
			if named++; err == nil || !strings.Contains(err.Error(), "nothing to change: "+f.Script()+": None leaves it as it is") {
				t.Errorf("%s(%s=None): %v", who, f.Script(), err)
			}
		}
	})
	if named < 50 {
		t.Errorf("only %d fields", named)
	}
}

// TestRealTimes sets, keeps and clears expiry times.
func TestRealTimes(t *testing.T) {
	runReal(t, `
inst = incus.instances.create("times0", image = env["INCUS_STAR_TESTBED_IMAGE"])
defer(inst.delete)
pool = incus.storage_pools.get("default")
volume = pool.volumes.create("times0")
defer(volume.delete)
day = time.parse_duration("24h")
for owner in [inst, volume]:
    soon = time.now() + day
    snapshot = owner.snapshots.create("s0", expires_at = soon)
    eq(time.parse_time(snapshot.expires_at).unix, soon.unix)
    for same in [snapshot.expires_at, time.parse_time(snapshot.expires_at), time.parse_time(snapshot.expires_at).in_location("Asia/Tokyo")]:
        eq((owner, same, owner.snapshots.ensure("s0", expires_at = same).changed), (owner, same, False))
    eq(owner.snapshots.ensure("s0", expires_at = soon + day).changed, True)
    snapshot.update(expires_at = None)
    eq(snapshot.expires_at, None)
    eq(owner.snapshots.get("s0").expires_at, None)
    eq([s.expires_at for s in owner.snapshots.list()], [None])
    snapshot.update(expires_at = soon)
    eq(time.parse_time(snapshot.expires_at).unix, soon.unix)
    snapshot.replace(expires_at = None)
    eq(snapshot.refresh().expires_at, None)
    eq(owner.snapshots.ensure("s0", expires_at = "0001-01-01T00:00:00Z").changed, False)
    snapshot.delete()
eq(inst.last_used_at, None)
copied = inst.copy("times1")
defer(copied.delete)
backup = inst.backups.create("b0", expires_at = time.now() + day)
eq(time.parse_time(backup.expires_at).unix > time.now().unix, True)
`)
}
