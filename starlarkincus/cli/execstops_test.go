package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var execStops = flag.Int("exec-stops", 5, "how many commands TestRealExecStops ends")

// stopScript runs one command, and prints what is claimed about it. The command writes to /log when it begins, and when it
// ends by itself. Its arguments are the command's shape, its way to end, the time until then, and a mark of its processes.
const stopScript = `
shape, way, after, mark = args
inst = retry(incus.instances.get, "stops", times = 30, delay = 0.01, backoff = 1)
def sh(line, **more):
    return inst.exec(["sh", "-c", "echo begin%s >> /log; %s; echo end%s >> /log" % (mark, line, mark)], timeout = float(after) if way == "timeout=" else None, **more)
lines = [0]
def slow(line):
    lines[0] += 1
    if lines[0] < 10: sleep(0.05)
shapes = {
    "ends": lambda: sh("sleep 0.1"),
    "ignores": lambda: sh("trap '' TERM; for i in $(seq 600); do sleep 0.1; : %s; done" % mark),
    "sleeps": lambda: sh("exec sleep " + mark),
    "reads": lambda: sh("exec cat - /" + mark, stdin = lambda: [sleep(0.02), "line\n"][1]),
    "writes": lambda: sh("exec yes " + mark, stream = slow),
    "terminal": lambda: sh("exec sleep " + mark, tty = True),
    "handle": lambda: [line for line in sh("exec sleep " + mark, wait = False).lines()],
}
def sibling(i):
    if i == 0: return shapes[shape]()
    sleep(float(after))
    fail("the sibling")
print("ready")
r = try_(lambda: parallel(sibling, range(2)) if way == "sibling" else shapes[shape]())
print(json.encode({"ok": r.ok, "outcome": r.error.outcome if r.error else None}))
`

// stopWays are the ways to end the command or its connections, with whether the command must be gone at the end of the
// script, and not only when the server has found that its connections are.
var stopWays = map[string]struct {
	signal syscall.Signal
	gone   bool
}{
	"timeout=": {gone: true}, "--timeout": {gone: true}, "sibling": {gone: true},
	"SIGINT": {syscall.SIGINT, true}, "SIGTERM": {syscall.SIGTERM, true}, "SIGHUP": {syscall.SIGHUP, true}, "SIGKILL": {syscall.SIGKILL, false},
	"cut": {}, "cut TLS": {},
}

// TestRealExecStops ends commands at random moments. Each is gone then, and what the script was told about it is true.
func TestRealExecStops(t *testing.T) {
	needsIncus(t)
	r := random(t)
	incus(t, "launch", os.Getenv("INCUS_STAR_TESTBED_IMAGE"), "stops")
	t.Cleanup(func() { incus(t, "delete", "-f", "stops") })
	incus(t, "exec", "stops", "--", "touch", "/log")
	var shapes []string
	for line := range strings.Lines(stopScript) {
		if name, rest, is := strings.Cut(strings.TrimPrefix(line, `    "`), `": lambda: `); is && rest != "" && strings.HasPrefix(line, `    "`) {
			shapes = append(shapes, name)
		}
	}
	names, firstWay, firstShape := sortedKeys(stopWays), r.IntN(1000), r.IntN(1000)
	direct := remoteOf(t, strings.TrimPrefix(os.Getenv("INCUS_STAR_TESTBED_ENDPOINT"), "https://"))
	t.Run("commands", func(t *testing.T) {
		for i := range *execStops {
			way, shape := names[(firstWay+i)%len(names)], shapes[(firstShape+i/len(names)+i)%len(shapes)]
			own := rand.New(rand.NewPCG(r.Uint64(), 0))
			t.Run(fmt.Sprintf("%d %s %s", i, way, shape), func(t *testing.T) {
				t.Parallel()
				stopOne(t, own, way, shape, direct)
			})
		}
	})
}

// stopOne ends one command at a random moment.
func stopOne(t *testing.T, r *rand.Rand, way, shape, conf string) {
	mark := fmt.Sprint(1e6 + r.IntN(1e9))
	delay := time.Duration(r.IntN(400)) * time.Millisecond
	args := []string{"-c", stopScript, shape, way, fmt.Sprint(delay.Seconds()), mark}
	var env []string
	var proxy *cutter
	switch way {
	case "--timeout":
		args = append([]string{"--timeout", fmt.Sprint(delay + 50*time.Millisecond)}, args...)
	case "cut":
		proxy = newCutter(t, "unix", filepath.Join(os.Getenv("INCUS_DIR"), "unix.socket"), r, 0)
		env = append(env, "INCUS_SOCKET="+proxy.listener.Addr().String())
	case "cut TLS":
		proxy = newCutter(t, "tcp", strings.TrimPrefix(os.Getenv("INCUS_STAR_TESTBED_ENDPOINT"), "https://"), r, 0)
		own := t.TempDir()
		if err := os.CopyFS(own, os.DirFS(conf)); err != nil {
			t.Fatal(err)
		}
		config := "remotes:\n  cut:\n    addr: https://" + proxy.listener.Addr().String() + "\n    protocol: incus\n"
		if err := os.WriteFile(own+"/config.yml", []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, "INCUS_CONF="+own, "INCUS_REMOTE=cut")
	}
	command := startWith(t, env, args...)
	if way != "--timeout" { // which may end before
		command.line(t, "ready")
	}
	switch {
	case stopWays[way].signal != 0:
		time.Sleep(delay)
		command.Process.Signal(stopWays[way].signal)
	case proxy != nil:
		time.Sleep(delay)
		if proxy.cutAll(); r.IntN(2) == 0 {
			proxy.end()
		}
	}
	printed, status := command.rest()
	limit := time.Now()
	if !stopWays[way].gone {
		limit = limit.Add(15 * time.Second)
	}
	for {
		left := processes(t, "stops")
		if !strings.Contains(left, mark) {
			break
		}
		if time.Now().After(limit) {
			t.Errorf("the command is still there after status %d:\n%s\n%s", status, left, command.stderr.Bytes())
			_ = exec.Command("incus", "exec", "stops", "--", "pkill", "-9", "-f", mark).Run()
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	log, err := exec.Command("incus", "exec", "stops", "--", "cat", "/log").Output()
	if err != nil {
		t.Fatal(err)
	}
	begun, ended := strings.Contains(string(log), "begin"+mark+"\n"), strings.Contains(string(log), "end"+mark+"\n")
	var claim struct {
		OK      bool
		Outcome string
	}
	for line := range strings.Lines(printed) {
		if json.Unmarshal([]byte(line), &claim) != nil {
			continue
		}
		switch {
		case claim.OK && !ended && shape != "handle":
			t.Errorf("%s: the call returned, but the command didn't end by itself", shape)
		case (claim.Outcome == "not_sent" || claim.Outcome == "refused") && begun:
			t.Errorf("%s: the outcome is %s, but the command began", shape, claim.Outcome)
		case claim.Outcome == "done" && !begun:
			t.Errorf("%s: the outcome is done, but the command didn't begin", shape)
		}
	}
	t.Logf("after %v: status %d, begun %v, ended %v, %s", delay, status, begun, ended, strings.TrimSpace(printed))
}
