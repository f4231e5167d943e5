package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// allJSON checks that each line of standard error is a JSON object.
func allJSON(t *testing.T, where string, stderr []byte) {
	t.Helper()
	for line := range bytes.Lines(stderr) {
		var object map[string]any
		if json.Unmarshal(line, &object) != nil {
			t.Errorf("%s: no JSON on standard error: %q", where, line)
		}
	}
}

// cutScript makes one change of each kind and prints its result. Its argument is a prefix for the names of its objects.
const cutScript = `
n, steps = args[0], args[1:]
failures = []
def say(**fields): print(json.encode(fields))
def tell(name, r):
    e = r.error
    say(step = name, ok = r.ok, outcome = e.outcome if e else None, error = str(e) if e else None, incus = e.is_a(IncusError) if e else True)
    if e: failures.append(e)
def patient(fn, name): return retry(fn, name, times = 30, delay = 0.01, backoff = 1)
def line(text): return ["sh", "-c", "echo %s >> /log" % text]
inst = patient(incus.instances.get, "cutbase")
profile = {k: patient(incus.profiles.get, k + n) for k in ["u", "r", "d"]}
def cleanup(name):
    say(cleanup = name)
    tell("cleanup " + name, try_(incus.profiles.delete, "f" + n))
def several():
    for i, r in enumerate(parallel(lambda i: inst.exec(line("par%s.%d" % (n, i))), range(3))): tell("par%s.%d" % (n, i), r)
doing = {
    "exec": lambda: tell("exec" + n, try_(inst.exec, line("exec" + n))),
    "retry": lambda: tell("retry" + n, try_(retry, inst.exec, line("retry" + n), delay = 0.01)),
    "parallel": several,
    "snapshot": lambda: tell("snapshot", try_(inst.snapshots.create, "s" + n)),
    "copy": lambda: tell("copy", try_(inst.copy, "c" + n)),
    "create": lambda: tell("create", try_(incus.profiles.create, "n" + n, description = "made")),
    "update": lambda: tell("update", try_(profile["u"].update, description = "new")),
    "rename": lambda: tell("rename", try_(profile["r"].rename, "rr" + n)),
    "delete": lambda: tell("delete", try_(profile["d"].delete)),
    "finally": lambda: try_(finally_, lambda: tell("body", try_(incus.profiles.create, "f" + n)), lambda: cleanup("finally")),
}
defer(cleanup, "deferred 1")
defer(cleanup, "deferred 2")
for s in steps: doing[s]()
if failures: raise_(failures[-1])
`

// TestRealCuts checks that after broken connections nothing is done twice, each error has a class and the right
// outcome, and clean-up is tried. The results are compared with the server's state, which is read without the proxy.
func TestRealCuts(t *testing.T) {
	needsIncus(t)
	r := random(t)
	socket := filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket")
	incus(t, "launch", "testbox", "cutbase")
	t.Cleanup(func() { _ = exec.Command("incus", "delete", "-f", "cutbase").Run() })
	incus(t, "exec", "cutbase", "--", "touch", "/log")
	t.Run("socket", func(t *testing.T) {
		proxy := newCutter(t, "unix", socket, r, 0.15)
		t.Setenv("INCUS_SOCKET", "") // only the scripts use the proxy
		cutRuns(t, r, proxy, socket, "x", *cuts, "INCUS_SOCKET", proxy.listener.Addr().String())
	})
	t.Run("TLS", func(t *testing.T) {
		proxy := newCutter(t, "tcp", strings.TrimPrefix(os.Getenv("INCUS_STAR_TESTBED_ENDPOINT"), "https://"), r, 0.15)
		conf := remoteOf(t, proxy.listener.Addr().String())
		t.Setenv("INCUS_CONF", conf)
		t.Setenv("INCUS_REMOTE", "")
		cutRuns(t, r, proxy, socket, "y", (*cuts+3)/4, "INCUS_REMOTE", "cut")
	})
}

