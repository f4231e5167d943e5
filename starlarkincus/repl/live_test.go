package repl

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/rest"
	values "incus-star/starlarkincus/show"

	"go.starlark.net/starlark"
)

// A fakeIncus is a server of names.
type fakeIncus struct {
	names map[string][]string // by the path of a collection
	trap  func(w http.ResponseWriter, r *http.Request) bool
	mu    sync.Mutex
	seen  []string
}

func (f *fakeIncus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI())
	f.mu.Unlock()
	if f.trap != nil && f.trap(w, r) {
		return
	}
	var metadata any
	names, known := f.names[r.URL.Path]
	switch {
	case r.URL.Path == "/1.0":
		metadata = map[string]any{"api_extensions": []string{"instances_fake_extension"}, "auth": "trusted"}
	case r.URL.Path == "/1.0/metadata/configuration":
		metadata = map[string]any{"configs": fakeConfigs}
	case known:
		urls := make([]string, len(names))
		for i, name := range names {
			urls[i] = path.Join(r.URL.Path, url.PathEscape(name))
			if project := r.URL.Query().Get("project"); project != "" {
				urls[i] += "?project=" + project
			}
		}
		metadata = urls
	default:
		w.WriteHeader(404)
		json.NewEncoder(w).Encode(map[string]any{"type": "error", "error_code": 404, "error": "not found"})
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"type": "sync", "status_code": 200, "metadata": metadata})
}

// requests returns the requests since the last call.
func (f *fakeIncus) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen
	f.seen = nil
	return seen
}

// fakeConfigs are described keys in the form of a server.
var fakeConfigs = func() map[string]any {
	keys := func(names ...string) map[string]any {
		var list []map[string]any
		for _, name := range names {
			list = append(list, map[string]any{name: map[string]any{"type": "string"}})
		}
		return map[string]any{"keys": list}
	}
	return map[string]any{
		"instance":              map[string]any{"boot": keys("boot.autostart", "boot.autostart.delay"), "limits": keys("limits.cpu", "limits.memory"), "volatile": keys("volatile.base_image")},
		"project":               map[string]any{"features": keys("features.images", "features.profiles"), "limits": keys("limits.instances")},
		"server":                map[string]any{"core": keys("core.https_address")},
		"network_bridge":        map[string]any{"common": keys("bridge.mtu", "ipv4.nat")},
		"network_ovn":           map[string]any{"common": keys("security.acls")},
		"network_zone":          map[string]any{"common": keys("dns.nameservers")},
		"storage_zfs":           map[string]any{"common": keys("zfs.pool_name")},
		"storage_dir":           map[string]any{"common": keys("rsync.bwlimit")},
		"storage_volume_zfs":    map[string]any{"common": keys("zfs.blocksize")},
		"cluster":               map[string]any{"cluster": keys("scheduler.instance")},
		"cluster_group":         map[string]any{"common": keys("instances.vm.cpu.definition")},
		"devices":               map[string]any{"disk": keys("io.cache", "pool"), "nic_bridged": keys("ipv4.routes", "network"), "unix-char-block": keys("gid"), "usb": keys("busnum")},
		"network_integration":   map[string]any{"common": keys("ovn.northbound_connection")},
		"network_forward":       map[string]any{"common": keys("target_address")},
		"network_address_set":   map[string]any{"common": keys("user.*")},
		"storage_bucket_zfs":    map[string]any{"common": keys("size")},
		"network_load_balancer": map[string]any{"common": keys("healthcheck")},
	}
}()

// manyNames are the names of the fake server and of the real ones that the tests prepare. The fake one has 1,000
// instances.
func manyNames() map[string][]string {
	names := map[string][]string{
		"/1.0/profiles":                          {"default", "gpu-box"},
		"/1.0/projects":                          {"default", "stage"},
		"/1.0/networks":                          {"lo", "web-net"},
		"/1.0/storage-pools":                     {"default", "fast"},
		"/1.0/storage-pools/fast/volumes/custom": {"data-vol"},
		"/1.0/images":                            {"8d1fbc36fbb3f2cfa4d4aafe1c68b36b1b0ef9a8b0c3f3d7ebc4efd6cb0c9db1"},
		"/1.0/images/aliases":                    {"debian-base", "testbox"},
		"/1.0/instances/web-frontend/snapshots":  {"before-upgrade"},
		"/1.0/cluster/members":                   {"node-one", "node-two"},
		"/1.0/cluster/groups":                    {"default", "big-ones"},
		"/1.0/network-acls":                      {"allow-http"},
		"/1.0/certificates":                      {"c0ffee00c0ffee00"},
		"/1.0/storage-pools/fast/buckets":        {"photos"},
		"/1.0/network-integrations":              {"interconnect"},
	}
	names["/1.0/instances"] = append(names["/1.0/instances"], "web-frontend")
	for i := range 999 {
		names["/1.0/instances"] = append(names["/1.0/instances"], fmt.Sprintf("job-%d", i))
	}
	return names
}

