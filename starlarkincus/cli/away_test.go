package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	returnInstances = flag.Int("return-instances", 6, "how many instances TestRealMemberReturns creates")
	returnMethods   = flag.String("return-methods", "launch,ensure", "the methods by which TestRealMemberReturns creates them, by turns")
	returnAfter     = flag.Duration("return-after", time.Second, "how long the member of TestRealMemberReturns is away")
)

// TestRealMemberReturns kills a member while instances are created on it and on others, and starts it again some time later:
// retry finishes them all, and none is left without its files.
func TestRealMemberReturns(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_KILL") == "" || os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == "" {
		t.Skip("needs a real cluster with a member that it may kill: run scripts/test.sh")
	}
	again := restarter(t, 1)
	command := start(t, "-c", fmt.Sprintf(`
image, count, methods = env["INCUS_STAR_TESTBED_IMAGE"], %d, %q.split(",")
ended, killed = [], []

def creating():
    return 1 in ended or [o for o in incus.operations.list() if o.location == "node2" and "reating instance" in o.description]

def one(i):
    if i < 0:
        wait_until(creating, interval = 0.01)
        sleep(0.05) # until its request is answered
        run(["kill", "-9", "%s"])
        killed.append(True)
        print("killed")
        return
    if i >= 3:
        wait_until(lambda: killed, interval = 0.01)
    method = methods[i %% len(methods)]
    more = {"start": True} if method == "ensure" else {}
    retry(getattr(incus.instances, method), "back%%d" %% i, image = image, target = "node%%d" %% (i %% 3 + 1), times = 120, delay = 0.5, backoff = 1, **more)
    ended.append(i)

for r in parallel(one, range(-1, count), limit = 4):
    if not r:
        print(r.error.class_, r.error.outcome, r.error.message)
for i in range(count):
    inst = retry(incus.instances.get, "back%%d" %% i, times = 20)
    print(inst.name, retry(inst.exec, ["sh", "-c", "cat /etc/passwd | wc -l"], reads = True).stdout.strip())
    retry(inst.delete, force = True, times = 20)
`, *returnInstances, *returnMethods, strings.Split(os.Getenv("INCUS_STAR_TESTBED_PIDS"), ",")[1]))
	command.line(t, "killed")
	again(*returnAfter)
	got, status := command.rest()
	want := ""
	for i := range *returnInstances {
		want += fmt.Sprintf("back%d 2\n", i)
	}
	if got != want || status != 0 {
		t.Errorf("ended with %d, and printed\n%s\nwant\n%s\n%s", status, got, want, command.stderr.Bytes())
	}
}

// TestRealMemberAddresses kills the member that a remote with several addresses talks to, in a fleet that has other names for the
// same cluster: its reads and changes go to another member, and no other name is disturbed by those that fail.
func TestRealMemberAddresses(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_KILL") == "" || os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == "" {
		t.Skip("needs a real cluster with a member that it may kill: run scripts/test.sh")
	}
	pids := strings.Split(os.Getenv("INCUS_STAR_TESTBED_PIDS"), ",")
	again := restarter(t, 2)
	endpoints, dirs := strings.Split(os.Getenv("INCUS_STAR_TESTBED_ENDPOINTS"), ","), strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":")
	f := newFleetConfig(t)
	f.add("several", endpoints[2]+","+endpoints[0], dirs[2])
	f.add("one", endpoints[1], dirs[1])
	f.add("dead", endpoints[2], dirs[2])
	var got map[string][]string
	f.run(fmt.Sprintf(`
def failures(fn, count):
    failed = [try_(fn).error for _ in range(count)]
    return sorted(set([e.class_ + " " + str(e.outcome) for e in failed if e and e.class_ != "IncusUnavailableError"]))

def ask(server):
    reads = failures(server.profiles.names, 20)
    return reads + failures(lambda: retry(server.profiles.create, "of-" + server.remote, times = 10, delay = 0.2, backoff = 1), 1)

def use(server):
    names = server.profiles.names()
    ready.append(server.remote)
    wait_until(lambda: len(ready) >= 2, interval = 0.01)
    if server.remote == "several":
        run(["kill", "-9", "%s"])
        ready.append("killed")
    wait_until(lambda: len(ready) == 3, interval = 0.01)
    return ask(server)

ready = []
results = fleet(["several", "one"], timeout = 60).map(use) + fleet(["dead"], timeout = 60).map(ask)
out = {r.remote: r.value if r else [r.error.class_, r.error.message] for r in results}
out["twice"] = [try_(fleet, ["several", "dead"]).error.class_]
print(json.encode(out))
`, pids[2]), &got)
	want := map[string]string{"several": "[]", "one": "[]", "dead": "[IncusConnectionError None IncusConnectionError not_sent]", "twice": "[IncusConfigError]"}
	for name := range want {
		if fmt.Sprint(got[name]) != want[name] {
			t.Errorf("%s: got %q, want %s", name, got[name], want[name])
		}
	}
	again(0)
	var names []string
	f.run(`
profiles = incus.connect(remote = "one").profiles
names = [n for n in profiles.names() if n.startswith("of-")]
for name in names:
    profiles.delete(name)
print(json.encode(names))
`, &names)
	if fmt.Sprint(names) != "[of-one of-several]" {
		t.Errorf("got %q", names)
	}
}

// restarter returns a function that kills the daemon of a number, unless it is dead already, and starts it again some time
// later, for the next tests too, until it is ready. Before that, the daemon's network refuses connections.
func restarter(t *testing.T, number int) func(away time.Duration) {
	t.Helper()
	pids := strings.Split(os.Getenv("INCUS_STAR_TESTBED_PIDS"), ",")
	pid := pids[number]
	// A shell in the daemon's namespaces, which becomes the daemon again.
	args, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	environ, err := os.ReadFile("/proc/" + pid + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	words := func(data []byte) []string { return strings.Split(strings.Trim(string(data), "\x00"), "\x00") }
	again := exec.Command("nsenter", append([]string{"--target", pid, "--mount", "--net", "--root", "--wd", "/bin/sh", "-c", `echo; read -r _; exec "$@" >/dev/null 2>&1`, "sh"}, words(args)...)...)
	again.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, words(environ)...)
	input, err := again.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := again.StdoutPipe()
	if err == nil {
		err = again.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := output.Read(make([]byte, 1)); err != nil { // it is there
		t.Fatal(err)
	}
	return func(away time.Duration) {
		t.Helper()
		old, err := strconv.Atoi(pid)
		if err == nil {
			err = syscall.Kill(old, syscall.SIGKILL)
		}
		if err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
		time.Sleep(away)
		if _, err := input.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		ready := exec.Command("incus", "admin", "waitready", "--timeout", "60")
		ready.Env = append(os.Environ(), "INCUS_DIR="+strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":")[number])
		if out, err := ready.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		pids[number] = fmt.Sprint(again.Process.Pid)
		os.Setenv("INCUS_STAR_TESTBED_PIDS", strings.Join(pids, ","))
	}
}
