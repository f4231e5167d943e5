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
	"sync"
	"testing"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// allJSON: each line of standard error is an object.
func allJSON(t *testing.T, where string, stderr []byte) {
	t.Helper()
	for line := range bytes.Lines(stderr) {
		var object map[string]any
		if json.Unmarshal(line, &object) != nil {
			t.Errorf("%s: no JSON on standard error: %q", where, line)
		}
	}
}

// A cutter is a proxy before the server's socket that cuts connections at random moments.
type cutter struct {
	listener net.Listener
	server   string
	share    float64 // of the requests whose connection is cut

	mu     sync.Mutex
	random *rand.Rand
	cuts   int
	open   sync.WaitGroup
	conns  map[net.Conn]bool
}

func newCutter(t *testing.T, server string, r *rand.Rand, share float64) *cutter {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{listener: listener, server: server, random: r, share: share, conns: make(map[net.Conn]bool)}
	c.open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.open.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		c.mu.Lock()
		for conn := range c.conns {
			conn.Close()
		}
		c.mu.Unlock()
		c.open.Wait()
	})
	return c
}

// The moments at which a connection is cut.
const (
	never = iota
	before
	during
	after
	inAnswer
)

// plan says what becomes of the next request.
func (c *cutter) plan() (moment, bytes int, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.random.Float64() >= c.share {
		return never, 0, 0
	}
	c.cuts++
	return before + c.random.IntN(inAnswer), c.random.IntN(300), time.Duration(c.random.IntN(150)) * time.Millisecond
}

func (c *cutter) keep(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns[conn] = true
}

func (c *cutter) close(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
	conn.Close()
}

// serve forwards one connection. A client's chunk is a request, or the most of one.
func (c *cutter) serve(client net.Conn) {
	c.keep(client)
	defer c.close(client)
	server, err := net.Dial("unix", c.server)
	if err != nil {
		return
	}
	c.keep(server)
	var answering sync.WaitGroup
	defer answering.Wait()
	allowed := make(chan int, 1000) // bytes of the answer that may still pass; -1 is all
	answering.Go(func() {
		defer c.close(server)
		buffer := make([]byte, 64<<10)
		left := -1
		for {
			n, err := server.Read(buffer)
			select {
			case left = <-allowed:
			default:
			}
			if left >= 0 && n >= left {
				client.Write(buffer[:left])
				c.close(client)
				left = 0
			} else {
				client.Write(buffer[:n])
			}
			if err != nil {
				c.close(client)
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			server.SetReadDeadline(time.Now().Add(2 * time.Second)) // the server finishes what it was asked
			return
		}
		moment, bytes, wait := c.plan()
		switch moment {
		case before:
			c.close(client)
			c.close(server)
			return
		case during:
			server.Write(buffer[:min(bytes, n-1)])
			c.close(client)
			c.close(server)
			return
		case after:
			allowed <- 0
			server.Write(buffer[:n])
			time.Sleep(wait)
			c.close(client)
		case inAnswer:
			allowed <- bytes
			server.Write(buffer[:n])
		default:
			server.Write(buffer[:n])
		}
	}
}

// cutScript does one thing of each kind and says what came of it. Its argument is what its objects are called by.
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

// TestRealCuts: whatever connections break, nothing is done twice, what an error says of its change is so, clean-up is
// tried, and every error has a class. The judge is the server, asked without the proxy.
func TestRealCuts(t *testing.T) {
	needsIncus(t)
	r := random(t)
	socket := filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket")
	proxy := newCutter(t, socket, r, 0.15)
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
	incus(t, "launch", "testbox", "cutbase")
	t.Cleanup(func() { incus(t, "delete", "-f", "cutbase") })
	incus(t, "exec", "cutbase", "--", "touch", "/log")

	doing := []string{"exec", "retry", "parallel", "snapshot", "copy", "create", "update", "rename", "delete", "finally"}
	outcomes := make(map[string]int)
	for i := range *cuts {
		n := fmt.Sprintf("x%d", i)
		for _, kind := range []string{"u", "r", "d"} {
			ask("POST", "/1.0/profiles", `{"name":"`+kind+n+`","description":"old"}`)
		}
		steps := slices.Clone(doing)
		r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		steps = steps[:5]
		t.Setenv("INCUS_SOCKET", proxy.listener.Addr().String())
		proxy.mu.Lock()
		begin := proxy.cuts
		proxy.mu.Unlock()
		command := start(t, append([]string{"--error-format", "json", "-c", cutScript, "--", n}, steps...)...)
		out, status := command.rest()
		os.Unsetenv("INCUS_SOCKET")
		proxy.mu.Lock()
		where := fmt.Sprintf("run %d (%v, %d cuts)", i, steps, proxy.cuts-begin)
		proxy.mu.Unlock()
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
		// must compares what a step said with the truth.
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
			time.Sleep(200 * time.Millisecond) // it may still be on its way
		}
		var log []byte
		for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) { // a snapshot may still be on its way, and freeze it
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
	t.Logf("%d runs, %d cuts, outcomes of failures %v", *cuts, proxy.cuts, outcomes)
	time.Sleep(time.Second)
	for line := range strings.Lines(incus(t, "list", "-f", "csv", "-c", "n")) {
		if name := strings.TrimSpace(line); strings.HasPrefix(name, "cx") {
			incus(t, "delete", "-f", name)
		}
	}
}