// serve starts a server on a unix socket, and returns the environment of a client for it.
func serve(t testing.TB, handler http.Handler) *remote.Environment {
	t.Helper()
	dir, err := os.MkdirTemp("", "live")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	check(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	conf := filepath.Join(dir, "conf")
	check(t, os.Mkdir(conf, 0o700))
	check(t, os.WriteFile(filepath.Join(conf, "config.yml"), []byte("remotes: {berlin: {addr: 'https://berlin.example:8443'}}\n"), 0o600))
	return &remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": socket, "INCUS_CONF": conf}[name]
	}}
}

// newLivePrompt returns the completer of a session with a client, after the setup.
func newLivePrompt(t testing.TB, env *remote.Environment, setup string) livePrompt {
	t.Helper()
	p := livePrompt{traced: new(atomic.Int32)}
	client := starlarkincus.New(starlarkincus.Options{Environment: env, Trace: func(rest.Trace) { p.traced.Add(1) }})
	s := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}, Servers: client.Servers}).NewSession()
	l := newLive()
	t.Cleanup(func() { l.close(); client.Close() })
	if setup != "" {
		if _, err := s.Eval(t.Context(), setup); err != nil {
			t.Fatal(err)
		}
	}
	p.completer, p.session = completer{get: s.Get, names: s.Names, live: l}, s
	return p
}

// A livePrompt is a session with its completer.
type livePrompt struct {
	completer
	session *host.Session
	traced  *atomic.Int32 // requests in the trace
}

// complete returns the line after Tab, which stands in place of ⇥, and the number of candidates.
func (c completer) complete(line string) (after string, count int) {
	head, tail, _ := strings.Cut(line, "⇥")
	keep, found := c.words(head, tail)
	if len(found) == 0 {
		return line, 0
	}
	return head[:keep] + commonPrefix(found) + tail, len(found)
}

// liveSetup are the names of the session of the tests.
const liveSetup = `
d = {"colour": 1, "size of it": 2, "nested": {"inner": 1}}
rows = [{"state": "up"}]
pair = ("a", {"key": 1})
insts = [struct(name = "x", helper = len)]
f = fleet("local")
def deploy(count, name = "web"): return count
`

