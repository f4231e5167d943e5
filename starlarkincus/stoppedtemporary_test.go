package starlarkincus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.starlark.net/starlark"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
)

// temporaries are calls that make something temporary on a server, or stop an instance for a while.
var temporaries = map[string]string{
	"instance.export":              `here.instances.get("abc123").export(FILE)`,
	"instance.export_stream":       `[x for x in here.instances.get("abc123").export_stream()]`,
	"volume.export":                `here.storage_pools.get("abc123").volumes.get("abc123").export(FILE)`,
	"volume.export_stream":         `[x for x in here.storage_pools.get("abc123").volumes.get("abc123").export_stream()]`,
	"bucket.export":                `here.storage_pools.get("abc123").buckets.get("abc123").export(FILE)`,
	"instance.publish, force":      `here.instances.get("abc123").publish(force = True)`,
	"instance.publish, snapshot":   `here.instances.get("abc123").publish(snapshot = True)`,
	"image.copy, pull":             `here.images.get("abc123").copy(there)`,
	"image.copy, push":             `here.images.get("abc123").copy(there, mode = "push")`,
	"instance.export, kept":        `here.instances.get("abc123").export(FILE)`,
	"instance.export_stream, kept": `[x for x in here.instances.get("abc123").export_stream()]`,
	"volume.export, kept":          `here.storage_pools.get("abc123").volumes.get("abc123").export(FILE)`,
	"lock":                         `here.lock("l").release()`,
}

// worksOf matches a piece of work in a report.
var worksOf = regexp.MustCompile(`{"description":"(?:[^"\\]|\\.)*","operation_id":[^}]*`)

// A temporaryServer is a server whose operations end a moment after they were begun, and which refuses to delete or start
// an object while another operation is running.
type temporaryServer struct {
	*answers
	world *temporaryWorld
	mu    sync.Mutex
	cond  *sync.Cond
	ops   map[string]*temporaryOperation
	there map[string]bool // the temporary objects by path
	runs  bool            // the instance
}

type temporaryOperation struct {
	id     string
	token  bool          // runs until it is cancelled
	found  chan struct{} // of one that sends a backup: closed when listed is set; nil for others
	listed bool          // the client may know of it
	over   bool
	finish func() // called at its end
}

// A temporaryWorld is a call whose client is stopped at one of its requests.
type temporaryWorld struct {
	at       int   // number of the request, from 0
	after    bool  // its answer is sent first
	kept     bool  // the servers keep backups until they are deleted
	sibling  bool  // a failed task stops the call, instead of a signal the script
	fault    fault // at the request, which then doesn't stop the client; empty for none
	lingers  time.Duration
	mu       sync.Mutex
	requests int
	last     string
	stop     func()
	servers  []*temporaryServer
	late     lateCalls
}

// count returns the number of requests until now.
func (t *temporaryWorld) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requests
}

func (s *temporaryServer) state(o *temporaryOperation) map[string]any {
	state := map[string]any{"id": o.id, "class": "task", "status": "Running", "status_code": 103, "metadata": outcome, "description": "Working", "may_cancel": o.token}
	if o.token {
		state["class"] = "token"
	}
	if o.over {
		state["status"], state["status_code"] = "Success", 200
	}
	return state
}

// end ends an operation. The lock is held.
func (s *temporaryServer) end(o *temporaryOperation) {
	if !o.over {
		o.over = true
		if o.finish != nil {
			o.finish()
		}
		s.cond.Broadcast()
	}
}

// busy reports whether an operation is running. The lock is held.
func (s *temporaryServer) busy() bool {
	for o := range maps.Values(s.ops) {
		if !o.over && !o.token {
			return true
		}
	}
	return false
}

func (s *temporaryServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := s.world
	if r.URL.Path == "/1.0/events" { // requested after a time only, and lasts
		s.answers.ServeHTTP(w, r)
		return
	}
	t.mu.Lock()
	here := t.requests == t.at
	if t.requests++; here {
		t.last = r.Method + " " + r.URL.Path
		if t.fault == "" && !t.after {
			t.stop()
		}
	}
	t.mu.Unlock()
	if here && t.fault != "" {
		t.fault.serve(w, r, s.answer, &t.late)
		return
	}
	if here && !t.after {
		time.Sleep(t.lingers / 2) // a request under way is served later
		if r.Method == "GET" && r.URL.Path == "/1.0/profiles" && t.at <= 2 {
			// Not before the stop has come: the answer to this one may give the script its lock.
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
		}
	}
	s.answer(w, r)
	if here && t.after {
		_ = http.NewResponseController(w).Flush()
		t.stop()
	}
}

