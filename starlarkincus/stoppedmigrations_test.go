package starlarkincus_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.starlark.net/starlark"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
)

var (
	migrationSeed = flag.Uint64("migration-seed", 0, "the seed of TestStoppedMigrations and TestFailedMigrations; 0 takes another each time")
	allFates      = flag.Bool("all-fates", false, "whether these tests try all fates of the operations at each moment, instead of a random one")
)

// A fate is what becomes of the operations that run when the client is stopped.
type fate string

const (
	removed fate = "cancelled, and the copy is removed"
	late    fate = "cancelled, and the copy is removed after the end of the operation"
	kept    fate = "cancelled, and the copy stays"
	goesOn  fate = "not cancelled, and goes on"
	succeed fate = "not cancelled, and succeeds"
	fails   fate = "not cancelled, and fails; the copy stays"
)

// stopMoment is a migration between two fake servers, whose client is stopped at one of its requests.
type stopMoment struct {
	path         string // of the copy
	fate         fate
	at           int      // the number of the request, from 0
	after        bool     // its answer is sent first
	last         bool     // it is the last one
	breakage     breakage // if not empty, the request fails instead of the stop
	broken       string   // the request that failed
	way, script  string   // of the migration
	gone         bool     // the original was deleted
	stop         func()
	mu           sync.Mutex
	requests     int
	stopped      bool
	over         bool // the operations have ended
	exists       bool
	begun        bool             // the creation of the copy was answered
	reads        int              // of the copy, after the end of its operation
	grace        time.Duration    // the client's grace period; 0 for a short one
	waiting      int              // requests for the ends of operations
	change       *sync.Cond       // of the above
	source, sink *migrationServer // both servers
}

// A migrationServer is one of the two servers.
type migrationServer struct {
	*answers
	name    string
	moment  *stopMoment
	started bool // its operation
}

func (s *migrationServer) operation() map[string]any {
	m, status, code, failure := s.moment, "Running", 103, ""
	switch {
	case !m.over:
	case m.stopped && m.cancels():
		status, code, failure = "Cancelled", 401, "cancelled"
	case m.stopped && m.fate == fails:
		status, code, failure = "Failure", 400, "disk failure"
	default:
		status, code = "Success", 200
	}
	description := "Migrating"
	if s == m.sink {
		description = "Creating instance"
	}
	return map[string]any{"id": s.name, "class": "websocket", "status": status, "status_code": code, "err": failure, "description": description,
		"may_cancel": m.cancels(), "resources": map[string][]string{"instances": {m.path}}, "metadata": map[string]any{"control": "c", "fs": "f"}}
}

func (s *migrationServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/1.0/events" { // requested after a time only, and lasts
		s.answers.ServeHTTP(w, r)
		return
	}
	m := s.moment
	m.mu.Lock()
	here := m.requests == m.at && !m.stopped
	m.requests++
	if here && m.breakage != "" {
		m.broken = r.Method + " " + r.URL.Path
		m.mu.Unlock()
		m.breakage.serve(s, w, r)
		return
	}
	if here && !m.after {
		m.halt()
	}
	m.mu.Unlock()
	s.answer(w, r)
	if here && m.after {
		if !strings.HasSuffix(r.URL.Path, "/websocket") {
			_ = http.NewResponseController(w).Flush()
		}
		m.mu.Lock()
		m.halt()
		m.mu.Unlock()
	}
}

// cancels reports whether the operations can be cancelled.
func (m *stopMoment) cancels() bool { return m.fate == removed || m.fate == late || m.fate == kept }

// halt stops the client.
func (m *stopMoment) halt() {
	m.stopped = true
	m.stop()
	if m.fate == succeed || m.fate == fails {
		m.over = m.over || m.source.started && m.sink.started
	}
	m.change.Broadcast()
}

