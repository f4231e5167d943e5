package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A fleetConfig is a configuration of the incus command with remotes of the testbed's daemons.
type fleetConfig struct {
	t       testing.TB
	folder  string
	remotes strings.Builder
}

// newFleetConfig returns a configuration whose client all daemons trust, with the default remote local.
func newFleetConfig(t testing.TB) *fleetConfig {
	f := &fleetConfig{t: t, folder: t.TempDir()}
	crt, key, err := makeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(f.folder, "servercerts"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.write("client.crt", crt)
	f.write("client.key", key)
	members, _ := strconv.Atoi(os.Getenv("INCUS_STAR_TESTBED_CLUSTER"))
	for i, dir := range strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":") {
		if i > 0 && i < members {
			continue // the members share their trust
		}
		command := exec.Command("incus", "config", "trust", "add-certificate", filepath.Join(f.folder, "client.crt"))
		command.Env = append(os.Environ(), "INCUS_DIR="+dir)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return f
}

func (f *fleetConfig) write(name string, data []byte) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.folder, name), data, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// add adds a remote at an address, with the pinned certificate of the daemon in a folder.
func (f *fleetConfig) add(name, address, dir string) {
	f.t.Helper()
	certificate, err := os.ReadFile(filepath.Join(dir, "cluster.crt"))
	if err != nil {
		certificate, err = os.ReadFile(filepath.Join(dir, "server.crt"))
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.write("servercerts/"+name+".crt", certificate)
	fmt.Fprintf(&f.remotes, "  %s: {addr: %q, protocol: incus, auth_type: tls}\n", name, address)
	f.write("config.yml", []byte("default-remote: local\nremotes:\n  images: {addr: \"https://127.0.0.1:1\", protocol: simplestreams, public: true}\n"+f.remotes.String()))
}

// run runs a script with the configuration, and decodes its output.
func (f *fleetConfig) run(script string, into any) {
	f.t.Helper()
	command := exec.Command("incus-star", "-c", script)
	command.Env = append(os.Environ(), "INCUS_CONF="+f.folder)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		f.t.Fatalf("%v: %s%s", err, out, stderr.String())
	}
}

// listen serves each connection until the end of the test, and returns the address.
func listen(t testing.TB, serve func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go serve(conn)
		}
	}()
	return "https://" + listener.Addr().String()
}

// delayed returns a function that connects a client to a server, and delays each part of the answers.
func delayed(t *testing.T, server string, pause time.Duration) func(net.Conn) {
	return func(client net.Conn) {
		defer client.Close()
		conn, err := net.Dial("tcp", strings.TrimPrefix(server, "https://"))
		if err != nil {
			return
		}
		defer conn.Close()
		go func() {
			_, _ = io.Copy(conn, client)
			conn.Close()
		}()
		part := make([]byte, 32<<10)
		for {
			n, err := conn.Read(part)
			if err != nil {
				return
			}
			select {
			case <-time.After(pause):
			case <-t.Context().Done():
				return
			}
			if _, err := client.Write(part[:n]); err != nil {
				return
			}
		}
	}
}

// fleetScript calls all servers of a fleet, and prints what became of each, with the times in seconds.
const fleetScript = `
servers = fleet("f-*", limit = 64, timeout = %v)
times = {}

def work(server):
    begin = time.now()
    names = server.profiles.names()
    times[server.remote] = (time.now() - begin).seconds
    return names

begin = time.now()
results = servers.map(work)
print(json.encode({
    "took": (time.now() - begin).seconds,
    "times": times,
    "servers": {r.remote: {"ok": r.ok, "class": r.error.class_ if r.error else "", "remote": r.error.remote if r.error else "", "message": r.error.message if r.error else ""} for r in results},
}))
`

// TestRealClusterFleet calls the members of a cluster and servers of their own beside servers that are stopped, never answer,
// have another certificate or are slow.
func TestRealClusterFleet(t *testing.T) {
	needsIncus(t)
	dirs, endpoints := strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":"), strings.Split(os.Getenv("INCUS_STAR_TESTBED_ENDPOINTS"), ",")
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == "" || os.Getenv("INCUS_STAR_TESTBED_SERVERS") == "" {
		t.Skip("needs a cluster and a server: run scripts/test.sh")
	}
	f := newFleetConfig(t)
	last := len(dirs) - 1
	for i := range dirs {
		f.add(fmt.Sprintf("f-ok%d", i+1), endpoints[i], dirs[i])
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	f.add("f-stopped", "https://"+closed.Addr().String(), dirs[last])
	f.add("f-silent", listen(t, func(net.Conn) {}), dirs[last])
	f.add("f-wrong", listen(t, delayed(t, endpoints[last], 0)), dirs[0])
	f.add("f-slow", listen(t, delayed(t, endpoints[last], time.Hour)), dirs[last])
	f.add("f-late", listen(t, delayed(t, endpoints[last], 10*time.Millisecond)), dirs[last])
	var got struct {
		Took    float64
		Times   map[string]float64
		Servers map[string]struct {
			OK                     bool
			Class, Remote, Message string
		}
	}
	want := map[string]string{"f-stopped": "IncusConnectionError", "f-silent": "IncusTimeoutError", "f-wrong": "IncusTLSError", "f-slow": "IncusTimeoutError"}
	for timeout := time.Second; ; timeout *= 4 { // a busy machine needs more time for the healthy ones
		f.run(fmt.Sprintf(fleetScript, timeout.Seconds()), &got)
		healthy := true
		slowest := 0.0
		for name, r := range got.Servers {
			healthy = healthy && (want[name] != "" || r.Class != "IncusTimeoutError")
			slowest = max(slowest, got.Times[name])
		}
		if !healthy && timeout < 30*time.Second {
			continue
		}
		t.Logf("%d servers within %v: %.2f s in all, the slowest healthy one %.2f s", len(got.Servers), timeout, got.Took, slowest)
		if most := timeout.Seconds() + 0.2*slowest + 30; got.Took > most {
			t.Errorf("it took %.1f s, want at most %.1f s", got.Took, most)
		}
		break
	}
	if len(got.Servers) != len(dirs)+5 {
		t.Errorf("got %d servers", len(got.Servers))
	}
	for name, r := range got.Servers {
		if r.Class != want[name] || r.OK != (want[name] == "") || !r.OK && r.Remote != name {
			t.Errorf("%s: got %+v, want %q", name, r, want[name])
		}
	}

	// A rollout stops at the first wave that fails its check.
	var rollout struct {
		Wave                    int
		Done, Failed, Not_begun []string
		Message                 string
	}
	f.run(`
names = ["f-ok1", "f-ok4", "f-stopped", "f-ok2", "f-ok3"]
def upgrade(server):
    server.profiles.create("fleet-test")
def back(server):
    server.profiles.delete("fleet-test")
e = try_(fleet(names, timeout = 60).rollout, upgrade, waves = [1, 2, "rest"], stop = (), check = lambda results: all([r.ok for r in results])).error
_ = fleet(e.done).map(back)
print(json.encode({k: getattr(e, k) for k in ["wave", "done", "failed", "not_begun", "message"]}))
`, &rollout)
	if rollout.Wave != 2 || fmt.Sprint(rollout.Done, rollout.Failed, rollout.Not_begun) != "[f-ok1 f-ok4] [f-stopped] [f-ok2 f-ok3]" {
		t.Errorf("got %+v", rollout)
	}
}