// places are texts at whose ⇥ the prompt completes, and the texts after it. Those with fake need more than a single server
// of each line has.
var places = []struct {
	text, want string
	fake       bool
}{
	{text: `incus.instances.get("web-f⇥`, want: `incus.instances.get("web-frontend"`},
	{text: `incus.instances.exists('web-f⇥')`, want: `incus.instances.exists('web-frontend')`},
	{text: `incus.instances.get(name = "web-f⇥`, want: `incus.instances.get(name = "web-frontend"`},
	{text: `try_(incus.instances.get, "web-f⇥`, want: `try_(incus.instances.get, "web-frontend"`},
	{text: `incus.instances.launch("new", image = "debian-b⇥`, want: `incus.instances.launch("new", image = "debian-base"`},
	{text: `incus.instances.launch("new", image = "berl⇥`, want: `incus.instances.launch("new", image = "berlin:`, fake: true},
	{text: `incus.instances.launch("new", profiles = ["default", "gpu⇥`, want: `incus.instances.launch("new", profiles = ["default", "gpu-box"`},
	{text: `incus.profiles.get("gpu⇥`, want: `incus.profiles.get("gpu-box"`},
	{text: `incus.use("sta⇥`, want: `incus.use("stage"`},
	{text: `incus.instances.list(project = "sta⇥`, want: `incus.instances.list(project = "stage"`},
	{text: `incus.connect("berl⇥`, want: `incus.connect("berlin"`, fake: true},
	{text: `f.rollout(len, wav⇥`, want: `f.rollout(len, waves=`},
	{text: `f.map(fn⇥`, want: `f.map(fn=`},
	{text: `f.client("lo⇥`, want: `f.client("local"`},
	{text: `f.cli⇥`, want: `f.client`},
	{text: `fleet("berl⇥`, want: `fleet("berlin"`, fake: true},
	{text: `fleet(["local", "berl⇥`, want: `fleet(["local", "berlin"`, fake: true},
	{text: `incus.remotes.set_default("berl⇥`, want: `incus.remotes.set_default("berlin"`, fake: true},
	{text: `incus.remotes.rename("berl⇥`, want: `incus.remotes.rename("berlin"`, fake: true},
	{text: `incus.remotes.remove(name = "berl⇥`, want: `incus.remotes.remove(name = "berlin"`, fake: true},
	{text: `incus.networks.get("web-⇥`, want: `incus.networks.get("web-net"`},
	{text: `incus.storage_pools.get("fa⇥`, want: `incus.storage_pools.get("fast"`},
	{text: `incus.storage_pools.get("fast").volumes.get("da⇥`, want: `incus.storage_pools.get("fast").volumes.get("data-vol"`},
	{text: `incus.instances.get("web-frontend").restore("bef⇥`, want: `incus.instances.get("web-frontend").restore("before-upgrade"`},
	{text: `incus.instances.get("web-frontend").snapshots.get("bef⇥`, want: `incus.instances.get("web-frontend").snapshots.get("before-upgrade"`},
	{text: `incus.instances.get("web-frontend").move(pool = "fa⇥`, want: `incus.instances.get("web-frontend").move(pool = "fast"`},
	{text: `incus.instances.create("n", target = "node-o⇥`, want: `incus.instances.create("n", target = "node-one"`, fake: true},
	{text: `incus.instances.create("n", target = "@bi⇥`, want: `incus.instances.create("n", target = "@big-ones"`, fake: true},
	{text: `incus.images.aliases.get("debian-b⇥`, want: `incus.images.aliases.get("debian-base"`},
	{text: `incus.certificates.get("c0f⇥`, want: `incus.certificates.get("c0ffee00c0ffee00"`, fake: true},
	{text: `incus.instances["web-f⇥`, want: `incus.instances["web-frontend"`},
	{text: `incus.instances.launch("n", config = {"boot.autostart.d⇥`, want: `incus.instances.launch("n", config = {"boot.autostart.delay"`},
	{text: `incus.instances.get("web-frontend").config["boot.autostart.d⇥`, want: `incus.instances.get("web-frontend").config["boot.autostart.delay"`},
	{text: `incus.projects.create("p", config = {"features.ima⇥`, want: `incus.projects.create("p", config = {"features.images"`},
	{text: `incus.networks.create("n", config = {"bridge.m⇥`, want: `incus.networks.create("n", config = {"bridge.mtu"`, fake: true},
	{text: `incus.storage_pools.create("p", driver = "zfs", config = {"zfs.p⇥`, want: `incus.storage_pools.create("p", driver = "zfs", config = {"zfs.pool_name"`, fake: true},
	{text: `incus.instances.launch("n", devices = {"eth0": {"type": "ni⇥`, want: `incus.instances.launch("n", devices = {"eth0": {"type": "nic"`},
	{text: `incus.instances.launch("n", devices = {"eth0": {"type": "nic", "netw⇥`, want: `incus.instances.launch("n", devices = {"eth0": {"type": "nic", "network"`},
	{text: `incus.instances.launch("n", devices = {"eth0": {"type": "nic", "network": "web-⇥`, want: `incus.instances.launch("n", devices = {"eth0": {"type": "nic", "network": "web-net"`},
	{text: `incus.instances.launch("n", devices = {"d": {"type": "disk", "pool": "fa⇥`, want: `incus.instances.launch("n", devices = {"d": {"type": "disk", "pool": "fast"`},
	{text: `incus.instances.create("n", source = {"finger⇥`, want: `incus.instances.create("n", source = {"fingerprint"`},
	{text: `incus.instances.list(filter = {"status_c⇥`, want: `incus.instances.list(filter = {"status_code"`},
	{text: `incus.has_extension("instances_⇥`, want: `incus.has_extension("instances_fake_extension"`, fake: true},
	{text: `incus.instances.create("n", type = "virt⇥`, want: `incus.instances.create("n", type = "virtual-machine"`},
	{text: `incus.events(["life⇥`, want: `incus.events(["lifecycle"`},
	{text: `d["col⇥`, want: `d["colour"`},
	{text: `d["size⇥"]`, want: `d["size of it"]`},
	{text: `d.col⇥`, want: `d.colour`},
	{text: `incus.instances.get("web").state().memory.swap_usage_⇥`, want: `incus.instances.get("web").state().memory.swap_usage_peak`},
	{text: `d.nested.in⇥`, want: `d.nested.inner`},
	{text: `d["nested"]["in⇥`, want: `d["nested"]["inner"`},
	{text: `pair[1]["k⇥`, want: `pair[1]["key"`},
	{text: `rows[0]["st⇥`, want: `rows[0]["state"`},
	{text: `insts[0].hel⇥`, want: `insts[0].helper`},
	{text: `incus.instances.list()[0].last_u⇥`, want: `incus.instances.list()[0].last_used_at`},
	{text: `incus.instances.get("web").wait_r⇥`, want: `incus.instances.get("web").wait_ready`},
	{text: `incus.instances.get("web").state().mem⇥`, want: `incus.instances.get("web").state().memory`},
	{text: `incus.instances.get("web").state().memory["swap_usage_⇥`, want: `incus.instances.get("web").state().memory["swap_usage_peak"`},
	{text: `incus.instances.get("web").exec(["id"]).exit⇥`, want: `incus.instances.get("web").exec(["id"]).exit_code`},
	{text: `incus.instances.get("web").name.up⇥`, want: `incus.instances.get("web").name.upper`},
	{text: "for i in incus.instances.list():\n    i.unfre⇥", want: "for i in incus.instances.list():\n    i.unfreeze"},
	{text: `[i.last_u⇥ for i in incus.instances.list()]`, want: `[i.last_used_at for i in incus.instances.list()]`},
	{text: "if True:\n    x = incus.networks.get('a')\n    x.forw⇥", want: "if True:\n    x = incus.networks.get('a')\n    x.forwards"},
	{text: `print(deploy(3, na⇥), 1)`, want: `print(deploy(3, name=), 1)`},
	{text: `load("lib-⇥`, want: `load("lib-shared.star"`},
	{text: `read_file("folder/no⇥`, want: `read_file("folder/notes.txt"`},
	{text: `fs.list("fol⇥`, want: `fs.list("folder/`},
	{text: `incus.instances.get("web").files.push("folder/no⇥`, want: `incus.instances.get("web").files.push("folder/notes.txt"`},
	{text: `incus.images.upload("folder/no⇥`, want: `incus.images.upload("folder/notes.txt"`},
	{text: `run(["incus-test-pro⇥`, want: `run(["incus-test-program"`},
	{text: `env["INCUS_TEST_VAR⇥`, want: `env["INCUS_TEST_VARIABLE"`},
	{text: `"a-b".rpart⇥`, want: `"a-b".rpartition`},
}