func (s *migrationServer) answer(w http.ResponseWriter, r *http.Request) {
	m := s.moment
	reply := func(status int, kind string, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"type": kind, "status": "Success", "status_code": status, "metadata": v, "operation": "/1.0/operations/" + s.name,
			"error_code": status, "error": "refused"})
	}
	m.mu.Lock()
	path, creates := r.URL.Path, s == m.sink && r.Method == "POST" && r.URL.Path == m.path[:strings.LastIndex(m.path, "/")]
	if m.fate == late && m.over && s == m.sink && r.Method == "GET" && path == m.path {
		m.reads++
		m.exists = m.exists && m.reads == 1
	}
	switch {
	case creates || r.Method == "POST" && s == m.source:
		s.started = true
		if creates {
			m.begun, m.exists = true, true
		}
		if m.stopped && (m.fate == succeed || m.fate == fails) {
			m.over = true
		}
		reply(202, "async", s.operation())
	case strings.HasSuffix(path, "/websocket"):
		m.mu.Unlock()
		if conn, err := websocket.Accept(w, r, nil); err == nil {
			_, _, _ = conn.Read(r.Context())
			conn.CloseNow()
		}
		m.mu.Lock()
	case strings.HasSuffix(path, "/wait"):
		m.waiting++
		if m.waiting == 2 && !m.stopped {
			m.over = true
		}
		m.change.Broadcast()
		unwatch := context.AfterFunc(r.Context(), func() { m.mu.Lock(); defer m.mu.Unlock(); m.change.Broadcast() })
		for !m.over && r.Context().Err() == nil {
			m.change.Wait()
		}
		unwatch()
		reply(200, "sync", s.operation())
	case strings.HasPrefix(path, "/1.0/operations/") && r.Method == "DELETE" && m.cancels():
		if !m.over {
			m.over = true
			m.exists = m.exists && m.fate != removed
		}
		m.change.Broadcast()
		reply(200, "sync", nil)
	case strings.HasPrefix(path, "/1.0/operations/") && r.Method == "DELETE":
		reply(400, "error", nil)
	case strings.HasPrefix(path, "/1.0/operations/"):
		reply(200, "sync", s.operation())
	case s == m.source && r.Method == "DELETE" && strings.Contains(path, "/abc123"):
		m.gone = true
		reply(200, "sync", nil)
	case s == m.sink && path == m.path && r.Method == "DELETE" && m.breakage != "":
		m.exists = false
		reply(200, "sync", nil)
	case s == m.sink && path == m.path && !m.exists:
		reply(404, "error", nil)
	default:
		m.mu.Unlock()
		s.answers.ServeHTTP(w, r)
		return
	}
	m.mu.Unlock()
}

// run runs the script, which has the clients here and there, and returns its report; empty for success.
func (m *stopMoment) run(t *testing.T, script string) string {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	m.stop, m.change = func() { cancel(host.ErrInterrupted) }, sync.NewCond(&m.mu)
	var sockets []starlark.Value
	for i, s := range []**migrationServer{&m.source, &m.sink} {
		*s = &migrationServer{answers: newAnswers(), name: fmt.Sprintf("00000000-0000-0000-0000-00000000000%d", i), moment: m}
		(*s).override = map[string]any{"status": "Stopped"}
	}
	for _, s := range []*migrationServer{m.source, m.sink} {
		socket, end := onSocket(t, s)
		defer end()
		sockets = append(sockets, starlark.String(socket))
	}
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	names := client.Names()
	names["sockets"] = starlark.NewList(sockets)
	// A short grace period, because an operation that goes on takes up its part.
	h := host.New(host.Options{JSON: true, Predeclared: names, Track: starlarkincus.Track, Grace: cmp.Or(m.grace, 200*time.Millisecond), Stderr: t.Output()})
	err := h.RunSource(ctx, "script", []byte("here, there = [incus.connect(endpoint = s) for s in sockets]\n"+script))
	if err == nil {
		return ""
	}
	var out bytes.Buffer
	h.Report(&out, err)
	return out.String()
}

// TestStoppedMigrations stops the client at each request of each kind of migration, with a random fate of its operations.
// A copy that was begun must be reported: that it exists, is refreshed in part, or was removed.
func TestStoppedMigrations(t *testing.T) {
	random := migrationRandom(t)
	fates := []fate{removed, kept, goesOn, succeed, fails}
	for _, kind := range []string{"instances", "volumes"} {
		for _, mode := range []string{"pull", "push", "relay"} {
			for _, way := range []string{"copy", "refresh", "move"} {
				seed := random.Uint64()
				t.Run(kind+" "+mode+" "+way, func(t *testing.T) {
					t.Parallel()
					r := rand.New(rand.NewPCG(seed, 0))
					path, script := migration(kind, mode, way)
					whole := &stopMoment{path: path, at: -1, exists: way == "refresh"}
					if report := whole.run(t, script); report != "" {
						t.Fatalf("not stopped: %s", report)
					}
					var moments []*stopMoment
					whole.mu.Lock()
					defer whole.mu.Unlock()
					for at := range whole.requests {
						var all []*stopMoment
						for _, f := range fates {
							for _, after := range []bool{false, true} {
								all = append(all, &stopMoment{path: path, fate: f, at: at, after: after, exists: way == "refresh", last: at == whole.requests-1})
							}
						}
						if !*allFates {
							all = []*stopMoment{all[r.IntN(len(all))]}
						}
						moments = append(moments, all...)
					}
					runMoments(8, moments, func(m *stopMoment) { m.check(t, way, m.run(t, script)) })
				})
			}
		}
	}
}

