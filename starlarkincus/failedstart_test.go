package starlarkincus_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// failedStarts are the ways to call a method.
var failedStarts = map[string]string{
	"alone":   `print(describe(try_(fn, **kw)))`,
	"retry":   `print(describe(try_(retry, fn, times = 2, delay = 0, **kw)))`,
	"rollout": `print(describe(try_(fleet([incus]).rollout, lambda s: retry(fn, times = 2, delay = 0, **kw))))`,
}

// describeFailure is a function of scripts that returns what is checked of a failure: the outcome, and the hint of the first cause
// that has one, which must have an object.
const describeFailure = `
def describe(r):
    e, hint = r.error, r.error.hint
    for _ in range(5):
        if hint or not e.cause:
            break
        e = e.cause
        hint = e.hint
    return r.error.outcome + ": " + (str(hint) if e.object else "no object")
`

// names returns the client's names, and further ones.
func names(client *starlarkincus.Client, more starlark.StringDict) starlark.StringDict {
	all := maps.Clone(client.Names())
	maps.Copy(all, more)
	return all
}

// starts returns the methods in the table that make an instance and start it, by name.
func starts(p *spec.Site) map[string]spec.Method {
	out := make(map[string]spec.Method)
	for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
		if m.Effect == spec.Creates && (m.Send["start"] == true || spec.Find(m.Arguments(), "start") != nil) {
			out[m.Name] = m
		}
	}
	return out
}

// TestFailedStarts calls each method that makes an instance and starts it, on a server that makes it and can't start it: whatever
// the reason is, the outcome is unknown, the hint says that the instance is there, and few requests are sent.
func TestFailedStarts(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	reasons := []string{`Failed to start device "x": The required device path doesn't exist`, `Failed pre-start check for device "eth0": Network "incusbr0" unavailable on this server`,
		"Storage pool is unavailable on this server", "Failed to run: incusd forkstart c1: exit status 1", "oh"}
	calls := 0
	for _, p := range spec.Sites() {
		if p.Name != "instances" {
			continue
		}
		for name, m := range starts(p) {
			for way, script := range failedStarts {
				for _, reason := range reasons {
					a.reset()
					w.set(func(a *answers) {
						a.empty, a.failed, a.override = true, reason, dict{"status": "Stopped"}
						a.made["/1.0/instances/abc123"] = dict{"name": "abc123", "status": "Stopped", "config": dict{}}
					})
					owner := w.collection(client, p)
					if !m.Collection {
						owner = w.object(client, p)
					}
					kw := w.required(name, &m)
					kw["name"] = starlark.String("other")
					if m.Send["start"] != true {
						kw["start"] = starlark.True
					}
					if spec.Find(m.Arguments(), "image") != nil {
						kw["image"] = starlark.String("i")
					}
					args := new(starlark.Dict)
					for key, v := range kw {
						args.SetKey(starlark.String(key), v)
					}
					a.take()
					var out bytes.Buffer
					h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: names(client, starlark.StringDict{"fn": w.attr(owner, m.Name), "kw": args}), Servers: client.Servers})
					if err := h.RunSource(t.Context(), "script", []byte(describeFailure+script)); err != nil {
						t.Fatal(err)
					}
					if got := strings.TrimSpace(out.String()); got != "unknown: the instance other is there" && !strings.HasPrefix(got, "unknown: the instance other is there; ") {
						t.Errorf("%s, %s, %s: %s", name, way, reason, got)
					}
					if sent := a.take(); len(sent) > 25 {
						t.Errorf("%s, %s, %s: %d requests: %v", name, way, reason, len(sent), sent)
					}
					calls++
				}
			}
		}
	}
	if calls < 4*len(failedStarts)*len(reasons) {
		t.Errorf("%d calls", calls)
	}
}

// TestRealFailedStarts does the same on a real server, with a device that isn't there.
func TestRealFailedStarts(t *testing.T) {
	needsIncus(t)
	var script strings.Builder
	n := 0
	for _, p := range spec.Sites() {
		if p.Name != "instances" {
			continue
		}
		all := starts(p)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			m, owner, given := all[name], "incus.instances", ""
			if m.Send["start"] != true {
				given = ", start = True"
			}
			if m.Collection {
				given += `, image = env["INCUS_STAR_TESTBED_IMAGE"]`
			} else {
				owner = "original"
			}
			for _, way := range slices.Sorted(maps.Keys(failedStarts)) {
				fmt.Fprintf(&script, "fn, kw = %s.%s, dict(name = \"start%d\", devices = missing%s)\n", owner, name, n, given)
				script.WriteString(strings.Replace(failedStarts[way], "print(", "eq(", 1))
				script.WriteString("\n")
				n++
			}
		}
	}
	calls := strings.ReplaceAll(script.String(), "))\nfn", "), want())\nfn")
	calls = strings.TrimSuffix(calls, ")\n") + ", want())\n"
	runReal(t, describeFailure+`
missing = {"x": {"type": "unix-char", "source": "/dev/no-such", "path": "/dev/no-such"}}
original = incus.instances.create("startoriginal", image = env["INCUS_STAR_TESTBED_IMAGE"])
done = []
def want():
    name = "start%d" % len(done)
    done.append(name)
    incus.instances.delete(name)
    return "unknown: the instance %s is there" % name
`+calls+`
original.delete()
eq(len(done), `+fmt.Sprint(n)+`)
`)
}
