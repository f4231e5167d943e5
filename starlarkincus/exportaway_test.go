package starlarkincus_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"
)

// An outage is a server of which a proxy answers one of the requests of an export, or cuts it.
type outage struct {
	changer
	of     func(r *http.Request) bool // the request that it concerns, once the backup is begun
	status int                        // of the proxy's page; 0 for a cut
	passes bool                       // the server gets the request nevertheless

	mu   sync.Mutex
	left int // times
	hits int
	gone bool // a DELETE was served
}

func (s *outage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	post := r.Method == "POST"
	hit := (s.begun.Load() || post) && s.of(r) && s.left > 0
	if hit {
		s.left--
		s.hits++
	}
	switch {
	case !hit && s.gone && strings.Contains(r.URL.Path, "/backups/export-"):
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 404, "error": "not found"})
	case !hit:
		s.changer.ServeHTTP(w, r)
	default:
		s.gone = s.gone || r.Method == "DELETE" && s.passes
		if s.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(s.status)
		fmt.Fprint(w, "<html><title>bad gateway</title></html>")
	}
}

// A proxy's page or a cut connection instead of one answer after the begin of an export doesn't end it.
func TestExportThroughAnOutage(t *testing.T) {
	suffix := func(method, suffix string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, suffix) }
	}
	second := func(of func(*http.Request) bool) func(*http.Request) bool {
		n := 0
		return func(r *http.Request) bool {
			if of(r) {
				n++
			}
			return n > 1 && of(r)
		}
	}
	for _, old := range []bool{false, true} {
		steps := map[string]func() func(*http.Request) bool{
			"first list":  func() func(*http.Request) bool { return suffix("GET", "/operations") },
			"second list": func() func(*http.Request) bool { return second(suffix("GET", "/operations")) },
			"wait":        func() func(*http.Request) bool { return suffix("GET", "/wait") },
			"last look":   func() func(*http.Request) bool { return suffix("GET", "/instances/c1") },
		}
		if old {
			delete(steps, "first list")
			delete(steps, "second list")
			delete(steps, "wait") // its operations end before their answers
			steps["download"] = func() func(*http.Request) bool { return suffix("GET", "/export") }
			steps["deletion"] = func() func(*http.Request) bool {
				return func(r *http.Request) bool { return r.Method == "DELETE" }
			}
		}
		for step, of := range steps {
			for _, status := range []int{0, 502, 503, 504} {
				for _, call := range []string{"export(%q)", "export_stream()"} {
					times := 1
					switch {
					case status == 0:
						times = 2 // because the transport sends it again
					case status != 502 && !strings.Contains(call, "%q"):
						continue
					}
					t.Run(fmt.Sprintf("kept %t, %s, %d, %s", old, step, status, call), func(t *testing.T) {
						file := t.TempDir() + "/new"
						if strings.Contains(call, "%q") {
							call = fmt.Sprintf(call, file)
						}
						s := &outage{changer: changer{sender: sender{warehouse: warehouse{content: []byte("content"), cut: -1}}, old: old, now: "first"}, of: of(), status: status, left: times}
						err := s.serve(t, s)("x = incus.instances.get('c1')." + call + "\nif type(x) == 'stream': [len(p) for p in x]")
						content, missing := os.ReadFile(file)
						if err != nil || strings.Contains(call, file) && string(content) != "content" {
							t.Error(err, missing)
						}
						if s.hits == 0 {
							t.Error("no such request")
						}
					})
				}
			}
		}
	}
}

// A backup whose deletion is answered by pages only is looked for: one that is gone is no error, and one that is there is named.
func TestExportWhoseDeletionIsNeverAnswered(t *testing.T) {
	starlarkincus.SetRestartTime(t, 300*time.Millisecond)
	for _, gone := range []bool{true, false} {
		s := &outage{changer: changer{sender: sender{warehouse: warehouse{content: []byte("content"), cut: -1}}, old: true, now: "first"},
			of: func(r *http.Request) bool { return r.Method == "DELETE" }, status: 502, passes: gone, left: 1 << 30}
		err := s.serve(t, s)(fmt.Sprintf("incus.instances.get('c1').export(%q)", t.TempDir()+"/new"))
		var e *errors.Error
		switch {
		case gone && err != nil:
			t.Error(err)
		case !gone && (!errors.As(err, &e) || e.Outcome != errors.Unknown || !strings.Contains(e.Message, "may not be deleted")):
			t.Error(err)
		}
	}
}

