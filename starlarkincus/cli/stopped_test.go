package cli_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	stops     = flag.Int("stops", 7, "how many scripts TestRealStopsLeaveNothing ends")
	cuts      = flag.Int("cuts", 4, "how many scripts TestRealCuts runs over the socket, and a quarter of that over TLS")
	faultSeed = flag.Uint64("fault-seed", 0, "the seed of both; 0 takes another each time")
)

// random returns a source of random numbers, and logs the flag that reproduces it.
func random(t *testing.T) *rand.Rand {
	seed := *faultSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-fault-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// stopScripts are scripts to stop at a random moment after they print "go". NAME stands for an instance's name. The
// clean-up of each deletes all its instances.
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

// stopTimes are the approximate durations of stopScripts, as multiples of a launch.
var stopTimes = map[string]float64{"launch": 1, "deferred": 1, "start": 2, "copy": 1.5, "snapshot": 2, "exec": 1.5, "parallel": 2}

// TestRealStopsLeaveNothing checks that a script that is stopped at any moment leaves no instances if its clean-up
// deletes them. If the grace period is too short, or a second signal ends clean-up, its error must name the remaining
// ones.
func TestRealStopsLeaveNothing(t *testing.T) {
	needsIncus(t)
	r := random(t)
	incus(t, "init", "testbox", "stopbase")
	t.Cleanup(func() { incus(t, "delete", "-f", "stopbase") })
	names := sortedKeys(stopScripts)
	late, cut := 0, 0
	type ended struct {
		where, stderr string
		again         bool
	}
	var all []ended
	check := func() {
		for _, name := range stopped(t) {
			var n int
			if _, err := fmt.Sscanf(name, "stop%d", &n); err != nil || n >= len(all) {
				t.Fatalf("an instance of none of the scripts: %s", name)
			}
			switch e := all[n]; {
			case !named(e.stderr, name) && !(e.again && strings.Contains(e.stderr, "clean-up was ended by a second interrupt")):
				t.Errorf("%s left %s:\n%s", e.where, name, e.stderr)
			case e.again:
				cut++
			default:
				t.Logf("%s: too slow for the grace period: %s", e.where, name)
				late++
			}
			_ = exec.Command("incus", "delete", "-f", name).Run()
		}
	}
	first := names[r.IntN(len(names))]
	launch := float64(whole(t, strings.ReplaceAll(stopScripts[first], "NAME", "whole"))) / stopTimes[first]
	for i := range *stops {
		kind := names[(i+int(r.Uint32N(2)))%len(names)]
		script := strings.ReplaceAll(stopScripts[kind], "NAME", fmt.Sprintf("stop%d", i))
		took := time.Duration(launch * stopTimes[kind]) // without a stop
		after := time.Duration(r.Float64() * float64(took))
		way := []os.Signal{syscall.SIGINT, syscall.SIGTERM, nil}[r.IntN(3)]
		again := way != nil && r.IntN(8) == 0
		args := []string{"--error-format", "json", "-c", script}
		if way == nil {
			args = append([]string{"--timeout", fmt.Sprint(after + 100*time.Millisecond)}, args...)
		}
		command := start(t, args...)
		if line, _ := command.out.ReadString('\n'); line == "go\n" && way != nil {
			time.Sleep(after)
			_ = command.Process.Signal(way)
			if again {
				time.Sleep(time.Duration(r.Float64() * float64(took) / 4))
				_ = command.Process.Signal(way)
			}
		}
		_, status := command.rest()
		where := fmt.Sprintf("stop %d (%s, %v after %v of %v, again %t)", i, kind, way, after, took, again)
		stderr := command.stderr.String()
		late := status == -1 && way != nil && stderr == "" // the signal came after the end
		if !late && status != 0 && status != 130 && status != 143 && status != 124 {
			t.Errorf("%s: status %d:\n%s", where, status, stderr)
		}
		allJSON(t, where, command.stderr.Bytes())
		all = append(all, ended{where, stderr, again})
		check()
	}
	time.Sleep(time.Second) // a creation may still be running
	check()
	t.Logf("%d scripts ended, %d instances left by the end of the grace period, %d by a second signal", *stops, late, cut)
}

// stopped returns the existing instances of scripts.
func stopped(t *testing.T) (names []string) {
	for name := range strings.FieldsSeq(incus(t, "list", "^stop", "-f", "csv", "-c", "n")) {
		if name != "stopbase" {
			names = append(names, name)
		}
	}
	return names
}

// named reports whether the lines of standard error name an instance as left: by a running operation, or by a clean-up
// that was cut short.
func named(stderr, name string) bool {
	for line := range strings.Lines(stderr) {
		var e struct {
			Running []struct{ Description string } `json:"still_running"`
			Unknown []struct{ Description string } `json:"unknown_after_stop"`
		}
		_ = json.Unmarshal([]byte(line), &e)
		for _, work := range slices.Concat(e.Running, e.Unknown) {
			if strings.HasSuffix(work.Description, " "+name) {
				return true
			}
		}
		if strings.Contains(line, `\"`+name) && (strings.Contains(line, "time for clean-up is over") || strings.Contains(line, "clean-up was ended")) {
			return true
		}
	}
	return false
}

// whole runs a script to its end, and returns the approximate time from "go" to clean-up.
func whole(t *testing.T, script string) time.Duration {
	t.Helper()
	command := start(t, "-c", script)
	command.line(t, "go")
	begun := time.Now()
	if _, status := command.rest(); status != 0 {
		t.Fatalf("it ends by itself after %v with status %d:\n%s\n%s", time.Since(begun), status, script, command.stderr.Bytes())
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
