package starlarkincus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A subject is an object whose fields are changed one at a time, to check that other fields stay.
type subject struct {
	resource *spec.Resource
	variant  string // distinguishes subjects of the same resource
	// setup is a script that sets object and, for a resource with ensure, collection and key; cleanup deletes the
	// objects of setup. Their predeclared names are incus, testbed, name, old (the samples' old values) and members (the
	// names of the cluster members). Setup may add samples to override.
	setup, cleanup string
	samples        map[string]sample
	line           string // only line of Incus that has it; empty for all
	slow           bool   // makes each change by one method only
}

// A sample has two values of a field, as JSON. Configuration and devices are changed one key at a time.
type sample struct {
	old, new any
	// keep has the reason why the field, or a key, can't be emptied.
	keep map[string]string
	// refused is the error for an emptied field that isn't sent.
	refused string
	line    string // only line of Incus on which it can be changed; empty for all
}

type dict = map[string]any

// A trial is a run of a subject.
type trial struct {
	*testing.T
	subject
	thread           *starlark.Thread
	client           *starlarkincus.Client
	globals          starlark.StringDict
	object           *starlarkincus.Object
	path             string
	query            url.Values
	mu               sync.Mutex
	last             rest.Trace
	sent             atomic.Int64 // requests that may change something
	changes, ensured int
	refusals         int
}

var (
	changesTried  atomic.Int64 // pairs of a field or key and a method
	ensuresTried  atomic.Int64
	refusalsTried atomic.Int64 // changes that the server refuses
	subjectsTried atomic.Int64
)

func (s *subject) name() string { return strings.TrimSuffix(s.resource.Name+"_"+s.variant, "_") }

// Each changeable field of each resource has a sample, so new fields are tested automatically.
func TestEveryChangeHasASample(t *testing.T) {
	all := slices.Concat(subjects, clusterSubjects, fakeSubjects)
	var visit func(r *spec.Resource)
	visit = func(r *spec.Resource) {
		if r.Verbs&(spec.Update|spec.Replace) != 0 {
			for _, f := range spec.With(r.Fields, spec.Change) {
				if !slices.ContainsFunc(all, func(s subject) bool { return s.resource == r && s.samples[f.Name].new != nil }) {
					t.Errorf("%s: no subject in change_samples_test.go has a sample of %s", r.Name, f.Name)
				}
			}
		}
		for _, child := range r.Children {
			visit(child)
		}
	}
	for _, r := range spec.Collections {
		visit(r)
	}
	for _, s := range all {
		for name := range s.samples {
			if f := spec.Find(s.resource.Fields, name); f == nil || f.Use&spec.Change == 0 {
				t.Errorf("%s: %s can't be changed, and has a sample", s.name(), name)
			}
		}
	}
}

// A change sets the given fields and no others; ensure changes only differing fields.
func TestRealChanges(t *testing.T) {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") != "" {
		t.Skip("for a single server")
	}
	t.Run("of", func(t *testing.T) { tryAll(t, subjects) })
	t.Logf("%d subjects, %d changes, %d ensures and %d refused changes tried", subjectsTried.Load(), changesTried.Load(), ensuresTried.Load(), refusalsTried.Load())
}

// The same for objects on a member of a cluster, and for members and groups.
func TestRealClusterChanges(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == "" {
		t.Skip("needs a real cluster: run scripts/test.sh")
	}
	t.Run("of", func(t *testing.T) { tryAll(t, clusterSubjects) })
	t.Logf("%d subjects, %d changes, %d ensures and %d refused changes tried", subjectsTried.Load(), changesTried.Load(), ensuresTried.Load(), refusalsTried.Load())
}

// others are objects that samples refer to.
const others = `
incus.profiles.%[1]s("other")
incus.projects.%[1]s("other")
`

func tryAll(t *testing.T, all []subject) {
	bed := testbed(t)
	prepare := func(verb string) {
		names, done := starlarkincus.Predeclared(starlarkincus.Options{})
		defer done()
		if _, err := starlark.ExecFileOptions(&syntax.FileOptions{}, new(starlark.Thread), verb, fmt.Sprintf(others, verb), names); err != nil {
			t.Error(err)
		}
	}
	prepare("create")
	t.Cleanup(func() { prepare("delete") })
	for _, s := range all {
		t.Run(s.name(), func(t *testing.T) {
			if s.line != "" && s.line != os.Getenv("INCUS_STAR_TESTBED") {
				t.Skipf("only Incus %s has it", s.line)
			}
			if s.resource != spec.Groups { // its members are the groups of the members, which are changed as well
				t.Parallel()
			}
			try(t, s, starlarkincus.Options{}, bed)
		})
	}
}

