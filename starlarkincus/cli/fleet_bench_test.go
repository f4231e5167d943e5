package cli_test

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	fleetInstances = flag.Int("fleet-instances", 200, "how many instances each server of BenchmarkRealServersList has")
	fleetDistance  = flag.Duration("fleet-distance", 0, "how long the way to each server of BenchmarkRealServersList takes, and as long the way back")
)

// distant returns a function that connects a client to a server, to which each way takes a time.
func distant(server string, way time.Duration) func(net.Conn) {
	type part struct {
		due  time.Time
		data []byte
	}
	send := func(from, to net.Conn) {
		parts := make(chan part, 1024)
		go func() {
			defer close(parts)
			for {
				data := make([]byte, 64<<10)
				n, err := from.Read(data)
				if err != nil {
					return
				}
				parts <- part{time.Now().Add(way), data[:n]}
			}
		}()
		for p := range parts {
			time.Sleep(time.Until(p.due))
			_, _ = to.Write(p.data)
		}
		from.Close()
		to.Close()
	}
	return func(client net.Conn) {
		time.Sleep(2 * way) // the network's own greeting
		conn, err := net.Dial("tcp", strings.TrimPrefix(server, "https://"))
		if err != nil {
			client.Close()
			return
		}
		go send(client, conn)
		send(conn, client)
	}
}

// BenchmarkRealServersList lists the instances of all servers, with a fleet and with the incus command in a loop of the
// shell, and reports the medians:
//
//	scripts/testbed.sh --incus 7.0 --servers 8 go test -run '^$' -bench RealServersList -benchtime 5x ./starlarkincus/cli -fleet-distance 10ms
//
// Without a distance all share the processors with the servers, whose own work is most of the time.
func BenchmarkRealServersList(b *testing.B) {
	dirs, endpoints := strings.Split(os.Getenv("INCUS_STAR_TESTBED_DIRS"), ":"), strings.Split(os.Getenv("INCUS_STAR_TESTBED_ENDPOINTS"), ",")
	if os.Getenv("INCUS_STAR_TESTBED_SERVERS") == "" {
		b.Skip("needs several servers")
	}
	f := newFleetConfig(b)
	for i := range dirs {
		if *fleetDistance > 0 {
			endpoints[i] = listen(b, distant(endpoints[i], *fleetDistance))
		}
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
	took := make(map[string][]time.Duration)
	for b.Loop() {
		for name, c := range map[string][]string{
			"fleet":            {"incus-star", "-c", fmt.Sprintf(script, "False")},
			"fleet-with-state": {"incus-star", "-c", fmt.Sprintf(script, "True")},
			"shell":            {"sh", "-c", fmt.Sprintf(loop, "")},
			"shell-fast":       {"sh", "-c", fmt.Sprintf(loop, "--fast")},
		} {
			took[name] = append(took[name], command(c[0], c[1:]...))
		}
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return took[name][len(took[name])/2].Seconds()
	}
	for name := range took {
		b.ReportMetric(median(name)*1000, "ms/"+name)
	}
	b.ReportMetric(median("shell")/median("fleet"), "times")
	b.ReportMetric(median("shell")/median("fleet-with-state"), "times-with-state")
	b.ReportMetric(median("shell-fast")/median("fleet"), "times-of-fast")
}
