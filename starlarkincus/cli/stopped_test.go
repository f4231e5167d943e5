package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	stops     = flag.Int("stops", 10, "how many scripts TestRealStopsLeaveNothing ends")
	cuts      = flag.Int("cuts", 8, "how many scripts TestRealCuts runs")
	faultSeed = flag.Uint64("fault-seed", 0, "the seed of both; 0 takes another each time")
)

// random returns a source of random numbers, and says how to get it again.
func random(t *testing.T) *rand.Rand {
	seed := *faultSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-fault-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// stopScripts are what is ended at a random moment after it has printed "go"; NAME is an instance's name. In each,
// clean-up removes all.
var stopScripts = map[string]string{
	"launch": `
print("go")
finally_(lambda: incus.instances.launch("NAME", image = "testbox"), lambda: incus.instances.delete("NAME", force = True))
`,
	"deferred": `
defer(incus.instances.delete, "NAME", force = True)
print("go")
incus.instances.launch("NAME", image = "testbox")
`,
	"start": `
def work():
    inst = incus.instances.create("NAME", image = "testbox")
    print("go")
    inst.start()
    inst.restart(force = True)
finally_(work, lambda: incus.instances.delete("NAME", force = True))
`,
	"copy": `
print("go")
finally_(lambda: incus.instances.get("stopbase").copy("NAME").start(), lambda: incus.instances.delete("NAME", force = True))
`,
	"snapshot": `
def work():
    inst = incus.instances.launch("NAME", image = "testbox")
    print("go")
    inst.snapshots.create("one")
    inst.snapshots.get("one").copy("NAME-copy")
def cleanup():
    incus.instances.delete("NAME-copy", force = True)
finally_(lambda: finally_(work, lambda: incus.instances.delete("NAME", force = True)), cleanup)
`,
	"exec": `
def work():
    inst = incus.instances.launch("NAME", image = "testbox")
    print("go")
    for _ in range(5):
        inst.exec(["sleep", "0.1"])
finally_(work, lambda: incus.instances.delete("NAME", force = True))
`,
	"parallel": `
def one(i):
    name = "NAME-%d" % i
    finally_(lambda: incus.instances.launch(name, image = "testbox"), lambda: incus.instances.delete(name, force = True))
print("go")
parallel(one, range(2))
`,
}

// TestRealStopsLeaveNothing: a script that is ended at any moment leaves no instance, where its clean-up deletes them.
func TestRealStopsLeaveNothing(t *testing.T) {
	needsIncus(t)
	r := random(t)
	incus(t, "init", "testbox", "stopbase")
	t.Cleanup(func() { incus(t, "delete", "-f", "stopbase") })
	names := sortedKeys(stopScripts)
	late := 0
	took := make(map[string]time.Duration) // of each, when nothing ends it
	for i := range *stops {
		kind := names[(i+int(r.Uint32N(2)))%len(names)]
		script := strings.ReplaceAll(stopScripts[kind], "NAME", fmt.Sprintf("stop%d", i))
		if took[kind] == 0 {
			took[kind] = whole(t, strings.ReplaceAll(stopScripts[kind], "NAME", "whole"))
		}
		after := time.Duration(r.Float64() * float64(took[kind]))
		way := []os.Signal{syscall.SIGINT, syscall.SIGTERM, nil}[r.IntN(3)]
		args := []string{"--error-format", "json", "-c", script}
		if way == nil {
			args = append([]string{"--timeout", fmt.Sprint(after + 100*time.Millisecond)}, args...)
		}
		command := start(t, args...)
		if line, _ := command.out.ReadString('\n'); line == "go\n" && way != nil {
			time.Sleep(after)
			_ = command.Process.Signal(way)
		}
		_, status := command.rest()
		where := fmt.Sprintf("stop %d (%s, %v after %v of %v)", i, kind, way, after, took[kind])
		if status != 0 && status != 130 && status != 143 && status != 124 {
			t.Errorf("%s: status %d:\n%s", where, status, command.stderr.Bytes())
		}
		allJSON(t, where, command.stderr.Bytes())
		if left := incus(t, "list", "^stop", "-f", "csv", "-c", "ns"); left != "stopbase,STOPPED\n" {
			// Where the machine is so slow that the 10 seconds don't suffice, clean-up says so, and what goes on.
			if stderr := command.stderr.String(); strings.Contains(stderr, "the time for clean-up is over") && strings.Contains(stderr, "still_running") {
				t.Logf("%s: too slow for the grace period:\n%s", where, left)
				late++
			} else {
				t.Errorf("%s left:\n%s%s", where, left, stderr)
			}
			for _, line := range strings.Split(left, "\n") {
				if name, _, _ := strings.Cut(line, ","); name != "" && name != "stopbase" {
					_ = exec.Command("incus", "delete", "-f", name).Run()
				}
			}
		}
	}
	t.Logf("%d scripts ended, %d of them too slow", *stops, late)
	time.Sleep(2 * time.Second)
	if left := incus(t, "list", "^stop", "-f", "csv", "-c", "ns"); left != "stopbase,STOPPED\n" {
		t.Errorf("this came later:\n%s", left)
	}
}

// whole runs a script to its end, and returns the time from "go" on without its clean-up, roughly.
func whole(t *testing.T, script string) time.Duration {
	t.Helper()
	command := start(t, "-c", script)
	command.line(t, "go")
	begun := time.Now()
	if _, status := command.rest(); status != 0 {
		t.Fatalf("it fails by itself: %s", command.stderr.Bytes())
	}
	return time.Since(begun)
}

// incus runs the incus command, which must succeed, and returns its output.
func incus(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.Command("incus", args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("incus %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}