// TestShowFleet checks that the prompt shows the names of a fleet's servers.
func TestShowFleet(t *testing.T) {
	c := newLivePrompt(t, serve(t, &fakeIncus{}), `f = fleet([incus.use(project = "a"), incus.use(project = "b")])`)
	if got := values.Text(c.get("f"), values.Style{Width: 80}); got != "<fleet of 2 servers: local/a, local/b>" {
		t.Errorf("got %s", got)
	}
}

// prepareFiles makes the working folder one with files for the places.
func prepareFiles(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"lib-shared.star": 0o600, "lib-other.txt": 0o600, "folder/notes.txt": 0o600, "bin/incus-test-program": 0o700} {
		name = filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(name), 0o700))
		check(t, os.WriteFile(name, nil, mode))
	}
	t.Chdir(dir)
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	t.Setenv("INCUS_TEST_VARIABLE", "secret")
}

// TestCompletePlaces checks that at least 30 places propose the right text, with one request each at most.
func TestCompletePlaces(t *testing.T) {
	prepareFiles(t)
	fake := &fakeIncus{names: manyNames()}
	c := newLivePrompt(t, serve(t, fake), liveSetup)
	right := 0
	var first, then []time.Duration
	for _, p := range places {
		clear(c.live.lists)
		began := time.Now()
		after, _ := c.complete(p.text)
		first = append(first, time.Since(began))
		if after != p.want { // the machine may be too busy for an answer in time
			c.settled(func() []candidate {
				after, _ = c.complete(p.text)
				return nil
			})
		}
		requests := fake.requests()
		began = time.Now()
		again, _ := c.complete(p.text)
		then = append(then, time.Since(began))
		if after != p.want || again != p.want {
			t.Errorf("%s: got %s, then %s, want %s", p.text, after, again, p.want)
			continue
		}
		if more := fake.requests(); len(requests) > 1 || len(more) > 0 {
			t.Errorf("%s: sent %q and %q", p.text, requests, more)
		}
		right++
	}
	t.Logf("%d of %d places are right; with 1,000 instances the first answer took %v at most, and the second %v", right, len(places), longest(first), longest(then))
	if n := c.traced.Load(); n > 0 {
		t.Errorf("%d requests are in the trace", n)
	}
	if right < 30 {
		t.Errorf("%d places are right, want 30", right)
	}
}

func longest(times []time.Duration) time.Duration {
	var most time.Duration
	for _, d := range times {
		most = max(most, d)
	}
	return most
}

// pending reports whether a lookup is running.
func (l *live) pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running > 0
}
