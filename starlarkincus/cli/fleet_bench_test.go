package cli_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var fleetInstances = flag.Int("fleet-instances", 200, "how many instances each server of BenchmarkRealServersList has")

// BenchmarkRealServersList lists the instances of all servers, with a fleet and with the incus command in a loop of the
// shell:
//
//	scripts/testbed.sh --incus 7.0 --servers 8 go test -run '^$' -bench RealServersList -benchtime 5x ./starlarkincus/cli
func BenchmarkRealServersList(b *testing.B) {
	dirs, endpoints := strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":"), strings.Split(os.Getenv("INCUS_STAR_TESTBED_ENDPOINTS"), ",")
	if os.Getenv("INCUS_STAR_TESTBED_SERVERS") == "" {
		b.Skip("needs several servers")
	}
	f := newFleetConfig(b)
	for i := range dirs {
		f.add(fmt.Sprintf("f-%d", i+1), endpoints[i], dirs[i])
	}
	command := func(name string, args ...string) time.Duration {
		b.Helper()
		c := exec.Command(name, args...)
		c.Env = append(os.Environ(), "INCUS_CONF="+f.folder)
		begun := time.Now()
		out, err := c.CombinedOutput()
		took := time.Since(begun)
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		if want, got := len(dirs)**fleetInstances, strings.Count(string(out), "bench-"); strings.Contains(strings.Join(args, " "), "list") && got != want {
			b.Fatalf("%s lists %d instances, want %d", name, got, want)
		}
		return took
	}
	create := `
def fill(server):
    have = server.instances.names()
    for i in range(%d):
        if "bench-%%d" %% i not in have:
            server.instances.create("bench-%%d" %% i, source = {"type": "none"})
_ = [r.value for r in fleet("f-*").map(fill)]
`
	command("incus-star", "-c", fmt.Sprintf(create, *fleetInstances))
	script := `table([i for r in fleet("f-*").map(lambda server: server.instances.list(state = %s)) for i in r.value], columns = ["remote", "name", "status", "type"])`
	loop := `for i in $(seq ` + fmt.Sprint(len(dirs)) + `); do incus list f-$i: %s </dev/null; done`
	var ours, ourState, shell, shellFast time.Duration
	for b.Loop() {
		ours += command("incus-star", "-c", fmt.Sprintf(script, "False"))
		ourState += command("incus-star", "-c", fmt.Sprintf(script, "True"))
		shell += command("sh", "-c", fmt.Sprintf(loop, ""))
		shellFast += command("sh", "-c", fmt.Sprintf(loop, "--fast"))
	}
	b.ReportMetric(ours.Seconds()*1000/float64(b.N), "ms/fleet")
	b.ReportMetric(ourState.Seconds()*1000/float64(b.N), "ms/fleet-with-state")
	b.ReportMetric(shell.Seconds()*1000/float64(b.N), "ms/shell")
	b.ReportMetric(shellFast.Seconds()*1000/float64(b.N), "ms/shell-fast")
	b.ReportMetric(shell.Seconds()/ours.Seconds(), "times")
	b.ReportMetric(shell.Seconds()/ourState.Seconds(), "times-with-state")
	b.ReportMetric(shellFast.Seconds()/ours.Seconds(), "times-of-fast")
}
