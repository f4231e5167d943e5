package suite

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
)

// needsIncus skips a test outside of a testbed.
func needsIncus(t *testing.T) {
	t.Helper()
	if !strings.Contains(t.Name(), "Real") {
		t.Fatal("needs Real in its name, by which scripts/test.sh runs it on each line")
	}
	if os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus: run scripts/test.sh")
	}
	_ = os.Getenv("INCUS_STAR_TESTBED_RUN") // invalidates cached results, because each run has another daemon
}

// eval runs a script against the testbed and returns its output.
func eval(t *testing.T, script string) string {
	t.Helper()
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	var out bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: starlark.StringDict{"incus": client}})
	if err := h.RunSource(context.Background(), "eval", []byte(script)); err != nil {
		h.Report(&out, err)
		t.Errorf("%s", out.Bytes())
	}
	return out.String()
}

// mine begins the names of projects of this package's tests. Other packages test on the same server, and their project
// names continue with a hexadecimal digit.
const mine = "star-test-suite-"

// left returns the remaining objects of this package's tests on the server.
const left = `
mine = "` + mine + `"
print([p for p in incus.projects.names() if mine in p])
for what in ["instances", "profiles", "networks", "images", "storage-pools/default/volumes", "storage-pools/default/volumes/custom"]:
    print(what, [u for u in incus.request("GET", "/1.0/" + what, query = {"all-projects": True}).metadata if mine in u])
`

const realTests = `
image = env["INCUS_STAR_TESTBED_IMAGE"]

def test_much_is_left():
    inst = incus.instances.launch("much", image = image)
    assert_eq(inst.project[:10], "star-test-")
    inst.snapshots.create("s1")
    incus.instances.launch("gone", image = image, ephemeral = True)
    incus.profiles.create("mine", config = {"limits.cpu": 1})
    incus.instances.create("kept", image = image, profiles = ["default", "mine"], config = {"security.protection.delete": True})
    incus.request("POST", "/1.0/storage-pools/default/volumes/custom", body = {"name": "vol"})
    incus.request("POST", "/1.0/storage-pools/default/volumes/custom/vol/snapshots", body = {"name": "snap"})
    assert_eq(sorted(incus.instances.names()), ["gone", "kept", "much"])
    assert_true(incus.images.exists(image))
    assert_in("eth0", incus.profiles.get("default").devices)

def test_begins_empty():
    assert_eq(incus.instances.names(), [])
    assert_raises(IncusNotFoundError, incus.instances.get, "much")
    assert_false(incus.profiles.exists("mine"))

def test_fails_with_an_instance():
    incus.instances.launch("failed", image = image)
    assert_eq(incus.instances.get("failed").status, "Stopped")

def test_error():
    incus.instances.get("nope")

def test_endless():
    inst = incus.instances.launch("endless", image = image)
    print("launched")
    inst.exec(["sleep", "1000"])

def test_not_waited_for():
    incus.instances.launch("hurried", image = image, wait = False)
`

func TestRealNothingIsLeft(t *testing.T) {
	needsIncus(t)
	before := eval(t, left)
	status, text := runUntil(t, t.Context(), Options{Paths: []string{write(t, map[string]string{"a_test.star": realTests})}, Timeout: 10 * time.Second})
	for _, due := range []string{"3 passed, 1 failed, 2 errors in", `got "Running", want "Stopped"`, "timed out after", "    launched\n", "IncusNotFoundError (404)"} {
		if !strings.Contains(text, due) {
			t.Errorf("%q is missing", due)
		}
	}
	if after := eval(t, left); status != 1 || before != after {
		t.Errorf("ended with %d and left\n%swhere there was\n%s%s", status, after, before, text)
	}
}

// TestRealNothingIsLeftAfterAnInterrupt interrupts a test.
func TestRealNothingIsLeftAfterAnInterrupt(t *testing.T) {
	needsIncus(t)
	before := eval(t, left)
	ctx, cancel := context.WithCancelCause(t.Context())
	dir := write(t, map[string]string{"a_test.star": `
def test_a():
    inst = incus.instances.launch("interrupted", image = env["INCUS_STAR_TESTBED_IMAGE"])
    inst.exec(["sleep", "1000"])
`})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			if ctx.Err() != nil || strings.Contains(eval(t, `print(incus.request("GET", "/1.0/operations", query = {"all-projects": True, "recursion": 1}).metadata)`), "Executing command") {
				break
			}
		}
		cancel(host.ErrInterrupted)
	}()
	status, text := runUntil(t, ctx, Options{Paths: []string{dir}, Timeout: time.Minute})
	cancel(nil)
	<-watched
	if after := eval(t, left); status != 130 || before != after {
		t.Errorf("ended with %d and left\n%swhere there was\n%s%s", status, after, before, text)
	}
}

// TestRealRemovalByHand removes a project as on a server without the extension projects_force_delete.
func TestRealRemovalByHand(t *testing.T) {
	needsIncus(t)
	before := eval(t, left)
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	p := newProject("a test")
	p.noForce = true
	p.note = func(text string) { t.Error(text) }
	p.status = func(string, string) {}
	prepared := starlarkincus.New(starlarkincus.Options{Project: p.name, Prepare: p.create})
	defer prepared.Close()
	var out bytes.Buffer
	own := new(asserts)
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: own.with(prepared)})
	own.attach(h)
	err := h.RunSource(context.Background(), "much", []byte(realTests+"\ntest_much_is_left()\n"))
	if err != nil {
		h.Report(&out, err)
		t.Errorf("%s", out.Bytes())
	}
	if err := p.remove(t.Context()); err != nil {
		t.Error(err)
	}
	if after := eval(t, left); before != after {
		t.Errorf("there is left\n%swhere there was\n%s", after, before)
	}
}

// TestRealProjectIsCreatedLate checks that a project is created only at the first call.
func TestRealProjectIsCreatedLate(t *testing.T) {
	needsIncus(t)
	var requests []string
	o := Options{Timeout: time.Minute, Stdout: io.Discard, Stderr: io.Discard, Module: func(io.Writer) starlarkincus.Options {
		return starlarkincus.Options{Trace: func(r rest.Trace) { requests = append(requests, r.Method+" "+r.Path) }}
	}}
	o.Paths = []string{write(t, map[string]string{"a_test.star": "incus.instances\ndef test_a(): incus.use(project = 'x').instances\n"})}
	if status := New(o).Run(t.Context()); status != 0 || len(requests) > 0 {
		t.Errorf("ended with %d and sent %q", status, requests)
	}
	o.Paths = []string{write(t, map[string]string{"a_test.star": "def test_a(): assert_eq(incus.instances.list(), [])\n"})}
	status := New(o).Run(t.Context())
	t.Logf("%q", requests)
	if status != 0 || len(requests) < 4 {
		t.Errorf("ended with %d and sent %q", status, requests)
	}
}