func (s *temporaryServer) answer(w http.ResponseWriter, r *http.Request) {
	reply := func(status int, kind string, v any, operation string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"type": kind, "status": "Success", "status_code": status, "metadata": v, "operation": operation, "error_code": status, "error": v})
	}
	path := r.URL.Path
	s.mu.Lock()
	defer s.mu.Unlock()
	begin := func(token bool, finish func()) {
		o := &temporaryOperation{id: fmt.Sprintf("00000000-0000-0000-0000-%012d", len(s.ops)+1), token: token, finish: finish}
		s.ops[o.id] = o
		if !token {
			time.AfterFunc(s.world.lingers, func() { s.mu.Lock(); defer s.mu.Unlock(); s.end(o) })
		}
		reply(202, "async", s.state(o), "/1.0/operations/"+o.id)
	}
	operation, isOperation := strings.CutPrefix(path, "/1.0/operations/")
	id, wait, _ := strings.Cut(operation, "/")
	temporary := strings.Contains(path, "/backups/export-") || strings.Contains(path, "/snapshots/publish-")
	var body map[string]any
	if r.Method != "GET" {
		data, _ := io.ReadAll(r.Body)
		json.Unmarshal(data, &body)
		r.Body = io.NopCloser(bytes.NewReader(data))
	}
	switch name, _ := body["name"].(string); {
	case r.Header.Get("Accept") == "application/octet-stream":
		s.sendBackup(w, r)
	case path == "/1.0/operations":
		reply(200, "sync", s.sending(), "")
	case isOperation && s.ops[id] == nil:
		reply(404, "error", "Operation not found", "")
	case isOperation && r.Method == "DELETE" && !s.ops[id].token:
		reply(400, "error", "This operation can't be cancelled", "")
	case isOperation && r.Method == "DELETE":
		s.end(s.ops[id])
		reply(200, "sync", nil, "")
	case isOperation:
		o := s.ops[id]
		unwatch := context.AfterFunc(r.Context(), func() { s.mu.Lock(); defer s.mu.Unlock(); s.cond.Broadcast() })
		defer unwatch()
		for wait == "wait" && !o.over && r.Context().Err() == nil {
			s.cond.Wait()
		}
		reply(200, "sync", s.state(o), "")
	case r.Method == "POST" && (strings.HasSuffix(path, "/backups") || strings.HasSuffix(path, "/snapshots")):
		begin(false, func() { s.there[path+"/"+name] = true })
	case temporary && r.Method == "DELETE" && s.busy(), strings.HasSuffix(path, "/state") && r.Method == "PUT" && s.busy():
		reply(400, "error", "Another operation is running", "")
	case temporary && !s.there[path] && !strings.HasSuffix(path, "/export"):
		reply(404, "error", "not found", "")
	case temporary && r.Method == "DELETE":
		begin(false, func() { delete(s.there, path) })
	case strings.HasSuffix(path, "/state") && body["action"] == "stop":
		begin(false, func() { s.runs = false })
	case strings.HasSuffix(path, "/state") && body["action"] == "start" && s.runs:
		reply(400, "error", "The instance is already running", "")
	case strings.HasSuffix(path, "/state") && body["action"] == "start":
		begin(false, func() { s.runs = true })
	case r.Method == "POST" && strings.HasSuffix(path, "/secret"):
		begin(true, nil)
	case r.Method == "POST" && path == "/1.0/images":
		source, _ := body["source"].(map[string]any)
		begin(source["mode"] == "push", func() {
			s.answers.mu.Lock()
			defer s.answers.mu.Unlock()
			s.made["/1.0/images/abc123"] = map[string]any{"fingerprint": "abc123"}
		})
	case r.Method == "POST" && strings.HasSuffix(path, "/export"):
		begin(false, nil)
	default:
		s.answers.mu.Lock()
		s.override = map[string]any{"status": map[bool]string{true: "Running", false: "Stopped"}[s.runs], "ephemeral": false}
		s.answers.mu.Unlock()
		s.answers.ServeHTTP(w, r)
	}
}

