package suite

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
)

// A fake is a server that stores the objects sent to it. As in Incus, a project with objects is deleted only by force,
// together with its objects.
type fake struct {
	mu         sync.Mutex
	extensions []string
	objects    map[string]map[string]any // by project and path
	requests   []string
	fails      map[string]string // errors of requests, by method and path
	failStatus int               // the status of fails, instead of 400
}

// serve starts a fake with the default project and two profiles, and directs the test to it.
func serve(t *testing.T, extensions ...string) *fake {
	t.Helper()
	f := &fake{extensions: extensions, fails: make(map[string]string), objects: map[string]map[string]any{
		"default /1.0/projects/default":   {},
		"default /1.0/storage-pools/pool": {},
		"default /1.0/networks/shared":    {},
		"default /1.0/profiles/default":   {"name": "default", "devices": map[string]any{"root": map[string]any{"type": "disk"}}},
		"default /1.0/profiles/small":     {"name": "small", "config": map[string]any{"limits.cpu": "1"}},
	}}
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, "unix.socket"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	t.Setenv("INCUS_SOCKET", listener.Addr().String())
	t.Setenv("INCUS_CONF", dir)
	t.Setenv("HOME", dir)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	project := r.URL.Query().Get("project")
	if project == "" || strings.HasPrefix(r.URL.Path, "/1.0/projects") || r.URL.Path == "/1.0/storage-pools" {
		project = "default"
	}
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	at := r.Method + " " + r.URL.Path
	if strings.HasPrefix(r.URL.Path, "/1.0/projects/") {
		at = r.Method + " /1.0/projects/*"
	}
	refusal, status := f.fails[at], cmp.Or(f.failStatus, http.StatusBadRequest)
	var metadata any
	message := refusal
	if refusal == "" || status >= 500 && r.Method == "POST" { // made, but reported as failed
		if metadata, status, message = f.answer(r, project); refusal != "" {
			status, message = f.failStatus, refusal
		}
	}
	answer := map[string]any{"type": "sync", "status_code": 200, "metadata": metadata}
	if message != "" {
		answer = map[string]any{"type": "error", "error_code": status, "error": message}
		w.WriteHeader(status)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// answer executes a request and returns the answer's metadata, or a status and a message for an error.
func (f *fake) answer(r *http.Request, project string) (metadata any, status int, message string) {
	key := project + " " + r.URL.Path
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	object, found := f.objects[key]
	switch {
	case r.URL.Path == "/1.0":
		return map[string]any{"api_extensions": f.extensions, "auth": "trusted"}, 0, ""
	case r.Method == "POST":
		name, _ := body["name"].(string)
		f.objects[key+"/"+name] = body
		if r.URL.Path == "/1.0/projects" {
			f.objects[name+" /1.0/profiles/default"] = map[string]any{"name": "default"}
		}
		return nil, 0, ""
	case r.Method == "GET" && !found:
		return f.list(r, project), 0, ""
	case r.Method == "PUT" && path.Base(r.URL.Path) == "state":
		return nil, http.StatusBadRequest, "The instance is already stopped"
	case !found:
		return nil, http.StatusNotFound, "not found"
	case r.Method == "GET":
		return object, 0, ""
	case r.Method != "DELETE":
		maps.Copy(object, body)
		return nil, 0, ""
	}
	if config, _ := object["config"].(map[string]any); config["security.protection.delete"] == "true" {
		return nil, http.StatusBadRequest, "Instance is protected from being deleted"
	}
	if name, is := strings.CutPrefix(r.URL.Path, "/1.0/projects/"); is {
		for key := range f.objects {
			if strings.HasPrefix(key, name+" ") && key != name+" /1.0/profiles/default" && r.URL.Query().Get("force") == "" {
				return nil, http.StatusBadRequest, "Only empty projects can be removed"
			}
		}
		for key := range f.objects {
			if strings.HasPrefix(key, name+" ") {
				delete(f.objects, key)
			}
		}
	}
	delete(f.objects, key)
	return nil, 0, ""
}

// list returns the objects of a collection, or their links. Networks of the default project belong to all projects.
func (f *fake) list(r *http.Request, project string) any {
	all := []any{}
	for key, object := range f.objects {
		owner, at, _ := strings.Cut(key, " ")
		shared := owner == "default" && r.URL.Path == "/1.0/networks"
		if path.Dir(at) != r.URL.Path || owner != project && !shared && r.URL.Query().Get("all-projects") == "" {
			continue
		}
		if r.URL.Query().Get("recursion") != "" {
			object["project"] = owner
			all = append(all, object)
		} else if owner == "default" {
			all = append(all, at)
		} else {
			all = append(all, at+"?project="+owner)
		}
	}
	if r.URL.Path == "/1.0/operations" {
		return map[string]any{}
	}
	return all
}

// left returns the objects added since the start.
func (f *fake) left() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for key := range f.objects {
		if !strings.HasPrefix(key, "default ") || strings.HasPrefix(key, "default /1.0/projects/star") {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

const leaves = `
def test_leaves_much():
    assert_eq(sorted(incus.profiles.names()), ["default", "small"])
    assert_eq(incus.profiles.get("default").devices["root"]["type"], "disk")
    for path in ["instances", "images", "network-acls", "networks", "network-zones", "profiles", "storage-pools/pool/volumes/custom", "storage-pools/pool/buckets"]:
        incus.request("POST", "/1.0/" + path, body = {"name": "mine"})
    incus.request("PATCH", "/1.0/instances/mine", body = {"config": {"security.protection.delete": "true"}})

def test_fails():
    incus.request("POST", "/1.0/instances", body = {"name": "other"})
    assert_true(False)

def test_needs_no_project():
    pass
`

// TestProjects checks that a test's project is removed with its objects, by force if the server supports it, or else one
// by one.
func TestProjects(t *testing.T) {
	for name, extensions := range map[string][]string{"by force": {extension}, "one by one": nil} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, extensions...)
			status, text := runUntil(t, t.Context(), Options{Paths: []string{write(t, map[string]string{"a_test.star": leaves})}, Timeout: time.Minute})
			if status != 1 || !strings.Contains(text, "2 passed, 1 failed in") {
				t.Errorf("ended with %d:\n%s", status, text)
			}
			if left := f.left(); left != nil {
				t.Errorf("there is left: %q", left)
			}
			created := 0
			for _, r := range f.requests {
				if r == "POST /1.0/projects" {
					created++
				}
				if r == "DELETE /1.0/networks/shared" || r == "DELETE /1.0/profiles/small" && extensions != nil {
					t.Error(r)
				}
			}
			if created != 2 {
				t.Errorf("%d projects were created, want one for each test that uses Incus", created)
			}
		})
	}
}

