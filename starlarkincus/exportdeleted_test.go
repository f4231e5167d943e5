package starlarkincus_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
)

// An eraser is a server on which an operation is there at the end of an export. After the first read then, that of the list or
// that of the instance, the operation has ended, and a deleted instance is gone.
type eraser struct {
	changer
	operation map[string]any
	deletes   bool

	mu    sync.Mutex
	lists int
	looks int // after the backup
}

func (s *eraser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := r.URL.Path == "/1.0/operations"
	if list {
		s.lists++
	}
	if object := r.Method == "GET" && r.URL.Path == "/1.0/instances/c1"; s.begun.Load() && (object || list && s.lists > 1) {
		s.looks++
		if s.deletes && s.looks > 1 {
			s.now = ""
			s.operation["status"], s.operation["status_code"] = "Success", 200
		}
	}
	if list && s.lists > 1 {
		json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": map[string]any{"running": []any{s.operation}}})
		return
	}
	s.changer.ServeHTTP(w, r)
}

// A deletion of the instance that isn't over at the end of its export, or has failed in its midst, is an error: its files go first, and
// the instance last. One that the server refused, one of an earlier instance of the name and one of something else is none.
func TestExportOfAnInstanceThatIsDeleted(t *testing.T) {
	operation := func(description, path, status string, code int, failure string) map[string]any {
		return map[string]any{"id": "00000000-0000-0000-0000-00000000dddd", "class": "task", "description": description, "status": status, "status_code": code, "err": failure,
			"created_at": "2026-01-02T03:04:06Z", "resources": map[string]any{"instances": []string{path}}}
	}
	for name, c := range map[string]struct {
		operation map[string]any
		deletes   bool
		fails     bool
	}{
		"is going on":             {operation("Deleting instance", "/1.0/instances/c1?project=default", "Running", 103, ""), true, true},
		"is pending":              {operation("Deleting instance", "/1.0/instances/c1", "Pending", 105, ""), false, true},
		"fails":                   {operation("Deleting instance", "/1.0/instances/c1", "Failure", 400, "Failed deleting storage volume: unlinkat x: input/output error"), false, true},
		"is refused":              {operation("Deleting instance", "/1.0/instances/c1", "Failure", 400, "Instance is protected"), false, false},
		"was an earlier one's":    {operation("Deleting instance", "/1.0/instances/c1", "Success", 200, ""), false, false},
		"is another instance's":   {operation("Deleting instance", "/1.0/instances/c11", "Running", 103, ""), false, false},
		"is another's in a place": {operation("Deleting instance", "/1.0/instances/c1/x", "Running", 103, ""), false, false},
		"is no deletion":          {operation("Updating instance", "/1.0/instances/c1", "Running", 103, ""), false, false},
		"is that of a backup":     {operation("Deleting instance backup", "/1.0/instances/c1", "Running", 103, ""), false, false},
	} {
		for _, call := range []string{"export(%q)", "export_stream()"} {
			t.Run(name+", "+call, func(t *testing.T) {
				file := t.TempDir() + "/new"
				if strings.Contains(call, "%q") {
					call = fmt.Sprintf(call, file)
				}
				s := &eraser{changer: changer{sender: sender{warehouse: warehouse{content: bytes.Repeat([]byte("content"), 100), cut: -1}}, now: "first"}, operation: c.operation, deletes: c.deletes}
				err := s.serve(t, s)("x = incus.instances.get('c1')." + call + "\nif type(x) == 'stream': [len(p) for p in x]")
				_, missing := os.Stat(file)
				var e *errors.Error
				errors.As(err, &e)
				switch {
				case !c.fails && (err != nil || strings.Contains(call, file) && missing != nil):
					t.Error(err, missing)
				case c.fails && (e == nil || !e.Class.IsA(errors.PreconditionFailed) || e.Outcome != errors.NotSent || !strings.Contains(e.Message, "was being deleted during its export") || missing == nil):
					t.Error(err, missing)
				}
			})
		}
	}
}

// An ephemeral instance that stops during its export is being deleted.
func TestExportOfAnEphemeralInstance(t *testing.T) {
	for _, c := range []struct {
		ephemeral   bool
		before, now string
		fails       bool
	}{
		{true, "Running", "Stopped", true},
		{true, "Frozen", "Stopped", true},
		{true, "Running", "Frozen", false},
		{true, "Running", "Running", false},
		{true, "Stopped", "Running", false},
		{true, "Stopped", "Stopped", false},
		{false, "Running", "Stopped", false},
	} {
		var begun atomic.Bool
		s := &sender{warehouse: warehouse{content: []byte("content"), cut: -1}}
		err := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" || r.URL.Path != "/1.0/instances/c1" {
				if r.Method == "POST" {
					begun.Store(true)
				}
				s.ServeHTTP(w, r)
				return
			}
			status := c.before
			if begun.Load() {
				status = c.now
			}
			json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": map[string]any{"name": "c1", "ephemeral": c.ephemeral, "status": status}})
		}))(fmt.Sprintf("incus.instances.get('c1').export(%q)", t.TempDir()+"/new"))
		if c.fails != errors.Is(err, errors.PreconditionFailed) || !c.fails && err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A backup that a real server sends while it deletes the instance, with its files before its record, is whole or an error.
func TestRealExportOfAnInstanceThatIsDeleted(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED") == "6.0" {
		t.Skip("it keeps a backup, which is whole before it is sent")
	}
	client := starlarkincus.New(starlarkincus.Options{Trace: count})
	defer client.Close()
	names := client.Names()
	names["testbed"] = testbed(t)
	err := host.New(host.Options{Predeclared: names, Track: starlarkincus.Track}).RunSource(t.Context(), "script", []byte(strings.ReplaceAll(`
base = incus.instances.launch(testbed.image + "-deleted-RUN", image = testbed.image)
defer(base.delete, force = True)
base.exec(["sh", "-c", "mkdir /root/d && cd /root/d && seq 1 2000 | sed s/^/file-/ | xargs touch"])
base.stop(force = True)

def export(name, at):
    parts, s = [], base.copy(name).export_stream(compression_algorithm = "none")
    defer(try_, incus.instances.delete, name, force = True) # it may be gone
    for part in s:
        if len(parts) == at:
            incus.instances.get(name).delete(wait = False)
        parts.append(str(part))
    return parts

whole = len(export("deleted-RUN", -1))
for n in range(4):
    r = try_(export, "deleted-RUN-%d" % n, whole * (75 + 4 * n) // 100)
    found = "".join(r.value).count("root/d/file-") if r.ok else 0
    if r.ok and found != 2000:
        fail("deleted after %d%% of it, the backup has %d files of 2000" % (75 + 4 * n, found))
`, "RUN", fmt.Sprintf("%x", time.Now().UnixNano()))))
	if err != nil {
		t.Error(err)
	}
}
