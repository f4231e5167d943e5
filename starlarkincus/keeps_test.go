package starlarkincus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/starlark"
)

var (
	keepsTrials = flag.Int("keeps", 0, "how many combinations of options to try of each method that copies or moves; 0 for few")
	keepsSeed   = flag.Uint64("keeps-seed", 0, "the seed of the combinations; 0 for another at each run")
)

// A keepTrial is a call of a method on an object that uses all features, and the same by the incus command on a twin of
// the object.
type keepTrial struct {
	*world
	t      *testing.T
	method string // instances.copy
	rnd    *rand.Rand
	on     map[string]bool // given options
	name   string          // name of the object; the twin's has another first letter
	call   map[string]string

	project, toProject string // location of the object, and expected location of the result
	pool, toPool       string
	member, toMember   string // empty on a single server
}

// A world is the state shared by all trials.
type world struct {
	client  *starlarkincus.Client
	dirs    map[string]string // directories of the members by name; of a single server by ""
	members []string
	image   string
	ran     atomic.Int64
}

// A keep is a method that must preserve all of the object.
type keep struct {
	options []string // arguments to combine
	fixed   []string // arguments to give always
	run     func(*keepTrial)
}

// Methods and arguments without a case, with the reason or another test.
var keepsElsewhere = map[string]string{
	"instances.migrate":                       "the script that creates the other one says what it has: instances.star",
	"instances.snapshots.migrate":             "as instances.migrate",
	"storage_pools.volumes.migrate":           "as instances.migrate: storage.star",
	"storage_pools.volumes.snapshots.migrate": "as instances.migrate: storage.star",
	"remotes.rename":                          "no server has it: TestRename of package remote",
	"storage_pools.buckets.backups.rename":    "no testbed has buckets",
	"cluster.members.rename":                  "would take the cluster from under the other trials: 2_leaving.star",
	"cluster.members.restore":                 "after an evacuation: 1_members.star",
	"instances.files.rename":                  "files.star",
	"storage_pools.volumes.files.rename":      "as instances.files.rename",
	"instances.copy.live":                     "needs CRIU",
	"instances.copy.start":                    "its effect is the state: verbs.star",
	"instances.move.live":                     "needs CRIU",
	"instances.move.refresh":                  "for running ones, which only move with CRIU",
	"instances.restore.stateful":              "needs CRIU",
	"instances.restore.disk_only":             "instances.star",
	"instances.rebuild.source":                "what image= is made into",
	"instances.publish.force":                 "files_images.star",
	"instances.publish.snapshot":              "files_images.star",
	"*.reuse":                                 "files_images.star",
	"*.to":                                    "needs two servers: migration_real_test.go",
	"*.mode":                                  "the same",
	"instances.snapshots.copy.live":           "needs CRIU",
	"images.copy":                             "files_images.star, servers/images.star",
	"*.wait":                                  "operations.star",
	"*.timeout":                               "operations.star",
}

// keepMethods returns the methods of the table that copy, move, rename, restore, rebuild or publish.
func keepMethods() map[string]spec.Method {
	out := make(map[string]spec.Method)
	kinds := []string{"copy", "move", "rename", "restore", "rebuild", "publish", "migrate"}
	does := []spec.Behavior{spec.DoCopy, spec.DoMove, spec.DoRename, spec.DoRebuild, spec.DoPublish}
	var visit func(prefix string, r *spec.Resource)
	visit = func(prefix string, r *spec.Resource) {
		prefix += r.Name + "."
		for _, m := range append(r.ObjectMethods(), r.CollectionMethods()...) {
			if slices.Contains(does, m.Does) || slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(m.Name, kind) }) {
				out[prefix+m.Name] = m
			}
		}
		for _, child := range r.Children {
			visit(prefix, child)
		}
	}
	for _, r := range spec.Collections {
		visit("", r)
	}
	return out
}