// TestProjectFails checks that a test runs with a note if a profile can't be copied, and fails if its project can't be
// created.
func TestProjectFails(t *testing.T) {
	const script = "def test_a():\n    incus.profiles.names()\n"
	for refused, want := range map[string]string{
		"POST /1.0/profiles": "note",
		"POST /1.0/projects": "no projects here",
		"GET /1.0/profiles":  "no projects here",
	} {
		t.Run(refused, func(t *testing.T) {
			f := serve(t, extension)
			f.fails[refused] = "no projects here"
			status, text := runUntil(t, t.Context(), Options{Paths: []string{write(t, map[string]string{"a_test.star": script})}, Timeout: time.Minute, Verbose: true})
			if want == "note" {
				if status != 0 || !strings.Contains(text, "the profile small of the project default can't be copied to the test's project: ") {
					t.Errorf("ended with %d:\n%s", status, text)
				}
			} else if status != 1 || !strings.Contains(text, want) {
				t.Errorf("ended with %d:\n%s", status, text)
			}
			if left := f.left(); left != nil {
				t.Errorf("there is left: %q", left)
			}
		})
	}
}

// TestRemovalFollowsTheOutcome checks that only a project that may exist is removed and reported, and that the removal
// ends at an error that another attempt would meet too.
func TestRemovalFollowsTheOutcome(t *testing.T) {
	for _, c := range []struct {
		fails     string
		status    int
		removals  int // -1 for more than one
		remaining bool
	}{
		{"POST /1.0/projects", 400, 0, false},
		{"POST /1.0/projects", 401, 0, false},
		{"POST /1.0/projects", 403, 0, false},
		{"POST /1.0/projects", 409, 0, false},
		{"POST /1.0/projects", 500, 1, false},
		{"POST /1.0/projects", 502, 1, false},
		{"DELETE /1.0/projects/*", 403, 1, true},
		{"DELETE /1.0/projects/*", 400, -1, true},
		{"DELETE /1.0/projects/*", 500, -1, true},
	} {
		t.Run(fmt.Sprint(c.fails, c.status), func(t *testing.T) {
			f := serve(t, extension)
			f.fails[c.fails], f.failStatus = "not here", c.status
			r := New(Options{Timeout: time.Minute, Stdout: io.Discard, Stderr: io.Discard, Module: module,
				Paths: []string{write(t, map[string]string{"a_test.star": "def test_a():\n    incus.profiles.names()\n"})}})
			if c.removals < 0 { // ends at the second signal only
				done := make(chan struct{})
				go func() {
					defer close(done)
					for f.count("DELETE /1.0/projects/") < 2 {
						time.Sleep(10 * time.Millisecond)
					}
					r.EndCleanup()
				}()
				defer func() { <-done }()
			}
			status := r.Run(t.Context())
			if got := f.count("DELETE /1.0/projects/"); status != 1 || c.removals >= 0 && got != c.removals {
				t.Errorf("ended with %d after %d attempts, want %d", status, got, c.removals)
			}
			var b strings.Builder
			r.Report(&b, fmt.Errorf("given up"))
			if got := strings.Contains(b.String(), "remaining projects"); got != c.remaining {
				t.Errorf("the report is %q", b.String())
			}
		})
	}
}

