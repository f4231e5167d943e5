package starlarkincus_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A shelf is a fake server that stores objects. A PUT replaces an object, and clears omitted fields.
type shelf struct {
	mu      sync.Mutex
	objects map[string]dict
	lists   map[string][]any // collections, by path
	refuse  func(method, path string) (status int, message string)
	log     []string
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, r.Method+" "+r.URL.Path)
	fail := func(status int, message string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"type":"error","error_code":%d,"error":%q}`, status, message)
	}
	w.Header().Set("Content-Type", "application/json")
	if s.refuse != nil {
		if status, message := s.refuse(r.Method, r.URL.Path); status != 0 {
			fail(status, message)
			return
		}
	}
	body, _ := io.ReadAll(r.Body)
	var given dict
	json.Unmarshal(body, &given)
	object, found := s.objects[r.URL.Path]
	data, _ := json.Marshal(object)
	etag := fnv.New64()
	etag.Write(data)
	tag := fmt.Sprintf("%x", etag.Sum64())
	switch {
	case r.Method == "POST":
		name, _ := given[keyIn(r.URL.Path)].(string)
		s.objects[r.URL.Path+"/"+name] = given
		data = []byte("null")
	case s.lists[r.URL.Path] != nil:
		data, _ = json.Marshal(s.lists[r.URL.Path])
	case !found && strings.HasSuffix(r.URL.Path, "operations"):
		data = []byte("{}")
	case !found:
		fail(http.StatusNotFound, "not found")
		return
	case r.Method == "PUT" && r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != tag:
		fail(http.StatusPreconditionFailed, "ETag doesn't match")
		return
	case r.Method == "PUT" && mapAt(given, "config")["no.such"] != nil:
		fail(http.StatusBadRequest, `unknown key "no.such"`)
		return
	case r.Method == "PUT":
		key := keyIn(path.Dir(r.URL.Path))
		if v, named := object[key]; named {
			given[key] = v
		}
		s.objects[r.URL.Path], data = given, []byte("null")
	}
	w.Header().Set("ETag", tag)
	fmt.Fprintf(w, `{"type":"sync","status":"Success","status_code":200,"metadata":%s}`, data)
}

// keyIn returns the name of the field with the key of the objects in the collection at a path; empty if there is none.
func keyIn(collection string) string {
	for _, s := range spec.Sites() {
		if pattern(s.Collection).MatchString(collection) {
			return s.Key
		}
	}
	return ""
}

func mapAt(object dict, key string) dict {
	m, _ := object[key].(dict)
	return m
}

// serve starts the shelf, and returns options to connect to it.
func (s *shelf) serve(t *testing.T) starlarkincus.Options {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); <-done })
	return starlarkincus.Options{Environment: &remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": socket}[name]
	}}}
}

func (s *shelf) run(t *testing.T, script string) error {
	t.Helper()
	client := starlarkincus.New(s.serve(t))
	defer client.Close()
	var errs bytes.Buffer
	h := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}})
	err := h.RunSource(t.Context(), "script", []byte(script))
	if err != nil {
		h.Report(&errs, err)
		t.Logf("%s", errs.Bytes())
	}
	return err
}

// Changes of objects that no testbed supports.
func TestChangesOnAFake(t *testing.T) {
	for _, s := range fakeSubjects {
		t.Run(s.name(), func(t *testing.T) {
			fake := &shelf{objects: map[string]dict{"/1.0/networks/n": {"name": "n"}, "/1.0/storage-pools/p": {"name": "p"}, "/1.0/storage-pools/p/buckets/b": {"name": "b"}}}
			try(t, s, fake.serve(t), starlark.None)
		})
	}
}

// Update and replace preserve fields that only newer servers have.
func TestChangeKeepsWhatIsNew(t *testing.T) {
	const path = "/1.0/profiles/p"
	fake := &shelf{objects: map[string]dict{path: {"name": "p", "config": dict{"a": "1"}, "brand_new": dict{"x": 1.0}}}}
	if err := fake.run(t, `