// A restarter is a server that keeps a backup, and goes away at one of the requests about it, of which it cuts the connection.
type restarter struct {
	changer
	at string // the method of the request at which it goes

	socket   string
	mu       sync.Mutex
	away     bool
	failed   int // deletions that failed
	returns  int // the number of failed deletions after which it returns; 0 for never
	deleted  bool
	servers  []*http.Server
	t        *testing.T
	finished sync.WaitGroup
}

func (s *restarter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.away:
		panic(http.ErrAbortHandler)
	case r.Method == s.at:
		s.away, s.at = true, ""
		os.Remove(s.socket)
		panic(http.ErrAbortHandler)
	default:
		s.deleted = s.deleted || r.Method == "DELETE"
		s.changer.ServeHTTP(w, r)
	}
}

func (s *restarter) listen() {
	listener, err := net.Listen("unix", s.socket)
	if err != nil {
		s.t.Error(err)
		return
	}
	server := &http.Server{Handler: s}
	s.servers = append(s.servers, server)
	s.finished.Go(func() { server.Serve(listener) })
}

// trace makes the server return after some failed deletions.
func (s *restarter) trace(r rest.Trace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != "DELETE" || r.Err == nil {
		return
	}
	if s.failed++; s.failed == s.returns {
		s.away = false
		s.listen()
	}
}

func (s *restarter) run(t *testing.T, script string) error {
	s.t, s.socket = t, filepath.Join(t.TempDir(), "socket")
	s.listen()
	defer s.finished.Wait()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, server := range s.servers {
			go server.Close()
		}
	}()
	env := &remote.Environment{Getenv: func(name string) string { return map[string]string{"INCUS_SOCKET": s.socket}[name] }}
	client := starlarkincus.New(starlarkincus.Options{Environment: env, Trace: s.trace})
	defer client.Close()
	return host.New(host.Options{Predeclared: client.Names(), Track: starlarkincus.Track}).RunSource(t.Context(), "script", []byte(script))
}

// The backup of an export is deleted after a restart of the server. If that doesn't return, the backup may be left.
func TestExportWhoseServerGoesAway(t *testing.T) {
	for _, c := range []struct {
		at      string
		returns int
		text    string // of the error; empty for success
	}{
		{"DELETE", 6, ""},
		{"DELETE", 0, "may not be deleted on the server"},
		{"POST", 0, "; the server may keep the backup export-"},
	} {
		t.Run(fmt.Sprintf("at %s, returns %t", c.at, c.returns > 0), func(t *testing.T) {
			if c.returns == 0 {
				starlarkincus.SetRestartTime(t, 300*time.Millisecond)
			}
			s := &restarter{changer: changer{sender: sender{warehouse: warehouse{content: []byte("content"), cut: -1}}, old: true, now: "first"}, at: c.at, returns: c.returns}
			err := s.run(t, fmt.Sprintf("incus.instances.get('c1').export(%q)", t.TempDir()+"/new"))
			switch {
			case c.text == "" && (err != nil || !s.deleted):
				t.Error(err)
			case c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)):
				t.Error(err)
			}
		})
	}
}

// A backup whose deletion the server refuses is left if it was made.
func TestExportWhoseDeletionIsRefused(t *testing.T) {
	for _, made := range []bool{true, false} {
		s := &changer{sender: sender{warehouse: warehouse{content: []byte("content"), cut: -1}}, old: true, now: "first"}
		err := s.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch failed := map[string]any{"id": operationID, "class": "task", "status": "Failure", "status_code": 400, "err": "no space left"}; {
			case r.Method == "POST" && !made:
				json.NewEncoder(w).Encode(map[string]any{"type": "async", "status": "Success", "status_code": 200, "metadata": failed, "operation": "/1.0/operations/" + operationID})
			case r.Method == "DELETE":
				w.WriteHeader(http.StatusForbidden)
				json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 403, "error": "not allowed"})
			default:
				s.ServeHTTP(w, r)
			}
		}))(fmt.Sprintf("incus.instances.get('c1').export(%q)", t.TempDir()+"/new"))
		text := "can't be deleted on the server: not allowed"
		if !made {
			text = "no space left; the server may keep the backup export-"
		}
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Error(err)
		}
	}
}
