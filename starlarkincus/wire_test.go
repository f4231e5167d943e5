package starlarkincus_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"

	"go.starlark.net/starlark"
)

// An exchange is an expected request, with the answer's metadata.
type exchange struct {
	request string // method and path with its query
	body    string // JSON; empty for any
	answer  string // JSON; empty for null; "404 text" for an error, "lost" for none
}

// runFake runs a script with a server that expects exactly these requests, in this order.
func runFake(t *testing.T, script string, due []exchange) {
	t.Helper()
	var mu sync.Mutex
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		path, _ := url.PathUnescape(r.URL.RequestURI())
		request := r.Method + " " + path
		body, _ := io.ReadAll(r.Body)
		if len(due) == 0 || due[0].request != request {
			t.Errorf("got %s, want %v", request, due)
			http.Error(w, "not due", http.StatusTeapot)
			return
		}
		e := due[0]
		due = due[1:]
		var got, want any
		if e.body != "" {
			if err := json.Unmarshal([]byte(e.body), &want); err != nil {
				t.Error(err)
			}
			if json.Unmarshal(body, &got); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: the body is %s, want %s", request, body, e.body)
			}
		}
		if e.answer == "" {
			e.answer = "null"
		}
		w.Header().Set("Content-Type", "application/json")
		if code, text, _ := strings.Cut(e.answer, " "); len(code) == 3 && code >= "400" && code <= "599" {
			status, _ := strconv.Atoi(code)
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"type":"error","error_code":%d,"error":%q}`, status, text)
			return
		}
		if e.answer == "lost" {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, `{"type":"sync","status":"Success","status_code":200,"metadata":%s}`, e.answer)
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(listener) }()
	env := remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": socket}[name]
	}}
	client := starlarkincus.New(starlarkincus.Options{Environment: &env})
	var errs bytes.Buffer
	h := host.New(host.Options{Stdout: os.Stderr, Predeclared: starlark.StringDict{"incus": client}})
	if err := h.RunSource(t.Context(), "script", []byte(script)); err != nil {
		h.Report(&errs, err)
		t.Errorf("%s", errs.Bytes())
	}
	client.Close()
	server.Close()
	<-done
	if len(due) > 0 {
		t.Errorf("never asked for: %v", due)
	}
}

// The remaining tests are for features that no testbed has: virtual machines, an S3 service, OVN.

const efi = "8be4df61-93ca-11d2-aa0d-00e098032b8c"

func TestVariablesOfAMachine(t *testing.T) {
	runFake(t, `
inst = incus.instances.get("vm")
nvram = inst.nvram
def eq(got, want):
    if got != want:
        fail("got %r, want %r" % (got, want))
eq([(v.guid, v.name, v.data) for v in nvram.list()], [("`+efi+`", "BootOrder", [1]), ("`+efi+`", "Timeout", 5), ("other", "X", None)])
eq([v.name for v in nvram.list(guid = "other")], ["X"])
eq(nvram.names(), ["BootOrder", "Timeout"])
eq(nvram.names(guid = "all"), ["BootOrder", "X"])
v = nvram.get("Timeout")
eq((v.data, type(v)), (5, "Variable"))
eq(v.refresh().data, 6)
eq(nvram.create("Timeout", data = 7, attributes = ["NON_VOLATILE"]).data, 7)
nvram.update({"other": {"X": None, "Y": {"data": 1}}})
nvram.list(guid = "other")[0].delete()
nvram.delete("Timeout")
`, []exchange{
		{"GET /1.0/instances/vm", "", `{"name": "vm"}`},
		{"GET /1.0", "", `{"api_extensions": ["instance_nvram", "instance_nvram_bulk_update"]}`},
		{"GET /1.0/instances/vm/nvram?recursion=2", "", `{"` + efi + `": {"BootOrder": {"data": [1]}, "Timeout": {"data": 5}}, "other": {"X": {"binary": "AA=="}}}`},
		{"GET /1.0/instances/vm/nvram/other?recursion=1", "", `{"X": {"binary": "AA=="}}`},
		{"GET /1.0/instances/vm/nvram/" + efi, "", `["/1.0/instances/vm/nvram/` + efi + `/BootOrder", "/1.0/instances/vm/nvram/` + efi + `/Timeout"]`},
		{"GET /1.0/instances/vm/nvram?recursion=1", "", `{"` + efi + `": ["/1.0/instances/vm/nvram/` + efi + `/BootOrder"], "other": ["/1.0/instances/vm/nvram/other/X"]}`},
		{"GET /1.0/instances/vm/nvram/" + efi + "/Timeout", "", `{"data": 5}`},
		{"GET /1.0/instances/vm/nvram/" + efi + "/Timeout", "", `{"data": 6}`},
		{"PUT /1.0/instances/vm/nvram/" + efi + "/Timeout", `{"data": 7, "attributes": ["NON_VOLATILE"]}`, ""},
		{"GET /1.0/instances/vm/nvram/" + efi + "/Timeout", "", `{"data": 7}`},
		{"PATCH /1.0/instances/vm/nvram", `{"other": {"X": null, "Y": {"data": 1}}}`, ""},
		{"GET /1.0/instances/vm/nvram/other?recursion=1", "", `{"X": {}}`},
		{"DELETE /1.0/instances/vm/nvram/other/X", "", ""},
		{"DELETE /1.0/instances/vm/nvram/" + efi + "/Timeout", "", ""},
	})
}

func TestBucketsAndTheirKeys(t *testing.T) {
	bucket := "/1.0/storage-pools/p/buckets/b"
	runFake(t, `