p = incus.profiles.get("p")
p.update(config = {"b": 2})
p.replace(description = "d")
`); err != nil {
		t.Fatal(err)
	}
	if got := fake.objects[path]; !equal(got, dict{"name": "p", "description": "d", "config": dict{"a": "1", "b": "2"}, "brand_new": dict{"x": 1.0}}) {
		t.Errorf("got %v", got)
	}
}

// Ensure starts again only if the object itself appeared or vanished, not for other missing or conflicting objects.
func TestEnsureBeginsAnewForItsObjectOnly(t *testing.T) {
	const path = "/1.0/networks/n"
	for _, c := range []struct {
		name    string
		status  int
		message string
		appears bool // exists after the first POST, as if created by another client
		posts   int
		fails   bool
	}{
		{"an address is taken", 409, `Address 10.0.0.1 already in use`, false, 1, true},
		{"it has the name of another kind of object", 400, `The network "n" already exists`, false, 1, true},
		{"something is missing", 404, `Project "x" not found`, false, 1, true},
		{"somebody else was quicker", 409, `The network already exists`, true, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			posts := 0
			fake := &shelf{objects: make(map[string]dict)}
			fake.refuse = func(method, at string) (int, string) {
				if method != "POST" {
					return 0, ""
				}
				if posts++; c.appears {
					fake.objects[path] = dict{"name": "n", "description": "theirs"}
				}
				return c.status, c.message
			}
			err := fake.run(t, `incus.networks.ensure("n", description = "mine")`)
			if (err != nil) != c.fails || posts != c.posts {
				t.Errorf("got the error %v after %d POSTs; want %d", err, posts, c.posts)
			}
			if got := fake.objects[path]["description"]; !c.fails && got != "mine" {
				t.Errorf("the description is %v", got)
			}
		})
	}
	t.Run("it vanishes", func(t *testing.T) {
		fake := &shelf{objects: map[string]dict{path: {"name": "n", "description": "theirs"}}}
		fake.refuse = func(method, at string) (int, string) {
			if method == "PUT" {
				delete(fake.objects, path)
			}
			return 0, ""
		}
		if err := fake.run(t, `incus.networks.ensure("n", description = "mine")`); err != nil || fake.objects[path]["description"] != "mine" {
			t.Errorf("got %v, and the error %v", fake.objects, err)
		}
	})
}

// Ensure doesn't move an instance, and its error names the member.
func TestEnsureSaysWhereAnInstanceIs(t *testing.T) {
	fake := &shelf{objects: map[string]dict{
		"/1.0/instances/x":          {"name": "x", "location": "node1", "status": "Running"},
		"/1.0/cluster/groups/here":  {"name": "here", "members": []any{"node1"}},
		"/1.0/cluster/groups/there": {"name": "there", "members": []any{"node2"}},
	}}
	if err := fake.run(t, `
def elsewhere(target):
    r = catch(IncusConflictError, incus.instances.ensure, "x", target = target)
    want = "is there on node1, not on " + target
    if r.ok or want not in r.error.message:
        fail("%r" % r)

elsewhere("node2")
elsewhere("@there")
for client in [incus, incus.use(target = "node1")]:
    if client.instances.ensure("x", target = "@here").changed or client.instances.ensure("x", target = "node1").changed or client.instances.ensure("x").changed:
        fail("it was changed")
if catch(IncusConflictError, incus.use(target = "node2").instances.ensure, "x").ok:
    fail("it is elsewhere")
`); err != nil {
		t.Fatal(err)
	}
	for _, request := range fake.log {
		if !strings.HasPrefix(request, "GET ") {
			t.Errorf("sent %s", request)
		}
	}
}

// TestOutcomeOfAFailedChange checks that the outcome of an error depends on the object, not on the answer, because
// servers may save a change, or a part of it, before they fail.
func TestOutcomeOfAFailedChange(t *testing.T) {
	const path = "/1.0/profiles/p"
	for _, test := range []struct {
		name, class, outcome string
		status               int
		saved                dict
	}{
		{"saved", "IncusServerError", "done", 500, dict{"name": "p", "description": "new", "config": dict{"user.a": "1"}}},
		{"saved, with the server's own key", "IncusBadRequestError", "done", 400, dict{"name": "p", "description": "new", "config": dict{"user.a": "1", "volatile.x": "y"}}},
		{"a part", "IncusBadRequestError", "unknown", 400, dict{"name": "p", "description": "new", "config": dict{}}},
		{"nothing", "IncusBadRequestError", "refused", 400, dict{"name": "p", "description": "old", "config": dict{}}},
		{"nothing that shows", "IncusServerError", "unknown", 500, dict{"name": "p", "description": "old", "config": dict{}}},
	} {
		for _, method := range []string{"update", "replace"} {
			t.Run(test.name+"/"+method, func(t *testing.T) {
				fake := &shelf{objects: map[string]dict{path: {"name": "p", "description": "old", "config": dict{}}}}
				fake.refuse = func(method, at string) (int, string) {
					if method != "PUT" {
						return 0, ""
					}
					fake.objects[path] = test.saved
					return test.status, "something else broke"
				}
				script := fmt.Sprintf(`
e = try_(incus.profiles.get("p").%s, description = "new", config = {"user.a": "1"}).error
if (e.class_, e.outcome) != (%q, %q):
    fail("%%s, %%s" %% (e.class_, e.outcome))
`, method, test.class, test.outcome)
				if err := fake.run(t, script); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
