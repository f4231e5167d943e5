package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var migrations = flag.Int("migrations", 4, "how many copies and moves between servers each of TestRealServersStops and TestRealServersCuts breaks")

// migrationScript copies or moves NAME from one server to another.
const migrationScript = `
kind, way, mode, name, cert, key, crts = args[0], args[1], args[2], args[3], args[4], args[5], args[6:8]
def server(endpoint, crt): return incus.connect(endpoint = endpoint, cert = (cert, key), verify = crt) if endpoint.startswith("https") else incus.connect(endpoint = endpoint)
here, there = [server(e, c) for e, c in zip(args[8:10], crts)]
def find(client): return client.instances.get(name) if kind == "instance" else client.storage_pools.get("default").volumes.get(name)
o = find(here)
print("go")
_ = getattr(o, way)(name, to = there, mode = mode)
print("done")
`

// servers are the two servers of a testbed.
type servers struct {
	*testing.T
	dirs, endpoints  []string
	crt, key         string
	whole            map[string]time.Duration // of an undisturbed copy, by kind and mode
	left, done, fine int
	begun            int // the number of migrations that are disturbed only once their copy is there
}

func newServers(t *testing.T) *servers {
	needsIncus(t)
	if os.Getenv("INCUS_STAR_TESTBED_SERVERS") == "" {
		t.Skip("needs two servers: run scripts/test.sh")
	}
	s := &servers{T: t, dirs: strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":"), endpoints: strings.Split(os.Getenv("INCUS_STAR_TESTBED_ENDPOINTS"), ","), whole: make(map[string]time.Duration)}
	crt, key, err := makeCertificate()
	if err != nil {
		t.Fatal(err)
	}
	s.crt, s.key = filepath.Join(t.TempDir(), "crt"), filepath.Join(t.TempDir(), "key")
	for name, data := range map[string][]byte{s.crt: crt, s.key: key} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n := range s.dirs {
		s.incus(n, "config", "trust", "add-certificate", s.crt)
	}
	if out, err := s.try(0, "info", "base"); err == nil {
		s.Fatalf("left by another test: %s", out)
	}
	s.incus(0, "launch", "testbox", "base")
	s.incus(0, "exec", "base", "--", "dd", "if=/dev/urandom", "of=/root/data", "bs=1M", "count=40")
	s.incus(0, "stop", "-f", "base")
	s.incus(0, "snapshot", "create", "base", "s0")
	s.incus(0, "storage", "volume", "create", "default", "base")
	s.incus(0, "config", "device", "add", "base", "v", "disk", "pool=default", "source=base", "path=/v")
	s.incus(0, "start", "base")
	s.incus(0, "exec", "base", "--", "cp", "/root/data", "/v/data")
	s.incus(0, "stop", "-f", "base")
	s.incus(0, "config", "device", "remove", "base", "v")
	s.incus(0, "storage", "volume", "snapshot", "create", "default", "base", "s0")
	t.Cleanup(func() {
		s.incus(0, "delete", "-f", "base")
		s.incus(0, "storage", "volume", "delete", "default", "base")
	})
	return s
}

// try runs the incus command on a server.
func (s *servers) try(n int, args ...string) (string, error) {
	command := exec.Command("incus", args...)
	command.Env = append(os.Environ(), "INCUS_DIR="+s.dirs[n], "INCUS_SOCKET=")
	out, err := command.CombinedOutput()
	return string(out), err
}

func (s *servers) incus(n int, args ...string) string {
	s.Helper()
	out, err := s.try(n, args...)
	if err != nil {
		s.Fatalf("server %d: incus %s: %v\n%s", n, strings.Join(args, " "), err, out)
	}
	return out
}

// words returns the words of the incus command for a kind of object.
func words(kind, verb, name string) []string {
	if kind == "instance" {
		return []string{verb, name}
	}
	return []string{"storage", "volume", verb, "default", name}
}