pool = incus.storage_pools.get("p")
b = pool.buckets.create("b", config = {"size": "1GiB"}, description = "d")
b.update(config = {"size": None})
b.replace(description = "e")
key = b.keys.create("k", role = "read-only", access_key = "a")
if key.access_key != "a" or key["secret-key"] != "s":
    fail(key)
key.replace(secret_key = "t")
b.backups.create("x").delete()
key.delete()
b.delete()
`, []exchange{
		{"GET /1.0/storage-pools/p", "", `{"name": "p"}`},
		{"POST /1.0/storage-pools/p/buckets", `{"name": "b", "config": {"size": "1GiB"}, "description": "d"}`, `{"name": "admin"}`},
		{"GET " + bucket, "", `{"name": "b", "config": {"size": "1GiB"}, "description": "d"}`},
		{"GET " + bucket, "", `{"name": "b", "config": {"size": "1GiB"}, "description": "d"}`},
		{"PUT " + bucket, `{"config": {}, "description": "d"}`, ""},
		{"GET " + bucket, "", `{"name": "b", "config": {}, "description": "d"}`},
		{"GET " + bucket, "", `{"name": "b", "config": {}, "description": "d"}`},
		{"PUT " + bucket, `{"config": {}, "description": "e"}`, ""},
		{"GET " + bucket, "", `{"name": "b", "config": {}, "description": "e"}`},
		{"POST " + bucket + "/keys", `{"name": "k", "role": "read-only", "access-key": "a"}`, ""},
		{"GET " + bucket + "/keys/k", "", `{"name": "k", "role": "read-only", "access-key": "a", "secret-key": "s"}`},
		{"GET " + bucket + "/keys/k", "", `{"name": "k", "role": "read-only", "access-key": "a", "secret-key": "s"}`},
		{"PUT " + bucket + "/keys/k", `{"role": "read-only", "access-key": "a", "secret-key": "t"}`, ""},
		{"GET " + bucket + "/keys/k", "", `{"name": "k"}`},
		{"POST " + bucket + "/backups", `{"name": "x"}`, ""},
		{"GET " + bucket + "/backups/x", "", `{"name": "x"}`},
		{"DELETE " + bucket + "/backups/x", "", ""},
		{"DELETE " + bucket + "/keys/k", "", ""},
		{"DELETE " + bucket, "", ""},
	})
}

func TestLoadBalancersAndPeers(t *testing.T) {
	balancer, peer := "/1.0/networks/n/load-balancers/192.0.2.1", "/1.0/networks/n/peers/x"
	runFake(t, `
n = incus.networks.get("n")
lb = n.load_balancers.create("192.0.2.1", backends = [{"name": "a", "target_address": "10.0.0.1"}], ports = [{"protocol": "tcp", "listen_port": "80", "target_backend": ["a"]}])
lb.update(description = "d")
if lb.state().backend_health["a"]["address"] != "10.0.0.1":
    fail("the state is wrong")