// left returns a description of each temporary thing, after the operations have ended.
func (s *temporaryServer) left() []string {
	var out []string
	s.mu.Lock()
	for _, o := range s.ops {
		if o.listed && !o.over {
			out = append(out, "may still be making a backup of")
		}
	}
	s.mu.Unlock()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		busy := s.busy()
		s.mu.Unlock()
		if !busy || time.Now().After(deadline) {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path := range s.there {
		out = append(out, path[strings.LastIndex(path, "/")+1:])
	}
	if !s.runs {
		out = append(out, "instance abc123")
	}
	for _, o := range s.ops {
		if !o.over && o.token {
			out = append(out, o.id)
		}
	}
	s.answers.mu.Lock()
	defer s.answers.mu.Unlock()
	for path := range s.made {
		if strings.HasPrefix(path, "/1.0/profiles/lock.") {
			out = append(out, path)
		}
	}
	return out
}

// run runs the script and returns its report; empty for success.
func (m *temporaryWorld) run(t *testing.T, script string, options host.Options) string {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	failing := make(chan struct{})
	m.stop = func() { cancel(host.ErrInterrupted) }
	if m.sibling {
		m.stop = func() { close(failing) }
		script = `parallel(lambda f: f(), [lambda: ` + script + `, lambda: [stopped(), fail("boo")]])`
	}
	var sockets []starlark.Value
	for i := range 2 {
		s := &temporaryServer{answers: newAnswers(), world: m, ops: make(map[string]*temporaryOperation), there: make(map[string]bool), runs: true}
		s.cond = sync.NewCond(&s.mu)
		if m.kept {
			s.lacks = "direct_backup"
		}
		s.empty = i == 1 || strings.Contains(script, "lock(")
		m.servers = append(m.servers, s)
		socket, end := onSocket(t, s)
		defer end()
		sockets = append(sockets, starlark.String(socket))
	}
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	names := client.Names()
	names["sockets"], names["FILE"] = starlark.NewList(sockets), starlark.String(filepath.Join(t.TempDir(), "file"))
	names["stopped"] = starlark.NewBuiltin("stopped", func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		builtin.Of(thread).Block(func() { <-failing })
		return starlark.None, nil
	})
	options.JSON, options.Predeclared, options.Track, options.Stderr = true, names, starlarkincus.Track, t.Output()
	h := host.New(options)
	err := h.RunSource(ctx, "script", []byte("here, there = [incus.connect(endpoint = s) for s in sockets]\n"+script))
	if err == nil {
		return ""
	}
	var out bytes.Buffer
	h.Report(&out, err)
	return out.String()
}

// TestStoppedTemporaries stops each call that makes something temporary at each of its requests. Nothing of it may be
// left after clean-up that has the time. If it hasn't, the report names it.
func TestStoppedTemporaries(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(temporaries)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script := temporaries[name]
			kept := strings.HasSuffix(name, ", kept")
			whole := &temporaryWorld{at: -1, kept: kept, lingers: time.Millisecond}
			if report := whole.run(t, script, host.Options{}); report != "" {
				t.Fatalf("not stopped: %s", report)
			}
			for _, s := range whole.servers {
				if left := s.left(); len(left) > 0 {
					t.Errorf("not stopped: %v are left", left)
				}
			}
			requests := whole.count()
			t.Logf("%d requests", requests)
			var all sync.WaitGroup
			defer all.Wait()
			turns := make(chan struct{}, 16) // they mostly wait, but a client gives up on a server that takes seconds
			for at := range requests {
				for n := range 6 {
					turns <- struct{}{}
					all.Go(func() {
						defer func() { <-turns }()
						after, short := n&1 == 0, n&2 != 0
						m := &temporaryWorld{at: at, kept: kept, after: after, sibling: n >= 4, lingers: 100 * time.Millisecond}
						options := host.Options{Grace: time.Minute}
						if short {
							m.lingers, options.Grace = 400*time.Millisecond, 100*time.Millisecond
						}
						report := m.run(t, script, options)
						for _, work := range worksOf.FindAllString(report, -1) {
							if !strings.Contains(work, `"remote":"unix://`) {
								t.Errorf("no server: %s", work)
							}
						}
						for _, s := range m.servers {
							for _, left := range s.left() {
								if name == "lock" && m.last == "GET /1.0/profiles" && after {
									continue // the script has the lock
								}
								if !short || !strings.Contains(report, left) && !strings.Contains(report, "not answered") {
									t.Errorf("request %d of %d, %s, after %t, short %t, sibling %t: %s is left: %s", at, requests, m.last, after, short, m.sibling, left, report)
								}
							}
						}
					})
				}
			}
		})
	}
}