// snapshots returns the names of an object's snapshots; nil if there is no such object.
func (s *servers) snapshots(n int, kind, name string) []string {
	path := "/1.0/instances/" + name
	if kind != "instance" {
		path = "/1.0/storage-pools/default/volumes/custom/" + name
	}
	if _, err := s.try(n, "query", path); err != nil {
		return nil
	}
	var urls []string
	_ = json.Unmarshal([]byte(s.incus(n, "query", path+"/snapshots")), &urls)
	return append([]string{}, urls...)
}

// settle waits until no operations run on either server.
func (s *servers) settle(where string) {
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		running := ""
		for n := range s.dirs {
			var all map[string][]struct {
				Description string
				StatusCode  int `json:"status_code"`
			}
			_ = json.Unmarshal([]byte(s.incus(n, "query", "/1.0/operations?recursion=1")), &all)
			for _, operations := range all {
				for _, o := range operations {
					if o.StatusCode < 200 {
						running += fmt.Sprintf(" %d: %s", n, o.Description)
					}
				}
			}
		}
		if running == "" {
			time.Sleep(time.Second) // a volume is removed after the end of its operation
			return
		}
		if time.Now().After(end) {
			s.Errorf("%s: operations go on:%s", where, running)
			return
		}
	}
}

// migrate starts a migration of a copy of the base, disturbs it after the part of its time, and checks the remains.
func (s *servers) migrate(i int, r *rand.Rand, kind, way, mode string, tls bool, disturb func(*running)) {
	name := fmt.Sprintf("mig%d", i)
	if kind == "instance" {
		s.incus(0, "copy", "base", name)
	} else {
		s.incus(0, "storage", "volume", "copy", "default/base", "default/"+name)
	}
	ends := []string{filepath.Join(s.dirs[0], "unix.socket"), filepath.Join(s.dirs[1], "unix.socket")}
	if tls {
		ends = s.endpoints
	}
	args := append([]string{"--error-format", "json", "-c", migrationScript, "--", kind, way, mode, name, s.crt, s.key,
		filepath.Join(s.dirs[0], "server.crt"), filepath.Join(s.dirs[1], "server.crt")}, ends...)
	command := start(s.T, args...)
	command.line(s.T, "go")
	begun := time.Now()
	after, begins := time.Duration(-1), false
	if whole := s.whole[kind+mode]; whole > 0 && disturb != nil {
		after = time.Duration(r.Float64() * float64(whole))
		if i < s.begun {
			for after = 0; after < whole && !begins; after = time.Since(begun) {
				begins = s.snapshots(1, kind, name) != nil
			}
		} else {
			time.Sleep(after)
		}
		disturb(command)
	}
	out, status := command.rest()
	if disturb == nil {
		s.whole[kind+mode] = time.Since(begun)
	}
	stderr := command.stderr.String()
	where := fmt.Sprintf("%s %s of a %s by %s, after %v of %v", name, way, kind, mode, after, s.whole[kind+mode])
	s.settle(where)
	from, to := s.snapshots(0, kind, name), s.snapshots(1, kind, name)
	var e struct {
		Outcome, Class, Message string
		Running                 []struct{ Description string } `json:"still_running"`
		Unknown                 []struct{ Description string } `json:"unknown_after_stop"`
		Ended                   []struct{ Description string } `json:"done_after_stop"`
		Left                    []struct{ Description string } `json:"left_after_stop"`
		Stopped                 []struct{ Description string } `json:"ended_after_stop"`
	}
	for line := range strings.Lines(stderr) {
		_ = json.Unmarshal([]byte(line), &e)
	}
	told := e.Outcome == "unknown" || e.Outcome == "done"
	for _, work := range slices.Concat(e.Running, e.Unknown, e.Ended, e.Left) {
		told = told || slices.Contains(strings.FieldsFunc(work.Description, func(r rune) bool { return r == ' ' || r == '/' }), name) ||
			strings.HasPrefix(work.Description, "a request that was not answered: POST ")
	}
	removed := slices.Contains(e.Stopped, struct{ Description string }{"the copy " + name + " was removed again"})
	complete := func(snapshots []string) bool { return len(snapshots) == 1 }
	// Incus 6.0 removes an unfinished volume only after the end of its operation.
	for begun := time.Now(); status != 0 && !told && to != nil && time.Since(begun) < 10*time.Second; to = s.snapshots(1, kind, name) {
		time.Sleep(100 * time.Millisecond)
	}
	switch {
	case strings.Contains(out, "done") && (!complete(to) || (from != nil) != (way == "copy")):
		s.Errorf("%s: it succeeded, and there are %v and %v\n%s", where, from, to, stderr)
	case disturb == nil && status != 0:
		s.Errorf("%s: status %d\n%s", where, status, stderr)
	case !complete(from) && !complete(to):
		s.Errorf("%s: nothing whole is left: %v, %v\n%s", where, from, to, stderr)
	case status > 2 && status < 6 && to == nil && from != nil && e.Outcome != "refused" && e.Outcome != "not_sent" && e.Class != "IncusConnectionError":
		s.Errorf("%s: nothing was made, and the outcome is %q\n%s", where, e.Outcome, stderr)
	case status != 0 && to != nil && !told:
		s.Errorf("%s: status %d, and the copy %v isn't announced\n%s", where, status, to, stderr)
	case to != nil && removed:
		s.Errorf("%s: there is a copy\n%s", where, stderr)
	case begins && status == 130 && !told && !removed:
		s.Errorf("%s: nothing says what became of the copy\n%s", where, stderr)
	case to != nil && e.Outcome == "refused":
		s.Errorf("%s: the outcome is refused, and there is a copy\n%s", where, stderr)
	case status == 0:
		s.fine++
	case to != nil:
		s.left++
		s.Logf("%s: left and announced: %s", where, stderr)
	default:
		s.done++
		s.Logf("%s: %d %s %s: %s; begun %t, removed %t", where, status, e.Class, e.Outcome, e.Message, begins, removed)
	}
	if from != nil {
		if kind == "instance" {
			s.incus(0, "snapshot", "create", name) // it isn't busy
		}
		s.incus(0, words(kind, "delete", name)...)
	}
	if to != nil {
		s.remove(1, kind, name)
	}
}