// Each such method, and each of its arguments, has a case.
func TestEveryKeepHasACase(t *testing.T) {
	methods := keepMethods()
	for name, m := range methods {
		k, known := keeps[name]
		if !known && keepsElsewhere[name] == "" {
			t.Errorf("%s has no case", name)
		}
		for _, arg := range m.Arguments() {
			if !known || slices.Contains(k.options, arg.Script()) || slices.Contains(k.fixed, arg.Script()) ||
				keepsElsewhere[name+"."+arg.Script()] != "" || keepsElsewhere["*."+arg.Script()] != "" {
				continue
			}
			t.Errorf("%s: the case doesn't give %s=", name, arg.Script())
		}
	}
	for name := range keeps {
		if _, found := methods[name]; !found {
			t.Errorf("the case %s is of no method", name)
		}
	}
	for name := range keepsElsewhere {
		if cut := name[:strings.LastIndex(name, ".")]; cut != "*" && methods[name].Name == "" && methods[cut].Name == "" {
			t.Errorf("%s is no method or argument that could stand elsewhere", name)
		}
	}
}

// An object that is copied, moved, renamed, restored, rebuilt or published has the same fields as its twin after the
// incus command.
func TestRealClusterAndServerKeepAll(t *testing.T) {
	needsIncus(t)
	seed := *keepsSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-keeps-seed=%d", seed)
	w := newWorld(t)
	t.Cleanup(func() {
		t.Logf("%d trials of %d methods on Incus %s, %d members", w.ran.Load(), len(keeps), os.Getenv("INCUS_STAR_TESTBED"), len(w.members))
	})
	for i, method := range slices.Sorted(func(yield func(string) bool) {
		for method := range keeps {
			if !yield(method) {
				return
			}
		}
	}) {
		k := keeps[method]
		var options []string
		for _, option := range k.options {
			if w.offers(method, option) {
				options = append(options, option)
			}
		}
		if !w.offers(method, "") {
			continue
		}
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		trials := 1
		if len(options) > 1 {
			trials = max(2, *keepsTrials)
		}
		rnd.Shuffle(len(options), func(i, j int) { options[i], options[j] = options[j], options[i] })
		for n := range trials {
			tr := &keepTrial{world: w, method: method, rnd: rand.New(rand.NewPCG(seed, uint64(i*10000+n))), on: make(map[string]bool),
				name: fmt.Sprintf("ka%d-%d", i, n), call: make(map[string]string)}
			for j, option := range options { // give each option at least once
				tr.on[option] = j%trials == n || tr.rnd.IntN(3) == 0
			}
			t.Run(fmt.Sprintf("%s/%d", method, n), func(t *testing.T) {
				t.Parallel()
				tr.t = t
				w.ran.Add(1)
				t.Logf("options: %v", tr.given())
				k.run(tr)
			})
		}
	}
}

func (tr *keepTrial) given() []string {
	var out []string
	for option, on := range tr.on {
		if on {
			out = append(out, option)
		}
	}
	slices.Sort(out)
	return out
}

func newWorld(t *testing.T) *world {
	w := &world{client: starlarkincus.New(starlarkincus.Options{Trace: count}), image: os.Getenv("INCUS_STAR_TESTBED_IMAGE"), dirs: make(map[string]string)}
	t.Cleanup(w.client.Close)
	w.dirs[""] = os.Getenv("INCUS_DIR")
	for _, dir := range memberDirs() {
		w.dirs[filepath.Base(dir)] = dir
		w.members = append(w.members, filepath.Base(dir))
	}
	for _, path := range []string{"/1.0/profiles/kone", "/1.0/profiles/ktwo", "/1.0/projects/kproject", "/1.0/storage-pools/kpool"} {
		t.Cleanup(func() {
			if _, err := w.try("DELETE", path, nil); err != nil {
				t.Errorf("%s stays: %v", path, err)
			}
		})
	}
	for _, member := range w.members {
		w.must(t, "POST", "/1.0/storage-pools?target="+member, map[string]any{"name": "kpool", "driver": "dir"})
	}
	w.must(t, "POST", "/1.0/storage-pools", map[string]any{"name": "kpool", "driver": "dir"})
	w.must(t, "POST", "/1.0/projects", map[string]any{"name": "kproject", "config": map[string]any{"features.images": "false", "features.profiles": "false"}})
	for _, name := range []string{"kone", "ktwo"} {
		w.must(t, "POST", "/1.0/profiles", map[string]any{"name": name, "config": map[string]any{"user." + name: "1"}})
	}
	return w
}

// offers reports whether the server has the method, or the argument.
func (w *world) offers(method, option string) bool {
	if len(w.members) == 0 && (option == "target" || strings.HasPrefix(method, "cluster.")) {
		return false
	}
	if len(w.members) > 0 && method == "networks.rename" { // clusters can't
		return false
	}
	m := keepMethods()[method]
	extension := m.Extension
	if f := spec.Find(m.Arguments(), option); f != nil {
		extension = f.Extension
	}
	if method == "network_address_sets.rename" {
		extension = "network_address_set"
	}
	return extension == "" || w.has(extension)
}

