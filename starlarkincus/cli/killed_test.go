package cli_test

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A daemon that dies while a script waits for its operation. It takes a testbed of its own: all other tests need the
// daemon.
func TestDaemonKilledInMidWait(t *testing.T) {
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
	time.Sleep(300 * time.Millisecond) // so that the wait is under way
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