// remove deletes an object. Incus may keep an unfinished instance locked for 30 seconds after the end of the operation that made it,
// and then remove it itself.
func (s *servers) remove(n int, kind, name string) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		out, err := s.try(n, words(kind, "delete", name)...)
		switch {
		case err == nil, s.snapshots(n, kind, name) == nil:
			return
		case !strings.Contains(out, "is busy"), time.Now().After(end):
			s.Fatalf("server %d: %s isn't deleted: %v\n%s", n, name, err, out)
		}
	}
}

// all disturbs migrations of all kinds.
func (s *servers) all(disturb func(*running)) {
	r := random(s.T)
	modes, kinds := []string{"pull", "push", "relay"}, []string{"instance", "volume"}
	i := 0
	for _, mode := range modes {
		for _, kind := range kinds {
			s.migrate(i, r, kind, "copy", mode, mode == "relay", nil)
			i++
		}
	}
	s.fine, s.begun = 0, i+s.begun
	for n := range *migrations {
		mode := modes[(n+i)%3]
		s.migrate(i+n, r, kinds[r.IntN(2)], []string{"copy", "move"}[r.IntN(2)], mode, mode == "relay", disturb)
	}
	s.Logf("of %d migrations %d ended before, %d left a copy and said so, %d left none; undisturbed they took %v", *migrations, s.fine, s.left, s.done, s.whole)
}

// TestRealServersStops checks that a migration stopped at any moment leaves the original or a whole copy, and no copy that
// isn't announced. The report says what became of a copy that was begun.
func TestRealServersStops(t *testing.T) {
	s := newServers(t)
	s.begun = 3 // one of each mode
	s.all(func(command *running) { _ = command.Process.Signal(syscall.SIGINT) })
}

// TestRealServersCuts checks the same for connections that break at any moment: those between the servers, or in a relay
// all those of the client.
func TestRealServersCuts(t *testing.T) {
	s := newServers(t)
	s.all(func(*running) {
		if out, err := exec.Command("ss", "-K", "-t", "( dport = :8443 or sport = :8443 )").CombinedOutput(); err != nil {
			t.Fatalf("ss: %v\n%s", err, out)
		}
	})
}
