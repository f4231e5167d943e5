package starlarkincus_test

import (
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestFailedImports has every import fail: because its name is taken, before anything is sent, and at the end, with and without a
// name of its own. The error names the object, and says what became of it.
func TestFailedImports(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	imports := 0
	for _, p := range spec.Sites() {
		for _, m := range p.CollectionMethods() {
			if m.Does != spec.DoImport {
				continue
			}
			imports++
			who := wayTo(p) + "." + m.Name
			collection := w.collection(client, p)
			location := "none"
			failed := func(name string, failing map[string]string, message string) (*errors.Error, []arrival) {
				a.reset()
				a.mu.Lock()
				a.failing, a.failed, a.override = failing, message, map[string]any{"location": location}
				a.mu.Unlock()
				a.forget()
				args := map[string]starlark.Value{"path": starlark.String(w.file)}
				if name != "" {
					args["name"] = starlark.String(name)
				}
				_, err := starlark.Call(new(starlark.Thread), w.attr(collection, m.Name), nil, kwargs(args))
				var e *errors.Error
				if !errors.As(err, &e) {
					t.Fatalf("%s: %v", who, err)
				}
				return e, a.take()
			}
			e, sent := failed("abc123", nil, "")
			if e.Class != errors.AlreadyExists || e.Outcome != errors.NotSent || len(sent) != 1 || sent[0].method != "GET" || !strings.Contains(e.Error(), `"abc123" exists already`) {
				t.Errorf("%s, a taken name: %v, %s, after %v", who, e, e.Outcome, sent)
			}
			path := sent[0].path
			if p.Source == spec.PoolAndName { // another member may have a volume of the name
				location = "m2"
				if e, sent = failed("abc123", nil, "disk failure"); e.Class != errors.Operation || len(sent) < 2 {
					t.Errorf("%s, a name that is taken on another member: %v, after %v", who, e, sent)
				}
				location = "none"
			}
			gone := map[string]string{"GET " + path: "404 not found"}
			names := []string{"abc123"}
			if name := spec.Find(m.Args, "name"); !name.Required {
				names = append(names, "")
			}
			for _, name := range names {
				e, _ = failed(name, gone, "disk failure")
				if e.Outcome != errors.Refused || e.Object == nil || !strings.HasSuffix(e.Object.Kind, p.One()) || e.Object.Name != "abc123" {
					t.Errorf("%s(name=%q): %v, %s", who, name, e, e.Outcome)
				}
				e, _ = failed(name, gone, "Cannot restore volume, already exists on target")
				if e.Class != errors.AlreadyExists || e.Outcome != errors.Refused || e.Object == nil || e.Object.Name != "abc123" || !strings.Contains(e.Hint, "name=") {
					t.Errorf("%s(name=%q) of a taken name: %v, %s, hint %q", who, name, e, e.Outcome, e.Hint)
				}
			}
			if len(names) == 2 {
				e, _ = failed("", nil, "disk failure")
				if e.Outcome != errors.Unknown || !strings.Contains(e.Hint, "abc123 is there") {
					t.Errorf("%s of an object that is there: %v, %s, hint %q", who, e, e.Outcome, e.Hint)
				}
			}
			e, _ = failed(names[0], gone, `Failed add validation for device "data": Failed loading custom volume: Storage volume not found`)
			if !strings.Contains(e.Hint, `the disk "data" of the instance`) {
				t.Errorf("%s of an instance with a missing volume: %v, hint %q", who, e, e.Hint)
			}
		}
	}
	if imports != 4 {
		t.Errorf("%d imports", imports)
	}
}

// TestRealFailedImports has imports fail on a real server.
func TestRealFailedImports(t *testing.T) {
	needsIncus(t)
	name := launched(t)
	volume := name + "-v"
	t.Cleanup(func() {
		runOn(t, `
for n in [name + "-2", name + "-3"]:
    _ = catch(IncusNotFoundError, incus.instances.delete, n, force = True)
_ = catch(IncusNotFoundError, incus.storage_pools.get("default").volumes.delete, volume)
`, starlark.StringDict{"name": name, "volume": starlark.String(volume)})
	})
	out := runOn(t, `
i = incus.instances.get(name).stop(force = True)
volumes = incus.storage_pools.get("default").volumes
v = volumes.create(volume)
i.export(folder + "/plain")
i.copy(name + "-3").export(folder + "/third")
incus.instances.delete(name + "-3")
v.export(folder + "/volume")
i.update(devices = {"data": {"type": "disk", "pool": "default", "source": volume, "path": "/srv"}})
i.export(folder + "/attached")

def fails(fn, path, **kwargs):
    e = try_(fn, folder + path, **kwargs).error
    print(str(e).split(":")[0].split(" ")[0], e.object.kind, e.object.name, e.outcome, e.hint)

fails(incus.instances.import_backup, "/plain", name = name)
fails(volumes.import_backup, "/volume", name = volume)
fails(incus.instances.import_backup, "/plain")
fails(volumes.import_backup, "/volume")
fails(incus.instances.import_backup, "/plain", name = name + "-2", pool = "nope")
i.update(devices = {"data": None})
v.delete()
fails(incus.instances.import_backup, "/attached", name = name + "-2")
run(["truncate", "-s", "-100", folder + "/plain", folder + "/third"])
fails(incus.instances.import_backup, "/plain", name = name + "-3")
fails(incus.instances.import_backup, "/third")
`, starlark.StringDict{"name": name, "volume": starlark.String(volume), "folder": starlark.String(t.TempDir())})
	want := strings.ReplaceAll(strings.TrimSpace(`
IncusAlreadyExistsError instance NAME not_sent None
IncusAlreadyExistsError storage volume NAME-v not_sent None
IncusAlreadyExistsError instance NAME refused name= gives what is imported another name than that in the backup
IncusAlreadyExistsError storage volume NAME-v refused name= gives what is imported another name than that in the backup
IncusNotFoundError storage pool nope refused None
IncusOperationError storage volume None refused the disk "data" of the instance in the backup has a custom volume, which isn't in its pool here: create it, or import it, first
IncusOperationError instance NAME-3 refused None
IncusOperationError instance NAME-3 refused None`), "NAME", string(name))
	if got := strings.TrimSpace(out); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