func (w *world) has(extension string) bool {
	reply, err := w.client.Do(context.Background(), rest.Request{Method: "GET", Path: "/1.0"})
	var server struct {
		Extensions []string `json:"api_extensions"`
	}
	return err == nil && json.Unmarshal(reply.Metadata, &server) == nil && slices.Contains(server.Extensions, extension)
}

// must sends a request without the tested methods, waits for its operation, and returns the metadata.
func (w *world) must(t *testing.T, method, path string, body any) any {
	t.Helper()
	v, err := w.try(method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return v
}

func (w *world) try(method, path string, body any) (any, error) {
	path, query, _ := strings.Cut(path, "?")
	r := rest.Request{Method: method, Path: path, Query: make(map[string][]string), Body: body}
	for pair := range strings.SplitSeq(query, "&") {
		if name, v, found := strings.Cut(pair, "="); found && v != "" {
			r.Query.Set(name, v)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reply, err := w.client.Do(ctx, r)
	if err == nil && reply.Operation != nil {
		_, err = reply.Operation.Wait(ctx)
	}
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(reply.Metadata, &v)
}

// ours calls a method in a script, and returns the fingerprint or the location of the result.
func (tr *keepTrial) ours(object, call string) string {
	tr.t.Helper()
	var out, errs bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &errs, Predeclared: starlark.StringDict{"incus": tr.client}})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	script := fmt.Sprintf("obj = %s\ndone = obj.%s\nif done != done.refresh():\n    fail(\"another one was returned\")\nprint(getattr(done, \"fingerprint\", getattr(done, \"location\", \"\")))\n", object, call)
	tr.t.Logf("ours: %s.%s", object, call)
	if err := passes(func() error { return h.RunSource(ctx, "trial", []byte(script)) }); err != nil {
		h.Report(&errs, err)
		tr.t.Fatalf("%s%s", errs.Bytes(), tr.unfinished(ctx))
	}
	return strings.TrimSpace(out.String())
}

// theirs runs the incus command, and returns its output.
func (tr *keepTrial) theirs(args ...string) string {
	tr.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tr.t.Logf("theirs: incus %q", args)
	var out []byte
	err := passes(func() (err error) {
		if out, err = exec.CommandContext(ctx, "incus", args...).CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
	if err != nil {
		tr.t.Fatalf("incus %q: %v\n%s", args, err, tr.unfinished(ctx))
	}
	return string(out)
}

// unfinished describes the server's operations if the context has ended.
func (tr *keepTrial) unfinished(ctx context.Context) string {
	if ctx.Err() == nil {
		return ""
	}
	running, err := tr.try("GET", "/1.0/operations?recursion=1&all-projects=true", nil)
	return fmt.Sprintf("the server's operations: %v %v\n", running, err)
}

// arguments formats the arguments of the call, in the table's order.
func (tr *keepTrial) arguments() string {
	var out []string
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range tr.call {
			if !yield(name) {
				return
			}
		}
	}) {
		out = append(out, name+" = "+tr.call[name])
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// compare reports differences between the object and its twin.
func (tr *keepTrial) compare(ours, theirs any) {
	tr.t.Helper()
	if diff := cmp.Diff(tr.plain(theirs), tr.plain(ours)); diff != "" {
		tr.t.Errorf("the incus command leaves (-), this call leaves (+):\n%s", diff)
	}
}

// plain removes the names of the object and its twin from a state.
func (tr *keepTrial) plain(v any) any {
	data, _ := json.Marshal(v)
	text := strings.NewReplacer(tr.base(false), "NAME", tr.base(true), "NAME").Replace(string(data))
	var out any
	json.Unmarshal([]byte(text), &out)
	return out
}

// base returns the name of the object or of its twin.
func (tr *keepTrial) base(twin bool) string {
	if twin {
		return strings.Replace(tr.name, "ka", "kb", 1)
	}
	return tr.name
}

func (tr *keepTrial) pick(from ...string) string { return from[tr.rnd.IntN(len(from))] }

func quoted(s string) string { return fmt.Sprintf("%q", s) }