lb.delete()
p = n.peers.create("x", target_network = "m")
p.update(config = {"user.a": 1})
p.delete()
`, []exchange{
		{"GET /1.0/networks/n", "", `{"name": "n"}`},
		{"POST /1.0/networks/n/load-balancers", `{"listen_address": "192.0.2.1", "backends": [{"name": "a", "target_address": "10.0.0.1"}], "ports": [{"protocol": "tcp", "listen_port": "80", "target_backend": ["a"]}]}`, ""},
		{"GET " + balancer, "", `{"listen_address": "192.0.2.1", "backends": [1], "ports": [2], "config": {}, "description": ""}`},
		{"GET " + balancer, "", `{"listen_address": "192.0.2.1", "backends": [1], "ports": [2], "config": {}, "description": ""}`},
		{"PUT " + balancer, `{"backends": [1], "ports": [2], "config": {}, "description": "d"}`, ""},
		{"GET " + balancer, "", `{"listen_address": "192.0.2.1"}`},
		{"GET /1.0", "", `{"api_extensions": ["network_load_balancer_state"]}`},
		{"GET " + balancer + "/state", "", `{"backend_health": {"a": {"address": "10.0.0.1"}}}`},
		{"DELETE " + balancer, "", ""},
		{"POST /1.0/networks/n/peers", `{"name": "x", "target_network": "m"}`, ""},
		{"GET " + peer, "", `{"name": "x", "config": {}, "description": "d", "status": "Pending"}`},
		{"GET " + peer, "", `{"name": "x", "config": {}, "description": "d", "status": "Pending"}`},
		{"PUT " + peer, `{"config": {"user.a": "1"}, "description": "d"}`, ""},
		{"GET " + peer, "", `{"name": "x"}`},
		{"DELETE " + peer, "", ""},
	})
}

func TestBitmapsAndRepairs(t *testing.T) {
	volume := "/1.0/storage-pools/p/volumes/virtual-machine/vm"
	runFake(t, `
inst = incus.instances.get("vm")
inst.create_bitmap("b", granularity = 65536, persistent = True)
inst.repair("rebuild-nvram")
v = incus.storage_pools.get("p").volumes.get("vm", type = "virtual-machine")
b = v.bitmaps.list()[0]
if (b.name, b.count) != ("b", 7) or v.bitmaps.names() != ["b"]:
    fail(b)
v.bitmaps.create("c", disabled = True)
b.delete()
`, []exchange{
		{"GET /1.0/instances/vm", "", `{"name": "vm"}`},
		{"GET /1.0", "", `{"api_extensions": ["storage_volume_nbd", "instances_debug_repair"]}`},
		{"POST /1.0/instances/vm/bitmaps", `{"name": "b", "granularity": 65536, "persistent": true}`, ""},
		{"POST /1.0/instances/vm/debug/repair", `{"action": "rebuild-nvram"}`, ""},
		{"GET /1.0/storage-pools/p", "", `{"name": "p"}`},
		{"GET " + volume, "", `{"name": "vm", "type": "virtual-machine"}`},
		{"GET " + volume + "/bitmaps?recursion=1", "", `[{"name": "b", "count": 7}]`},
		{"GET " + volume + "/bitmaps", "", `["` + volume + `/bitmaps/b"]`},
		{"POST " + volume + "/bitmaps", `{"name": "c", "disabled": true}`, ""},
		{"GET " + volume + "/bitmaps/c", "", `{"name": "c"}`},
		{"DELETE " + volume + "/bitmaps/b", "", ""},
	})
}

// The exit status of a command is unknown if the server returns no operation.
func TestExecWithoutOperation(t *testing.T) {
	runFake(t, `
r = try_(incus.instances.get("a").exec, ["true"])
if r.ok or not r.error.is_a(IncusConnectionError) or r.error.outcome != "done":
    fail(r)
