package starlarkincus_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
)

// A dyingMember is a fake cluster whose member dies while it creates an instance, the first time.
type dyingMember struct {
	mu       sync.Mutex
	reported bool             // the operation fails with the loss of the member, before it is forgotten
	lost     bool             // the answer to the creation doesn't come from the member
	answer   http.HandlerFunc // the first one to the creation; nil for an operation
	ends     dict             // further fields of this operation's end
	stays    bool             // the instance can't be deleted
	vanishes bool             // the instance is gone, when it is to be started
	without  int              // the starts for which the network isn't there yet
	refusal  string
	swapped  dict // the instance that is there after such a start; nil for the same
	found    dict // the instance that is there afterwards
	made     int
	begun    time.Time
	changes  []string
}

func (s *dyingMember) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const operation = "/1.0/operations/00000000-0000-0000-0000-000000000001"
	ends := dict{"id": operation[len("/1.0/operations/"):], "class": "task", "status": "Failure", "status_code": 400, "err": "EOF", "location": "node3",
		"created_at": s.begun.Format(time.RFC3339Nano), "resources": dict{"instances": []string{"/1.0/instances/o"}}}
	answer := func(status int, kind string, metadata any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(dict{"type": kind, "status_code": status, "error_code": status, "error": "Operation not found", "operation": operation, "metadata": metadata})
	}
	if r.Method != "GET" {
		s.changes = append(s.changes, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/1.0/instances"))
	}
	running := maps.Clone(ends)
	running["status"], running["status_code"], running["err"] = "Running", 103, ""
	switch at := r.Method + " " + r.URL.Path; {
	case at == "GET /1.0":
		answer(200, "sync", dict{"auth": "trusted", "environment": dict{"server_clustered": true}})
	case strings.HasPrefix(at, "GET /1.0/profiles/"):
		answer(200, "sync", dict{"name": r.URL.Path[len("/1.0/profiles/"):], "devices": dict{"root": dict{"type": "disk", "path": "/", "pool": "default"}}})
	case at == "POST /1.0/instances":
		if s.made++; s.made > 1 { // the member is back
			json.NewDecoder(r.Body).Decode(&s.found)
			answer(200, "sync", nil)
			return
		}
		if s.answer != nil {
			s.answer(w, r)
			return
		}
		if s.lost {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"type": "error", "error_code": 503, "error": "unexpected EOF"}`)
			return
		}
		answer(202, "async", running)
	case at == "GET "+operation+"/wait" && s.reported:
		s.reported = false // it is back
		maps.Copy(ends, s.ends)
		answer(200, "sync", ends)
	case at == "GET /1.0/operations":
		answer(200, "sync", dict{})
	case at == "GET /1.0/instances/o" && s.found != nil && s.made > 0:
		answer(200, "sync", s.found)
	case at == "PUT /1.0/instances/o":
		json.NewDecoder(r.Body).Decode(&s.found)
		answer(200, "sync", nil)
	case at == "DELETE /1.0/instances/o" && s.stays:
		answer(403, "error", nil)
	case at == "DELETE /1.0/instances/o":
		s.found = nil
		answer(200, "sync", nil)
	case at == "PUT /1.0/instances/o/state" && s.without > 0:
		if s.without--; s.swapped != nil {
			s.found = s.swapped
		}
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(dict{"type": "error", "error_code": 400, "error": cmp.Or(s.refusal, unavailable)})
	case at == "PUT /1.0/instances/o/state" && s.vanishes:
		s.found = nil
		answer(404, "error", nil)
	case at == "PUT /1.0/instances/o/state":
		s.found["status"] = "Running"
		answer(200, "sync", nil)
	default:
		answer(404, "error", nil)
	}
}

const unavailable = `Failed pre-start check for device "eth0": Network "incusbr0" unavailable on this server`

// conforms checks that ensure went on with another's instance, which it neither deleted nor made again.
func conforms(t *testing.T, other string, changes []string, err error) {
	t.Helper()
	var e *errors.Error
	errors.As(err, &e)
	if elsewhere := other == "on another member"; slices.ContainsFunc(changes[1:], func(c string) bool { return !strings.HasPrefix(c, "PUT /o") }) ||
		elsewhere != (err != nil) || elsewhere && (!e.Class.IsA(errors.Conflict) || e.Outcome != errors.Unknown || fmt.Sprint(e.Fields["attempts"]) != "2") {
		t.Errorf("sent %q: %v", changes, err)
	}
}

// TestRetryTakesItsOwnInstanceOnly creates an instance by each way that goes on after the death of a cluster member, which then
// has that instance, whole or not, or another's of its name: the own one is returned or made again, another's is neither
// returned, started nor deleted, but by ensure, which changes it. If the answer of the server was lost, the others take none.
func TestRetryTakesItsOwnInstanceOnly(t *testing.T) {
	given := `image = "i", target = "node3", config = {"user.k": "v", "limits.cpu": 2}, profiles = ["default", "web"], description = "d", devices = {"root": {"size": "5GiB"}}, ephemeral = False`
	begun := time.Now().UTC()
	own := func() dict {
		return dict{"name": "o", "location": "node3", "status": "Stopped", "type": "container", "project": "default", "profiles": []any{"default", "web"}, "description": "d", "ephemeral": false,
			"config":  dict{"user.k": "v", "limits.cpu": "2", "volatile.uuid": "u", "volatile.base_image": "abc", "image.os": "x"},
			"devices": dict{"root": dict{"type": "disk", "path": "/", "pool": "default", "size": "5GiB"}}, "created_at": begun.Add(time.Second).Format(time.RFC3339), "last_used_at": "1970-01-01T00:00:00Z"}
	}
	config := func(key string, v any) func(dict) {
		return func(o dict) {
			if mapAt(o, "config")[key] = v; v == nil {
				delete(mapAt(o, "config"), key)
			}
		}
	}
	set := func(key string, v any) func(dict) { return func(o dict) { o[key] = v } }
	others := map[string]func(dict){
		"on another member":         set("location", "node1"),
		"from before":               set("created_at", begun.Add(-time.Minute).Format(time.RFC3339)),
		"another value of a key":    config("user.k", "w"),
		"without a key":             config("user.k", nil),
		"other profiles":            set("profiles", []any{"default"}),
		"another order of profiles": set("profiles", []any{"web", "default"}),
		"another description":       set("description", ""),
		"ephemeral":                 set("ephemeral", true),
		"another device":            set("devices", dict{"root": dict{"type": "disk", "path": "/", "pool": "default", "size": "6GiB"}}),
		"without a device":          set("devices", dict{}),
	}
	conditions := map[string]func(dict){ // as the server leaves it
		"unfinished": func(dict) {},
		"whole":      config("volatile.apply_template", "create"),
		"started":    set("last_used_at", begun.Add(2*time.Second).Format(time.RFC3339)),
	}
	ways := map[string]string{
		"create": `retry(incus.instances.create, "o", delay = 0, %s)`,
		"launch": `retry(lambda: incus.instances.launch("o", %s), delay = 0)`,
		"start":  `retry(incus.instances.create, "o", start = True, delay = 0, %s)`,
		"ensure": `retry(lambda: incus.instances.ensure("o", start = True, %s), delay = 0)`,
	}
	tried := 0
	run := func(t *testing.T, way string, fake *dyingMember) ([]string, error) {
		tried++
		fake.begun = begun
		socket, end := onSocket(t, fake)
		defer end()
		client := starlarkincus.New(starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string {
			return map[string]string{"INCUS_SOCKET": socket}[name]
		}}})
		defer client.Close()
		var out bytes.Buffer
		h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: starlark.StringDict{"incus": client}})
		err := h.RunSource(t.Context(), "script", fmt.Appendf(nil, ways[way], given))
		return fake.changes, err
	}
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		for condition, change := range conditions {
			for _, reported := range []bool{false, true} {
				name := fmt.Sprintf("%s/%s/%v", way, condition, reported)
				t.Run(name, func(t *testing.T) {
					found := own()
					change(found)
					fake := &dyingMember{reported: reported, found: found}
					want := []string{"POST "}
					if condition == "unfinished" {
						want = []string{"POST ", "DELETE /o", "POST "}
					} else if way != "create" {
						if want = append(want, "PUT /o/state"); condition == "whole" {
							fake.without, want = 1, append(want, "PUT /o/state")
						}
					}
					changes, err := run(t, way, fake)
					if err != nil || !slices.Equal(changes, want) {
						t.Errorf("its own: %q, want %q: %v", changes, want, err)
					}
				})
				for other, differ := range others {
					t.Run(name+"/"+other, func(t *testing.T) {
						found := own()
						change(found)
						differ(found)
						changes, err := run(t, way, &dyingMember{reported: reported, found: found})
						if mayBeOwn := condition == "unfinished" && other != "on another member" && other != "from before"; way == "ensure" && !mayBeOwn {
							conforms(t, other, changes, err)
							return
						}
						var e *errors.Error
						if !errors.As(err, &e) || e.Outcome != errors.Unknown || fmt.Sprint(e.Fields["attempts"]) != "1" || !slices.Equal(changes, []string{"POST "}) {
							t.Errorf("sent %q: %v", changes, err)
						}
					})
				}
			}
		}
	}
	refusals := []string{unavailable, `Instance is busy running a "delete" operation`, "The instance is already running"}
	for other, differ := range others { // takes the place of the own one, when that is to be started
		for i, way := range []string{"launch", "start", "ensure"} {
			refusal := refusals[(tried+i)%len(refusals)]
			t.Run("swapped/"+other+"/"+way+"/"+refusal, func(t *testing.T) {
				found, swapped := own(), own()
				conditions["whole"](found)
				differ(swapped)
				changes, err := run(t, way, &dyingMember{found: found, without: 1, refusal: refusal, swapped: swapped})
				if way == "ensure" {
					conforms(t, other, changes, err)
					return
				}
				var e *errors.Error
				if !errors.As(err, &e) || e.Outcome != errors.Unknown || !slices.Equal(changes, []string{"POST ", "PUT /o/state"}) {
					t.Errorf("sent %q: %v", changes, err)
				}
			})
		}
	}
	others["its own"] = func(dict) {} // which can't be known
	for other, differ := range others {
		for _, way := range []string{"create", "launch", "start"} {
			t.Run("lost/"+other+"/"+way, func(t *testing.T) {
				found := own()
				differ(found)
				changes, err := run(t, way, &dyingMember{lost: true, found: found})
				var e *errors.Error
				if !errors.As(err, &e) || e.Outcome != errors.Unknown || !slices.Equal(changes, []string{"POST "}) {
					t.Errorf("sent %q: %v", changes, err)
				}
			})
		}
	}
	t.Logf("%d calls", tried)
}