// remoteOf returns a configuration of the incus command with a remote named cut at the server's address, and makes the
// server trust its certificate.
func remoteOf(t *testing.T, address string) string {
	conf := t.TempDir()
	server, err := os.ReadFile(filepath.Join(os.Getenv("INCUS_DIR"), "server.crt"))
	if err != nil {
		t.Fatal(err)
	}
	crt, key, err := makeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"client.crt": crt, "client.key": key, "servercerts/cut.crt": server,
		"config.yml": []byte("remotes:\n  cut:\n    addr: https://" + address + "\n    protocol: incus\n"),
	} {
		path := filepath.Join(conf, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	incus(t, "config", "trust", "add-certificate", filepath.Join(conf, "client.crt"))
	return conf
}

// cutRuns runs scripts, each with the environment variable that directs it to the proxy.
func cutRuns(t *testing.T, r *rand.Rand, proxy *cutter, socket, prefix string, count int, variable, value string) {
	direct := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	t.Cleanup(direct.CloseIdleConnections)
	ask := func(method, path, body string) (status int, answer string) {
		request, _ := http.NewRequest(method, "http://incus"+path, strings.NewReader(body))
		response, err := direct.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(data)
	}
	there := func(path string) bool { status, _ := ask("GET", "/1.0"+path, ""); return status == 200 }
	doing := []string{"exec", "retry", "parallel", "snapshot", "copy", "create", "update", "rename", "delete", "finally"}
	outcomes := make(map[string]int)
	for i := range count {
		n := fmt.Sprintf("%s%d", prefix, i)
		for _, kind := range []string{"u", "r", "d"} {
			ask("POST", "/1.0/profiles", `{"name":"`+kind+n+`","description":"old"}`)
		}
		steps := slices.Clone(doing)
		r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		steps = steps[:5]
		os.Setenv(variable, value)
		begin := proxy.count()
		command := start(t, append([]string{"--error-format", "json", "-c", cutScript, "--", n}, steps...)...)
		out, status := command.rest()
		os.Unsetenv(variable)
		where := fmt.Sprintf("run %d (%v, %d cuts)", i, steps, proxy.count()-begin)
		allJSON(t, where, command.stderr.Bytes())
		if status != 0 && (status < 3 || status > 5) {
			t.Errorf("%s: status %d\n%s%s", where, status, out, command.stderr.Bytes())
		}

		type told struct {
			Step, Cleanup, Error string
			Outcome              *string
			OK, Incus            bool
		}
		said := make(map[string]told)
		cleaned := make(map[string]int)
		for line := range strings.Lines(out) {
			var s told
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatalf("%s: %q", where, line)
			}
			if s.Cleanup != "" {
				cleaned[s.Cleanup]++
				continue
			}
			said[s.Step] = s
			if !s.OK {
				outcome := "None"
				if s.Outcome != nil {
					outcome = *s.Outcome
				}
				outcomes[outcome]++
			}
			if !s.Incus {
				t.Errorf("%s: %s failed without a class of Incus's: %s", where, s.Step, s.Error)
			}
		}
		for _, name := range []string{"deferred 1", "deferred 2", "finally"} {
			if due := name != "finally" || slices.Contains(steps, "finally"); due != (cleaned[name] == 1) {
				t.Errorf("%s: clean-up %q was tried %d times\n%s", where, name, cleaned[name], command.stderr.Bytes())
			}
		}
		// must compares the result that a step printed with the server's state.
		must := func(step string, done bool) {
			s, ok := said[step]
			if !ok {
				return
			}
			switch {
			case s.OK && !done, s.Outcome != nil && *s.Outcome == "done" && !done:
				t.Errorf("%s: %s isn't done: %+v", where, step, s)
			case !s.OK && s.Outcome == nil:
				t.Errorf("%s: %s doesn't say what became of it: %+v", where, step, s)
			case !s.OK && (*s.Outcome == "not_sent" || *s.Outcome == "refused") && done:
				t.Errorf("%s: %s was done, and says %q: %s", where, step, *s.Outcome, s.Error)
			}
		}
		if s := said["exec"+n]; s.Outcome != nil && *s.Outcome == "unknown" || said["retry"+n].Outcome != nil {
			time.Sleep(200 * time.Millisecond) // the request may still be running
		}
		var log []byte
		for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) { // a snapshot may still be running, and freeze the instance
			var err error
			if log, err = exec.Command("incus", "exec", "cutbase", "--", "cat", "/log").Output(); err == nil {
				break
			} else if time.Since(begun) > 30*time.Second {
				t.Fatal(err)
			}
		}
		for step := range said {
			if !strings.HasPrefix(step, "exec") && !strings.HasPrefix(step, "retry") && !strings.HasPrefix(step, "par") {
				continue
			}
			lines := strings.Count("\n"+string(log), "\n"+step+"\n")
			if lines > 1 {
				t.Errorf("%s: %s was done %d times", where, step, lines)
			}
			must(step, lines == 1)
		}
		_, updated := ask("GET", "/1.0/profiles/u"+n, "")
		must("update", strings.Contains(updated, `"description":"new"`))
		must("create", there("/profiles/n"+n))
		must("rename", there("/profiles/rr"+n) && !there("/profiles/r"+n))
		must("delete", !there("/profiles/d"+n))
		must("snapshot", there("/instances/cutbase/snapshots/s"+n))
		must("copy", there("/instances/c"+n))
		for _, path := range []string{"/profiles/u" + n, "/profiles/n" + n, "/profiles/r" + n, "/profiles/rr" + n, "/profiles/d" + n, "/profiles/f" + n,
			"/instances/cutbase/snapshots/s" + n, "/instances/c" + n} {
			ask("DELETE", "/1.0"+path, "")
		}
	}
	t.Logf("%d runs, %d cuts, outcomes of failures %v", count, proxy.count(), outcomes)
	time.Sleep(time.Second)
	for line := range strings.Lines(incus(t, "list", "-f", "csv", "-c", "n")) {
		if name := strings.TrimSpace(line); strings.HasPrefix(name, "c"+prefix) {
			if out, err := exec.Command("incus", "delete", "-f", name).CombinedOutput(); err != nil {
				t.Logf("%s: %s", name, out) // a server may fail if a snapshot is removed during a copy
			}
		}
	}
}
