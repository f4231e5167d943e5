package starlarkincus_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/errors"
)

// A changer is a server on which the instance changes during its export.
type changer struct {
	sender
	old     bool   // keeps the backup
	forgets bool   // finds the backup no more
	now     string // the instance during the export: its volatile.uuid; empty if it is gone
	begun   atomic.Bool
}

func (s *changer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	missing := func() {
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 404, "error": "not found"})
	}
	answer := func(v any) {
		json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": v})
	}
	switch path := r.URL.Path; {
	case path == "/1.0" && s.old:
		answer(map[string]any{"api_extensions": []string{}})
	case r.Method == "GET" && path == "/1.0/instances/c1":
		uuid := "first"
		if s.begun.Load() {
			uuid = s.now
		}
		if uuid == "" {
			missing()
			return
		}
		answer(map[string]any{"name": "c1", "status": "Stopped", "config": map[string]string{"volatile.uuid": uuid}})
	case s.forgets && strings.Contains(path, "/backups/export-"):
		missing()
	default:
		if r.Method == "POST" {
			s.begun.Store(true)
		}
		s.sender.ServeHTTP(w, r)
	}
}

// An instance that is renamed, deleted or replaced during its export may be in the backup only in part, although the server
// reports no failure. That is an error, no file is left, and a backup that the server may keep is named.
func TestExportOfAChangedInstance(t *testing.T) {
	var content bytes.Buffer
	z := gzip.NewWriter(&content)
	fmt.Fprint(z, rand.Uint64())
	z.Close()
	for _, old := range []bool{false, true} {
		for _, forgets := range []bool{false, true} {
			if forgets && !old {
				continue // it keeps none
			}
			for _, now := range []string{"first", "second", ""} {
				for _, call := range []string{"export(%q)", "export_stream()"} {
					t.Run(fmt.Sprintf("kept %t, forgotten %t, now %q, %s", old, forgets, now, call), func(t *testing.T) {
						file := t.TempDir() + "/new"
						if strings.Contains(call, "%q") {
							call = fmt.Sprintf(call, file)
						}
						s := &changer{sender: sender{warehouse: warehouse{content: content.Bytes(), cut: -1}}, old: old, forgets: forgets, now: now}
						err := s.serve(t, s)("x = incus.instances.get('c1')." + call + "\nif type(x) == 'stream': [len(p) for p in x]")
						_, missing := os.Stat(file)
						var e *errors.Error
						errors.As(err, &e)
						switch {
						case now == "first" && !forgets:
							if err != nil {
								t.Error(err)
							}
						case e == nil || strings.Contains(call, file) && missing == nil:
							t.Errorf("got %v, file %v", err, missing)
						case forgets && now == "first": // it is gone, whoever deleted it
							if !e.Class.IsA(errors.NotFound) {
								t.Error(err)
							}
						case forgets:
							if e.Outcome != errors.Unknown || !strings.Contains(e.Message, "may keep the backup export-") {
								t.Error(err, e.Outcome)
							}
						case !e.Class.IsA(errors.PreconditionFailed) || e.Outcome != errors.NotSent || !strings.Contains(e.Message, "during its export"):
							t.Error(err, e.Outcome)
						}
					})
				}
			}
		}
	}
}

// A renamer is a server that keeps a backup, of an instance that has another name then.
type renamer struct {
	changer
	found   map[string]string // the volatile.uuid of instances
	backup  string            // the name of the one with the backup
	deletes atomic.Int32
}

func (s *renamer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/1.0/instances" && r.URL.Query().Get("recursion") == "1":
		all := []any{}
		for name, uuid := range s.found {
			all = append(all, map[string]any{"name": name, "config": map[string]any{"volatile.uuid": uuid}})
		}
		json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status": "Success", "status_code": 200, "metadata": all})
	case r.Method == "DELETE" && strings.HasPrefix(path, "/1.0/instances/"+s.backup+"/backups/export-"):
		s.deletes.Add(1)
		s.warehouse.ServeHTTP(w, r)
	default:
		s.changer.ServeHTTP(w, r)
	}
}