// count returns the number of requests that begin with start.
func (f *fake) count(start string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if strings.HasPrefix(r, start) {
			n++
		}
	}
	return n
}

// TestClashNotes checks that the advice about a name in use depends on the owner of the other instance.
func TestClashNotes(t *testing.T) {
	const taken = `DNS name "web" already used on network`
	for _, c := range []struct {
		report   string
		projects []string // with an instance of that name
		parallel int
		want     string
	}{
		{"another error", []string{"other"}, 1, ""},
		{taken, []string{"other", "more"}, 1, "web is also in the project "},
		{taken, []string{mine + "1"}, 1, "a test that ran at the same time has web too"},
		{taken, []string{mine + "1", "other"}, 1, "web is also in the project other,"},
		{taken, []string{"own"}, 2, "gone by now, or hidden.\nIf it was a test's"},
		{taken, nil, 1, "gone by now, or hidden:\n"},
	} {
		f := serve(t)
		for _, project := range c.projects {
			f.objects[project+" /1.0/instances/web"] = map[string]any{"name": "web"}
		}
		r := New(Options{Parallel: c.parallel})
		r.noteProject("created", mine+"1")
		p := newProject("a test")
		p.name, p.status, p.note = "own", r.noteProject, func(text string) { t.Error(text) }
		if got := r.clash(p, c.report); got != "" {
			t.Errorf("a test without a project: %s", got)
		}
		client := starlarkincus.New(starlarkincus.Options{})
		t.Cleanup(client.Close)
		if err := p.create(client, ""); err != nil {
			t.Fatal(err)
		}
		got := r.clash(p, c.report)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || got != "" && !strings.HasPrefix(got, "note: instances on one bridge need different names") {
			t.Errorf("%s in %q: %s", c.report, c.projects, got)
		}
	}
}

// TestReport checks that the error of an abandoned run lists the remaining projects.
func TestReport(t *testing.T) {
	r := New(Options{})
	var b strings.Builder
	r.Report(&b, fmt.Errorf("given up"))
	r.noteProject("created", "b")
	r.noteProject("created", "a")
	r.noteProject("created", "c")
	r.noteProject("removed", "c")
	r.Report(&b, fmt.Errorf("given up"))
	if got, want := b.String(), "incus-star test: given up\nincus-star test: given up\nremaining projects: a b\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