`, []exchange{
		{"GET /1.0/instances/a", "", `{"name": "a"}`},
		{"POST /1.0/instances/a/exec", "", ""},
	})
}

// A list of a thousand instances is one request, and unknown fields are accessible by name.
func TestListIsOneRequest(t *testing.T) {
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf(`{"name":"c%d","status":"Running","config":{"limits.cpu":"2"},"brand-new":{"n":%d}}`, i, i))
	}
	runFake(t, `
list = incus.instances.list()
if len(list) != 1000 or list[999].name != "c999" or list[999].config["limits.cpu"] != "2":
    fail(list[999])
if list[7].brand_new["n"] != 7 or list[7]["brand-new"]["n"] != 7 or "brand_new" not in dir(list[7]):
    fail("the new field isn't there")
`, []exchange{{"GET /1.0/instances?recursion=1", "", "[" + strings.Join(all, ",") + "]"}})
}

// A volume is moved to another member by a copy and a deletion.
func TestMoveToAnotherMember(t *testing.T) {
	old, pool := "/1.0/storage-pools/p/volumes/custom/v", "/1.0/storage-pools/p/volumes/custom"
	volume := `{"name": "v", "type": "custom", "location": "a", "project": "default", "description": "d", "config": {"size": "1GiB"}, "used_by": []}`
	before := []exchange{
		{"GET /1.0/storage-pools/p", "", `{"name": "p"}`},
		{"GET " + old + "?target=a", "", volume},
		{"GET " + old + "?project=default&target=a", "", volume},
		{"POST " + pool + "?project=default&target=b", `{"name": "v", "description": "d", "config": {"size": "1GiB"}, "source": {"type": "copy", "name": "v", "pool": "p", "location": "a"}}`, ""},
		{"GET " + old + "?project=default&target=b", "", strings.Replace(volume, `"a"`, `"b"`, 1)},
		{"GET " + old + "?project=default&target=a", "", volume},
	}
	get := `vol = incus.storage_pools.get("p").volumes.get("v", target = "a")` + "\n"
	runFake(t, get+`
if vol.move(target = "b").location != "b":
    fail(vol)
`, append(before[:6:6], []exchange{
		{"DELETE " + old + "?project=default&target=a", "", ""},
	}...))
	// An original that has changed since it was copied is kept, and so is the copy.
	for field, now := range map[string]string{"description": `"other"`, "config": `{"size": "2GiB"}`, "used_by": `["/1.0/instances/c"]`, "created_at": `"2020-01-01T00:00:00Z"`, "location": `"c"`} {
		var changed map[string]json.RawMessage
		if err := json.Unmarshal([]byte(volume), &changed); err != nil {
			t.Fatal(err)
		}
		changed[field] = json.RawMessage(now)
		body, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		runFake(t, get+`
r = try_(vol.move, target = "b")
if r.ok or not r.error.is_a(IncusPreconditionFailedError) or not r.error.cause.message.endswith("before the copy: `+field+`") or r.error.outcome != "unknown":
    fail(r.error, r.error.outcome)
if "was copied to b; its original has changed since, so it was kept" not in r.error.message:
    fail(r.error)
`, append(before[:5:5], exchange{"GET " + old + "?project=default&target=a", "", string(body)}))
	}
	// One that is gone under its name is an error, whether the reading or the deletion tells.
	gone := get + `
r = try_(vol.move, target = "b")
if r.ok or not r.error.is_a(IncusNotFoundError) or "was copied to b; its original is no longer there under this name" not in r.error.message or r.error.outcome != "unknown":
    fail(r.error, r.error.outcome)
`
	runFake(t, gone, append(before[:5:5], exchange{"GET " + old + "?project=default&target=a", "", "404 not found"}))
	runFake(t, gone, append(before[:6:6], exchange{"DELETE " + old + "?project=default&target=a", "", "404 not found"}))
	// If the original can't be deleted, the copy is.
	runFake(t, get+`
r = try_(vol.move, target = "b")
if r.ok or r.error.message != "in use" or r.error.outcome != "refused":
    fail(r.error, r.error.outcome)
`, append(before[:6:6], []exchange{
		{"DELETE " + old + "?project=default&target=a", "", "400 in use"},
		{"GET " + old + "?project=default&target=a", "", volume},
		{"DELETE " + old + "?project=default&target=b", "", ""},
	}...))
	// If the state of the original is unknown, nothing more is deleted.
	runFake(t, get+`