// runMoments calls run with each moment. They mostly wait, so several run at a time.
func runMoments(workers int, moments []*stopMoment, run func(*stopMoment)) {
	next := make(chan *stopMoment)
	var running sync.WaitGroup
	defer running.Wait()
	defer close(next)
	for range workers {
		running.Go(func() {
			for m := range next {
				run(m)
			}
		})
	}
	for _, m := range moments {
		next <- m
	}
}

// migrationRandom returns the source of the random choices, whose seed it prints.
func migrationRandom(t *testing.T) *rand.Rand {
	seed := *migrationSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-migration-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// migration returns the path of the copy and the script of a migration from here to there.
func migration(kind, mode, way string) (path, script string) {
	path, get, call := "/1.0/instances/other", `here.instances.get("abc123")`, fmt.Sprintf(`.copy("other", to = there, mode = %q`, mode)
	if kind == "volumes" {
		path, get = "/1.0/storage-pools/abc123/volumes/custom/other", `here.storage_pools.get("abc123").volumes.get("abc123", type = "custom")`
	}
	switch way {
	case "refresh":
		call += ", refresh = True"
	case "move":
		call = fmt.Sprintf(`.move("other", to = there, mode = %q`, mode)
	}
	return path, get + call + ")"
}

// check compares the report of a stopped migration with the copy.
func (m *stopMoment) check(t *testing.T, way, report string) {
	m.mu.Lock() // a request without a client may still be served
	defer m.mu.Unlock()
	where := fmt.Sprintf("request %d of %d, after %t, operations %s; copy begun %t, exists %t:\n%s", m.at, m.requests, m.after, m.fate, m.begun, m.exists, report)
	if report == "" || m.last {
		return // the script has the copy
	}
	type work []struct{ Description, Remote string }
	var e struct {
		Class   string
		Running work `json:"still_running"`
		Unknown work `json:"unknown_after_stop"`
		Ended   work `json:"done_after_stop"`
		Left    work `json:"left_after_stop"`
		Removed work `json:"ended_after_stop"`
		Frames  []struct{ Builtins []string }
	}
	if err := json.Unmarshal([]byte(report), &e); err != nil || e.Class != "Interrupt" {
		t.Errorf("%s: %v", where, err)
	}
	if n := len(e.Frames); n > 0 && e.Frames[n-1].Builtins == nil {
		return // the call had returned: a websocket is answered only when it ends, as late as that
	}
	named := func(all ...work) bool {
		for _, work := range all {
			for _, one := range work {
				if one.Remote == "" {
					t.Errorf("no server of %s: %s", one.Description, where)
				}
				if strings.Contains(" "+one.Description+" ", " other ") {
					return true
				}
			}
		}
		return false
	}
	slow := strings.Contains(report, "not answered") // on a busy machine
	switch {
	case slow:
	case m.begun && m.exists && !named(e.Running, e.Unknown, e.Ended, e.Left):
		t.Errorf("not reported: %s", where)
	case m.begun && !m.exists && !named(e.Running, e.Unknown, e.Removed) && !strings.Contains(report, "may be on the other server"):
		t.Errorf("its removal isn't reported: %s", where)
	case m.exists && named(e.Removed), !m.begun && named(e.Removed):
		t.Errorf("reported as removed: %s", where)
	case m.begun && m.exists && way == "refresh" && !named(e.Left):
		t.Errorf("nothing says that the copy may be refreshed in part: %s", where)
	case !(m.begun && m.exists) && m.fate != removed && named(e.Left) && !strings.Contains(report, "may be on the other server"):
		t.Errorf("reported: %s", where)
	}
}

// onSocket serves on a unix socket until end is called.
func onSocket(t *testing.T, h http.Handler) (socket string, end func()) {
	socket = filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	return socket, func() { server.Close(); <-done }
}