// try runs a subject on a server.
func try(t *testing.T, s subject, options starlarkincus.Options, bed starlark.Value) {
	x := &trial{T: t, subject: s, thread: &starlark.Thread{Name: s.name()}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	starlarkincus.Bind(x.thread, ctx, nil)
	options.Trace = x.trace
	x.client = starlarkincus.New(options)
	defer x.client.Close()
	members := new(starlark.List)
	for _, dir := range memberDirs() {
		members.Append(starlark.String(dir[strings.LastIndex(dir, "/")+1:]))
	}
	x.samples = make(map[string]sample)
	old := new(starlark.Dict)
	for name, sample := range s.samples {
		if sample.line == "" || sample.line == os.Getenv("INCUS_STAR_TESTBED") {
			x.samples[name] = sample
			old.SetKey(starlark.String(name), starlarkOf(t, sample.old))
		}
	}
	predeclared := starlark.StringDict{"old": old, "retry": starlark.NewBuiltin("retry", retry), "current": starlark.NewBuiltin("current", x.current), "incus": x.client, "testbed": bed, "members": members,
		"name": starlark.String(fmt.Sprintf("c%09x", time.Now().UnixNano()%(1<<36)))}
	run := func(what, source string) bool {
		globals, err := starlark.ExecFileOptions(&syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}, x.thread, what, source, predeclared)
		maps.Copy(predeclared, globals)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return err == nil
	}
	defer run("cleanup", s.cleanup)
	if !run("setup", s.setup) {
		return
	}
	x.globals = predeclared
	x.object = predeclared["object"].(*starlarkincus.Object)
	if d, ok := predeclared["override"].(*starlark.Dict); ok {
		v, err := value.ToGo(d)
		if err != nil {
			t.Fatal(err)
		}
		for name, pair := range v.(dict) {
			sample := x.samples[name]
			sample.old, sample.new = pair.([]any)[0], pair.([]any)[1]
			x.samples[name] = sample
		}
	}
	if _, err := x.call(x.object, "refresh", nil); err != nil {
		t.Fatal(err)
	}
	x.path, x.query = x.last.Path, x.last.Query
	x.run()
	subjectsTried.Add(1)
	changesTried.Add(int64(x.changes))
	ensuresTried.Add(int64(x.ensured))
	refusalsTried.Add(int64(x.refusals))
}

func (x *trial) trace(t rest.Trace) {
	if os.Getenv("INCUS_STAR_TESTBED") != "" {
		count(t)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if t.Method == "GET" && strings.HasSuffix(t.Path, "/wait") {
		return
	}
	x.last = t
	if t.Method != "GET" {
		x.sent.Add(1)
	}
}

// retry calls a function until it succeeds. Servers look at all of the host's interfaces when a network is deleted, and
// fail if another instance's interface disappears meanwhile.
func retry(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (v starlark.Value, err error) {
	for range 10 {
		if v, err = starlark.Call(thread, args[0], nil, nil); err == nil {
			return v, nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil, err
}

// current returns the last segment of the object's path, which depends on its certificate.
func (x *trial) current(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return starlark.String(x.path[strings.LastIndex(x.path, "/")+1:]), nil
}

func starlarkOf(t testing.TB, v any) starlark.Value {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := value.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// call calls a method with JSON arguments.
func (x *trial) call(on starlark.HasAttrs, method string, args dict, names ...string) (starlark.Value, error) {
	fn, err := on.Attr(method)
	if err != nil {
		return nil, err
	}
	var positional starlark.Tuple
	for _, name := range names {
		positional = append(positional, starlark.String(name))
	}
	var kwargs []starlark.Tuple
	for name, v := range args {
		kwargs = append(kwargs, starlark.Tuple{starlark.String(strings.ReplaceAll(name, "-", "_")), starlarkOf(x, v)})
	}
	if method != "refresh" {
		return starlark.Call(x.thread, fn, positional, kwargs)
	}
	var v starlark.Value
	err = passes(func() error {
		v, err = starlark.Call(x.thread, fn, positional, kwargs)
		return err
	})
	return v, err
}

// raw returns the server's JSON of the object.
func (x *trial) raw() dict {
	x.Helper()
	var reply *rest.Reply
	err := passes(func() (err error) {
		reply, err = x.client.Do(x.Context(), rest.Request{Method: "GET", Path: x.path, Query: x.query})
		return err
	})
	if err != nil {
		x.Fatal(err)
	}
	var out dict
	if err := json.Unmarshal(reply.Metadata, &out); err != nil {
		x.Fatal(err)
	}
	return out
}

// put replaces the object without the tested client.
func (x *trial) put(body dict) {
	x.Helper()
	err := passes(func() error {
		reply, err := x.client.Do(x.Context(), rest.Request{Method: "PUT", Path: x.path, Query: x.query, Body: body})
		if err == nil && reply.Operation != nil {
			_, err = reply.Operation.Wait(x.Context())
		}
		return err
	})
	if err != nil {
		x.Fatalf("setting the old values: %v", err)
	}
}

// reset sets all fields to their old values, and returns the object.
func (x *trial) reset() dict {
	x.Helper()
	body, now := make(dict), x.raw()
	for _, f := range spec.With(x.resource.Fields, spec.Change|spec.Kept) {
		body[f.Name] = now[f.Name]
		s, given := x.samples[f.Name]
		if !given {
			continue
		}
		body[f.Name] = s.old
		if keyed(f) {
			body[f.Name] = with(without(now[f.Name], s.new), s.old)
		}
	}
	x.put(body)
	x.follow(body["certificate"])
	before := x.raw()
	for name, s := range x.samples {
		f := spec.Find(x.resource.Fields, name)
		if keyed(*f) {
			for key, v := range s.old.(dict) {
				if got, _ := before[name].(dict); !equal(got[key], v) {
					x.Fatalf("%s[%q] is %v after it was set to %v", name, key, got[key], v)
				}
			}
		} else if !equal(before[name], s.old) && !f.Unordered {
			x.Fatalf("%s is %v after it was set to %v", name, before[name], s.old)
		}
	}
	return before
}

func keyed(f spec.Field) bool { return f.Type == spec.Config || f.Type == spec.Devices }

// with returns a dict with further keys, and without others.
func with(m, more any) dict {
	out := make(dict)
	for _, from := range []any{m, more} {
		d, _ := from.(dict)
		maps.Copy(out, d)
	}
	return out
}

func without(m, less any) dict {
	out := with(m, nil)
	for key := range less.(dict) {
		delete(out, key)
	}
	return out
}