// The backup of an instance that was renamed during its export is deleted under the new name.
func TestExportOfARenamedInstance(t *testing.T) {
	for _, found := range []map[string]string{{"c2": "first"}, {"c2": "second"}, {}, {"c3": "first"}, {"c2": "first", "c3": "first", "c4": "second"}} {
		for _, call := range []string{fmt.Sprintf("export(%q)", t.TempDir()+"/new"), "export_stream()"} {
			s := &renamer{changer: changer{sender: sender{warehouse: warehouse{content: []byte("content"), cut: -1}}, old: true, forgets: true}, found: found, backup: "c2"}
			err := s.serve(t, s)("incus.instances.get('c1')." + call)
			one, outcome := found["c2"] == "first", errors.Outcome(errors.Unknown)
			if one {
				outcome = errors.NotSent
			}
			var e *errors.Error
			if !errors.As(err, &e) || !e.Class.IsA(errors.PreconditionFailed) || e.Outcome != outcome || strings.Contains(e.Message, "may keep") == one || s.deletes.Load() == 1 != one {
				t.Errorf("%v, %s: %v, %d deletions", found, call, err, s.deletes.Load())
			}
		}
	}
}

// A forgetter is a server that keeps a backup. It sends the second half when the deletion's end was asked for, and then knows
// neither the deletion nor the instance.
type forgetter struct {
	changer
	deleting, sent atomic.Bool
	asked          chan struct{}
}

func (s *forgetter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	deletion := map[string]any{"id": operationID, "class": "task", "status": "Running", "status_code": 103}
	answer := map[string]any{"type": "async", "status": "Success", "status_code": 200, "metadata": deletion, "operation": "/1.0/operations/" + operationID}
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/export"):
		w.Header().Set("Content-Length", fmt.Sprint(len(s.content)))
		half := len(s.content) / 2
		w.Write(s.content[:half])
		http.NewResponseController(w).Flush()
		select {
		case <-s.asked:
		case <-time.After(30 * time.Second):
			panic(http.ErrAbortHandler)
		}
		s.sent.Store(true)
		w.Write(s.content[half:])
	case r.Method == "DELETE" && !s.deleting.Swap(true):
		json.NewEncoder(w).Encode(answer)
	case strings.HasSuffix(path, "/wait") && s.deleting.Load() && !s.sent.Load():
		answer["type"], deletion["status"], deletion["status_code"] = "sync", "Success", 200
		json.NewEncoder(w).Encode(answer)
		http.NewResponseController(w).Flush()
		close(s.asked)
	case path != "/1.0" && s.sent.Load():
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 404, "error": "not found"})
	default:
		s.changer.ServeHTTP(w, r)
	}
}

// The end of the deletion of a backup is known before the end of a long download, after which the server has forgotten it. The
// instance may change then, because the backup was whole before.
func TestExportLongerThanItsDeletion(t *testing.T) {
	for _, call := range []string{fmt.Sprintf("export(%q)", t.TempDir()+"/new"), "export_stream()"} {
		s := &forgetter{changer: changer{sender: sender{warehouse: warehouse{content: bytes.Repeat([]byte("content"), 1<<16), cut: -1}}, old: true, now: "first"}, asked: make(chan struct{})}
		if err := s.serve(t, s)("x = incus.instances.get('c1')." + call + "\nif type(x) == 'stream': [len(p) for p in x]"); err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// A deleter is a server that keeps a backup, and deletes it without an answer.
type deleter struct {
	changer
	gone atomic.Bool
}

func (s *deleter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != "DELETE":
		s.changer.ServeHTTP(w, r)
	case !s.gone.Swap(true):
		panic(http.ErrAbortHandler)
	default:
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 404, "error": "not found"})
	}
}

// A backup that was made and isn't found is deleted, whatever became of the answer to its deletion.
func TestExportWithoutAnswerToTheDeletion(t *testing.T) {
	s := &deleter{changer: changer{sender: sender{warehouse: warehouse{content: []byte("content"), cut: -1}}, old: true, now: "first"}}
	if err := s.serve(t, s)(fmt.Sprintf("incus.instances.get('c1').export(%q)", t.TempDir()+"/new")); err != nil {
		t.Error(err)
	}
}
