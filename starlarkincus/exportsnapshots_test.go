package starlarkincus_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
)

// snapshotNow is a snapshot of a fake, with its second.
func snapshotNow(name string, second int) map[string]any {
	return map[string]any{"name": name, "created_at": fmt.Sprintf("2026-01-02T03:04:%02dZ", second)}
}

// A snapshot that was deleted, renamed or replaced during an export is an error, whatever the server says of the backup, and
// no file is left. A new one isn't. The snapshots are read once before and, if there are any, once after.
func TestExportWhoseSnapshotsChange(t *testing.T) {
	instance, volume, bucket := "incus.instances.get('c1')", "incus.storage_pools.get('p').volumes.get('v', type='custom')", "incus.storage_pools.get('p').buckets.get('b')"
	for name, c := range map[string]struct {
		object, args string
		before, now  []any
		missing      bool // now
		running      string
		reads        int32
		lost         string // the snapshot of the error
	}{
		"alike":             {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s1", 1)}, reads: 2},
		"deleted":           {object: instance, before: []any{snapshotNow("s1", 1), snapshotNow("s2", 2)}, now: []any{snapshotNow("s1", 1)}, reads: 2, lost: "s2"},
		"renamed":           {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s3", 1)}, reads: 2, lost: "s1"},
		"replaced":          {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s1", 2)}, reads: 2, lost: "s1"},
		"all deleted":       {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{}, reads: 2, lost: "s1"},
		"added":             {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s1", 1), snapshotNow("s2", 2)}, reads: 2},
		"the first":         {object: instance, before: []any{}, now: []any{snapshotNow("s2", 2)}, reads: 1},
		"left out":          {object: instance, args: "instance_only=True", before: []any{snapshotNow("s1", 1)}, now: []any{}},
		"not left out":      {object: instance, args: "instance_only=False", before: []any{snapshotNow("s1", 1)}, now: []any{}, reads: 2, lost: "s1"},
		"instance gone":     {object: instance, before: []any{snapshotNow("s1", 1)}, missing: true, reads: 2, lost: "instance c1 was renamed, deleted or replaced"},
		"volume, alike":     {object: volume, before: []any{snapshotNow("v/s1", 1)}, now: []any{snapshotNow("v/s1", 1)}, reads: 2},
		"volume, deleted":   {object: volume, before: []any{snapshotNow("v/s1", 1), snapshotNow("v/s2", 2)}, now: []any{snapshotNow("v/s2", 2)}, reads: 2, lost: "s1"},
		"volume, left out":  {object: volume, args: "volume_only=True", before: []any{snapshotNow("v/s1", 1)}, now: []any{}},
		"volume, none":      {object: volume, before: []any{}, now: []any{}, reads: 1},
		"bucket":            {object: bucket, before: []any{snapshotNow("s1", 1)}, now: []any{}},
		"being deleted":     {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s1", 1)}, running: "Deleting snapshot of s1", reads: 1, lost: "s1"},
		"being renamed":     {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s1", 1)}, running: "Renaming snapshot of s1", reads: 1, lost: "s1"},
		"being changed":     {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s1", 1)}, running: "Updating snapshot of s1", reads: 2},
		"another one's end": {object: instance, before: []any{snapshotNow("s1", 1)}, now: []any{snapshotNow("s1", 1)}, running: "Deleting snapshot of s2", reads: 2},
	} {
		for _, old := range []bool{false, true} {
			for _, call := range []string{"export", "export_stream"} {
				if old && c.running != "" {
					continue // it is looked for only where the backup is sent while it is made
				}
				t.Run(fmt.Sprintf("%s, kept %t, %s", name, old, call), func(t *testing.T) {
					file := t.TempDir() + "/new"
					args := c.args
					if call == "export" {
						args = fmt.Sprintf("%q, %s", file, args)
					}
					s := &changer{sender: sender{warehouse: warehouse{content: []byte("content"), cut: -1}}, old: old, now: "first"}
					var begun atomic.Bool
					var reads atomic.Int32
					err := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						answer := func(v any) {
							json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": v})
						}
						begun.Store(begun.Load() || r.Method == "POST")
						switch path := r.URL.Path; {
						case strings.HasSuffix(path, "/snapshots") && r.URL.Query().Get("recursion") == "1":
							reads.Add(1)
							switch {
							case !begun.Load():
								answer(c.before)
							case c.missing:
								w.WriteHeader(http.StatusNotFound)
								json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 404, "error": "not found"})
							default:
								answer(c.now)
							}
						case r.Method == "GET" && strings.HasPrefix(path, "/1.0/storage-pools/p/") && (strings.HasSuffix(path, "/v") || strings.HasSuffix(path, "/b")):
							answer(map[string]any{"name": path[len(path)-1:], "type": "custom", "content_type": "iso"}) // no archive
						case path == "/1.0/operations" && c.running != "":
							description, snapshot, _ := strings.Cut(c.running, " of ")
							path := "/1.0/instances/c1"
							answer(map[string]any{"running": []any{
								map[string]any{"id": operationID, "class": "task", "description": "Backing up instance", "status": "Running", "status_code": 103, "created_at": "2026-01-02T03:04:05.678Z", "resources": map[string]any{"instances": []string{path}}},
								map[string]any{"id": "00000000-0000-0000-0000-00000000dddd", "class": "task", "description": description, "status": "Running", "status_code": 103, "created_at": "2026-01-02T03:04:06Z",
									"resources": map[string]any{"instances": []string{path}, "instances_snapshots": []string{path + "/snapshots/" + snapshot}}}}})
						default:
							s.ServeHTTP(w, r)
						}
					}))(fmt.Sprintf("x = %s.%s(%s)\nif type(x) == 'stream': [len(p) for p in x]", c.object, call, args))
					_, missing := os.Stat(file)
					var e *errors.Error
					errors.As(err, &e)
					switch {
					case reads.Load() != c.reads:
						t.Errorf("%d reads of the snapshots: %v", reads.Load(), err)
					case c.lost == "" && (err != nil || call == "export" && missing != nil):
						t.Error(err, missing)
					case c.lost != "" && (e == nil || !e.Class.IsA(errors.PreconditionFailed) || e.Outcome != errors.NotSent || missing == nil || !strings.Contains(e.Message, c.lost+" ") || !c.missing && e.Hint == ""):
						t.Error(err, missing)
					}
				})
			}
		}
	}
}

// A backup that a real server makes while a snapshot is deleted or renamed is whole or an error.
func TestRealExportWhoseSnapshotsChange(t *testing.T) {
	needsIncus(t)
	client := starlarkincus.New(starlarkincus.Options{Trace: count})
	defer client.Close()
	names := client.Names()
	names["testbed"] = testbed(t)
	err := host.New(host.Options{Predeclared: names, Track: starlarkincus.Track}).RunSource(t.Context(), "script", []byte(strings.ReplaceAll(`
folder = fs.temp_dir()
instance = incus.instances.launch(testbed.image + "-RUN", image = testbed.image)
defer(instance.delete, force = True)
pool = incus.storage_pools.get(instance.expanded_devices["root"]["pool"])
volume = pool.volumes.create("volume-RUN")

def remove(o):
    if not o.snapshots.exists("s2"): # the server may have made a folder of that name, which only the deletion of a snapshot removes
        o.snapshots.create("s2")
    for name in o.snapshots.names():
        o.snapshots.delete(name) # without which a volume isn't deleted
    o.delete()
defer(remove, volume)

def prepare(o, at):
    def sh(command):
        instance.exec(["sh", "-c", "set -e; " + command, at])
    sh("head -c 8000000 /dev/urandom > $0/big")
    o.snapshots.create("s1")
    sh("mkdir $0/d; cd $0/d; seq 1 200 | sed s/^/only-/ | xargs touch; sync") # the files of s2
    o.snapshots.create("s2")
    sh("rm -r $0/d")

instance.update(devices = {"v": {"type": "disk", "pool": pool.name, "source": volume.name, "path": "/v"}})
prepare(volume, "/v")
instance.update(devices = {"v": None})
prepare(instance, "")
instance.stop(force = True)

def names(o):
    return run(["tar", "t"], stdin = o.export_stream(compression_algorithm = "none")).stdout.count("/only-")

def change(o, how):
    if how == "delete":
        o.snapshots.delete("s2")
    else:
        o.snapshots.get("s2").rename("s3")

def read(o, how):
    begun = False
    for part in o.export_stream(compression_algorithm = "none"):
        if not begun:
            change(o, how)
        begun = True

def save(o, how, path):
    def export(_):
        return o.export(path, compression_algorithm = "none")
    def other(_):
        for n in range(3000):
            if fs.exists(path) or o.backups.names():
                break
            sleep(0.01)
        change(o, how)
    done = parallel(lambda fn: fn(0), [export, other])
    done[0].value, done[1].value
    return run(["tar", "tf", path]).stdout.count("/only-")

for o, copies in [(instance, incus.instances), (volume, pool.volumes)]:
    whole = names(o)
    if whole < 200:
        fail("%s: the backup has %d files of s2" % (o, whole))
    for how in ["delete", "rename"]:
        copy = o.copy("%s-%s" % (o.name, how))
        defer(remove, copy)
        direct = incus.has_extension("direct_backup")
        r = catch([IncusPreconditionFailedError, IncusOperationError], read, copy, how) if direct else catch(
            [IncusPreconditionFailedError, IncusOperationError], save, copy, how, folder + "/" + copy.name)
        if r.ok and (direct or r.value != whole):
            fail("%s: the backup has %s files of %d" % (copy, r.value, whole))
`, "RUN", fmt.Sprintf("%x", time.Now().UnixNano()))))
	if err != nil {
		t.Error(err)
	}
}
