package starlarkincus_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
)

// lockSockets returns the unix sockets of the testbed's daemon, or of all members.
func lockSockets() []string {
	dirs := memberDirs()
	if len(dirs) == 0 {
		dirs = []string{os.Getenv("INCUS_DIR")}
	}
	var out []string
	for _, dir := range dirs {
		out = append(out, filepath.Join(dir, "unix.socket"))
	}
	return out
}

// runLock runs a script with its own client on a socket, and returns its output or its error.
func runLock(t *testing.T, socket, script string, options starlarkincus.Options) string {
	env := remote.Environment{Getenv: func(name string) string {
		return map[string]string{"INCUS_SOCKET": socket}[name]
	}}
	options.Environment, options.Trace = &env, count
	client := starlarkincus.New(options)
	defer client.Close()
	var out bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: client.Names(), Servers: client.Servers})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.RunSource(ctx, "lock", []byte(script)); err != nil {
		h.Report(&out, err)
	}
	return strings.TrimSpace(out.String())
}

// rivals runs the script in several clients at once, spread over the sockets, and returns their outputs.
func rivals(t *testing.T, n int, script string) map[string]int {
	sockets := lockSockets()
	out := make([]string, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { out[i] = runLock(t, sockets[i%len(sockets)], script, starlarkincus.Options{}) })
	}
	group.Wait()
	counts := make(map[string]int)
	for _, text := range out {
		counts[text]++
	}
	return counts
}

const tryLock = `
l, err = catch(IncusBusyError, lock, %q, ttl = %d)
print("got" if l else "busy")
`

func rivalCount() int {
	return map[bool]int{true: 16, false: 24}[os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == ""]
}

// Of 16 clients at once, or 24 through three members, one gets the lock, and another one after that expired.
func TestRealClusterLockHasOneHolder(t *testing.T) {
	needsIncus(t)
	n := rivalCount()
	for round := range 4 {
		name := fmt.Sprintf("round.%d-%d", round, time.Now().UnixNano())
		for takeover := range 2 {
			limit := 60
			if round == 0 && takeover == 0 {
				limit = 5 // more than the rivals take together
			}
			if got := rivals(t, n, fmt.Sprintf(tryLock, name, limit)); got["got"] != 1 || got["busy"] != n-1 {
				t.Errorf("round %d, takeover %d: %v, want one of %d to get it", round, takeover, got, n)
			}
			if round > 0 || takeover > 0 {
				break
			}
			time.Sleep(6200 * time.Millisecond)
		}
	}
	runLock(t, lockSockets()[0], "for p in incus.profiles.list():\n    if p.name.startswith('lock.'):\n        p.delete()\n", starlarkincus.Options{})
}

// The critical section of a lock never runs twice at once, so an unprotected counter loses nothing.
func TestRealClusterLockExcludes(t *testing.T) {
	needsIncus(t)
	sockets := lockSockets()
	name := fmt.Sprintf("count-%d", time.Now().UnixNano())
	setup := runLock(t, sockets[0], fmt.Sprintf(`incus.profiles.create(%q, config = {"user.n": 0})`, name), starlarkincus.Options{})
	const each = 3
	got := rivals(t, 6, fmt.Sprintf(`
name = %q
def add():
    p = incus.profiles.get(name)
    n = int(p.config["user.n"])
    p.update(config = {"user.n": n + 1})
for i in range(%d):
    l = lock(name, ttl = 30, timeout = 60)
    if i == 1:
        l.renew()
    finally_(add, l.release)
print("done")
`, name, each))
	end := runLock(t, sockets[len(sockets)-1], fmt.Sprintf(`
p = incus.profiles.get(%[1]q)
print(p.config["user.n"], [n for n in incus.profiles.names() if n.startswith("lock.%[1]s")])
p.delete()`, name), starlarkincus.Options{})
	if want := fmt.Sprintf("%d []", 6*each); setup != "" || got["done"] != 6 || end != want {
		t.Errorf("got %q, %v, %q, want %q", setup, got, end, want)
	}
}

func TestRealLock(t *testing.T) {
	needsIncus(t)
	runScript(t, "testdata/with/lock.star", nil)
	out := runLock(t, lockSockets()[0], `lock("ro")`, starlarkincus.Options{ReadOnly: true})
	if !strings.Contains(out, "IncusPermissionError") || !strings.Contains(out, "lock creates an object; nothing was sent") {
		t.Errorf("read-only: %s", out)
	}
}

// After the death of a holder, exactly one of many clients gets the lock, and not before it expired.
func TestRealClusterLockOfADeadHolder(t *testing.T) {
	needsIncus(t)
	name := fmt.Sprintf("dead-%d", time.Now().UnixNano())
	if script := os.Getenv("INCUS_STAR_LOCK_HOLDER"); script != "" {
		fmt.Println(runLock(t, lockSockets()[0], script, starlarkincus.Options{}))
		return
	}
	holder := exec.Command(os.Args[0], "-test.run=^TestRealClusterLockOfADeadHolder$")
	ready := filepath.Join(t.TempDir(), "ready")
	holder.Env = append(os.Environ(), "INCUS_STAR_COVERAGE=", fmt.Sprintf("INCUS_STAR_LOCK_HOLDER=l = lock(%q, ttl = 3)\nwrite_file(%q, '')\nsleep(60)", name, ready))
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for {
		if _, err := os.Stat(ready); err == nil || time.Since(start) > 20*time.Second {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	taken := time.Now()
	_ = holder.Process.Kill()
	_ = holder.Wait()
	script := fmt.Sprintf(tryLock, name, 60)
	if got := rivals(t, 4, script); got["busy"] != 4 {
		t.Errorf("while its time goes on: %v", got)
	}
	time.Sleep(time.Until(taken.Add(4200 * time.Millisecond)))
	if got := rivals(t, rivalCount(), script); got["got"] != 1 || got["busy"] != rivalCount()-1 {
		t.Errorf("after its time: %v, want one", got)
	}
	runLock(t, lockSockets()[0], "for p in incus.profiles.list():\n    if p.name.startswith('lock."+name+"'):\n        p.delete()\n", starlarkincus.Options{})
}