r = try_(vol.move, target = "b")
if r.ok or "was copied to b; whether its original is still there isn't known" not in r.error.message or r.error.outcome != "unknown":
    fail(r.error, r.error.outcome)
`, append(before[:6:6], exchange{"DELETE " + old + "?project=default&target=a", "", "lost"}))
	// After a server error the original may be damaged, so the copy is kept.
	runFake(t, get+`
r = try_(vol.move, target = "b")
if r.ok or "was copied to b; whether its original is still there isn't known" not in r.error.message or r.error.outcome != "unknown":
    fail(r.error, r.error.outcome)
`, append(before[:6:6], exchange{"DELETE " + old + "?project=default&target=a", "", "500 disk failure"}))
	// If the copy is unreadable, the original is kept.
	runFake(t, get+`
r = try_(vol.move, target = "b")
if r.ok or "was copied to b; its original is still there" not in r.error.message or r.error.outcome != "unknown":
    fail(r.error, r.error.outcome)
`, append(before[:4:4], exchange{"GET " + old + "?project=default&target=b", "", "404 not found"}))
}

// A list with states and addresses is one request; the method state sends another.
func TestListWithStateIsOneRequest(t *testing.T) {
	const state = `{"status": "Running", "memory": {"usage": 7}, "network": {"lo": {"type": "loopback", "addresses": [{"family": "inet", "address": "127.0.0.1", "scope": "local"}]},
		"eth0": {"type": "broadcast", "addresses": [{"family": "inet6", "address": "fd00::1", "scope": "global"}, {"family": "inet", "address": "10.0.0.2", "scope": "global"}]}}}`
	runFake(t, `
a, b = incus.instances.list(state = True, filter = {"type": "container"})
def eq(got, want):
    if got != want:
        fail("got %r, want %r" % (got, want))
eq((a.last_state.memory.usage, a.last_addresses, type(a.last_state)), (7, ["10.0.0.2", "fd00::1"], "InstanceState"))
eq((b.last_state, b.last_addresses), (None, None))
eq(table.text([a, b], ["name", "addresses"]).splitlines(), ["NAME  ADDRESSES", "a     10.0.0.2, fd00::1", "b"])
eq(a.state().memory.usage, 8)
a.refresh()
eq((a.last_state, "last_state" in dir(a)), (None, True))
eq(incus.instances.list()[0].last_state, None)
`, []exchange{
		{"GET /1.0/instances?filter=type+eq+^(?-i:container)$&recursion=2", "", `[{"name": "a", "type": "container", "state": ` + state + `}, {"name": "b", "type": "container", "state": null}]`},
		{"GET /1.0/instances/a/state", "", `{"memory": {"usage": 8}}`},
		{"GET /1.0/instances/a", "", `{"name": "a"}`},
		{"GET /1.0/instances?recursion=1", "", `[{"name": "a"}]`},
	})
}

// The text of an object without a name has its fields, without secrets.
func TestTextOfWhatHasNoName(t *testing.T) {
	runFake(t, `
def eq(got, want):
    if got != want:
        fail("got %r, want %r" % (got, want))
eq(str(incus.server()), 'Server(api_version="1.0", public=False, config={core.https_address, loki.auth.password}, api_extensions=[2], auth="`+strings.Repeat("x", 40)+`…", trust_password=…)')
eq(str(incus.projects.get("p").state()), 'ProjectState(resources={instances, memory})')
eq(str(incus.instances.get("a")), 'Instance(name="a", status="Running")')
`, []exchange{
		{"GET /1.0", "", `{"api_version": "1.0", "public": false, "config": {"core.https_address": "x", "loki.auth.password": "s3cret"}, "api_extensions": ["a", "b"],
			"auth": "` + strings.Repeat("x", 99) + `", "trust_password": "s3cret"}`},
		{"GET /1.0/projects/p", "", `{"name": "p"}`},
		{"GET /1.0/projects/p/state", "", `{"resources": {"instances": {"Usage": 1}, "memory": {}}}`},
		{"GET /1.0/instances/a", "", `{"name": "a", "status": "Running"}`},
	})
}
