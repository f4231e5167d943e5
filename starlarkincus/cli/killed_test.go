package cli_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRealDaemonKilledInMidWait kills the daemon while a script waits for an operation. It needs a testbed of its own,
// because all other tests need the daemon.
func TestRealDaemonKilledInMidWait(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_KILL") == "" {
		t.Skip("needs a real Incus that it may kill: run scripts/test.sh")
	}
	needsIncus(t)
	pid, err := strconv.Atoi(os.Getenv("INCUS_STAR_TESTBED_PID"))
	if err != nil {
		t.Fatal(err)
	}
	command := start(t, "-c", `
op = incus.request("POST", "/1.0/certificates", body = {"name": "killed", "type": "client", "token": True}, wait = False).metadata
token = incus.operations.get(op.id)
print("ready")
e = try_(token.wait).error
print(e.class_, e.status, e.operation_id == op.id, e.cause != None)
raise_(e)
`)
	command.line(t, "ready")
	time.Sleep(300 * time.Millisecond) // until the script waits
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	line, status := command.rest()
	stderr := &command.stderr
	if want := "IncusConnectionError None True True\n"; line != want {
		t.Errorf("got %q, want %q", line, want)
	}
	if status != 4 || !strings.Contains(stderr.String(), "IncusConnectionError: ") {
		t.Errorf("ended with %d, want 4, and printed\n%s", status, stderr.Bytes())
	}
	t.Logf("%s", stderr.Bytes())
}

// TestRealMemberKilled kills a member of a cluster. It checks that operations running on it have an unknown outcome, that
// later requests to it fail as unavailable, and that the other members work.
func TestRealMemberKilled(t *testing.T) {
	pids := strings.Split(os.Getenv("INCUS_STAR_TESTBED_PIDS"), ",")
	if os.Getenv("INCUS_STAR_TESTBED_KILL") == "" || len(pids) < 3 {
		t.Skip("needs a real cluster with a member that it may kill: run scripts/test.sh")
	}
	pid, err := strconv.Atoi(pids[2])
	if err != nil {
		t.Fatal(err)
	}
	command := start(t, "-c", `
image = env["INCUS_STAR_TESTBED_IMAGE"]
inst = retry(incus.instances.launch, "killed", image = image, target = "node3", times = 120, delay = 0.5, backoff = 1)
print("ready")
def failed(f, *args, **kwargs):
    e = try_(f, *args, **kwargs).error
    print(f, e.class_, e.outcome, e.object)
failed(inst.exec, ["sleep", "30"])
failed(inst.exec, ["true"])
failed(inst.state)
failed(inst.update, description = "x")
failed(inst.stop, force = True)
failed(inst.delete)
failed(incus.instances.create, "other", image = image, target = "node3")
print(try_(retry, inst.state, times = 2, delay = 0.1).error.class_)
print(incus.cluster.members.get("node2").evacuate().status)
failed(incus.instances.create, "other", image = image, target = "node2")
print(incus.cluster.members.get("node2").restore().status, incus.profiles.create("p").name, [i.name for i in incus.instances.list()])
`)
	command.line(t, "ready")
	time.Sleep(time.Second) // until the command in the instance runs
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	got, status := command.rest()
	const want = `<method instance.exec> IncusUnavailableError unknown ErrorObject(kind = "cluster member", name = "node3")
<method instance.exec> IncusUnavailableError refused ErrorObject(kind = "instance", name = "killed")
<method instance.state> IncusUnavailableError None ErrorObject(kind = "instance", name = "killed")
<method instance.update> IncusUnavailableError not_sent ErrorObject(kind = "instance", name = "killed")
<method instance.stop> IncusUnavailableError refused ErrorObject(kind = "instance", name = "killed")
<method instance.delete> IncusUnavailableError refused ErrorObject(kind = "instance", name = "killed")
<method instances.create> IncusUnavailableError refused ErrorObject(kind = "instance", name = "other")
IncusUnavailableError
Evacuated
<method instances.create> IncusStateError refused ErrorObject(kind = "instance", name = "other")
Online p ["killed"]
`
	if got != want || status != 0 {
		t.Errorf("ended with %d, and printed\n%s\nwant\n%s\n%s", status, got, want, command.stderr.Bytes())
	}
}

// TestRealClusterEvacuation evacuates the member that the script talks to, and follows it to the end.
func TestRealClusterEvacuation(t *testing.T) {
	needsIncus(t)
	dirs := strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":")
	if os.Getenv("INCUS_STAR_TESTBED_CLUSTER") == "" {
		t.Skip("needs a real cluster: run scripts/test.sh")
	}
	command := startWith(t, []string{"INCUS_DIR=" + dirs[1]}, "-c", `
image = env["INCUS_STAR_TESTBED_IMAGE"]
node = incus.server().environment["server_name"]
member = incus.cluster.members.get(node)
group = incus.cluster.groups.create("leaving", members = [node])
empty = incus.cluster.groups.create("nobody")
grouped = incus.instances.ensure("grouped", image = image, target = "@leaving")
print(grouped.location == node, incus.instances.ensure("grouped", image = image, target = "@leaving").changed)
grouped.delete() # it doesn't leave its group
inst = incus.instances.launch("leaving", image = image, target = node)
for target in ["@nobody", "@nope", "nope"]:
    e = try_(incus.instances.create, "other", image = image, target = target).error
    print(target, e.class_, e.outcome)
for roles in [["nope"], member.roles + ["nope"], ["event-hub", "nope"]]:
    e = try_(member.update, roles = roles).error
    print(e.class_, e.outcome)
op = member.evacuate(mode = "migrate", wait = False)
op.wait()
inst.refresh()
print(op.status, member.refresh().status, inst.location != node, inst.status)
e = try_(member.evacuate).error
print(e == None or (e.is_a(IncusStateError), e.outcome) == (True, "refused"))
e = try_(incus.instances.create, "other", image = image, target = node).error
print(e.class_, e.outcome)
print(member.restore().status, inst.refresh().location == node, inst.status)
e = try_(member.restore).error
print(e == None or (e.is_a(IncusStateError), e.outcome) == (True, "refused"))
inst.delete(force = True)
group.update(members = [])
group.delete()
empty.delete()
`)
	got, status := command.rest()
	const want = `True False
@nobody IncusNotFoundError refused
@nope IncusNotFoundError refused
nope IncusNotFoundError refused
IncusBadRequestError refused
IncusBadRequestError refused
IncusBadRequestError refused
Success Evacuated True Running
True
IncusStateError refused
Online True Running
True
`
	if got != want || status != 0 {
		t.Errorf("ended with %d, and printed\n%s\nwant\n%s\n%s", status, got, want, command.stderr.Bytes())
	}
}
