package rest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var restarts = flag.Int("restarts", 2, "the number of restarts of TestRealEventsRestart")

// daemon is the testbed's daemon, which restart ends and starts again.
type daemon struct {
	pid     int
	started *exec.Cmd
}

// restart ends the daemon with a signal and starts it again in the same namespaces. It returns a time at which it didn't run.
func (d *daemon) restart(t *testing.T, end syscall.Signal) time.Time {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", d.pid)
	read := func(name string) []string {
		data, err := os.ReadFile(proc + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
	}
	args, environment := read("cmdline"), read("environ")
	namespace, err := os.Open(proc + "ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	defer namespace.Close()
	if err := syscall.Kill(d.pid, end); err != nil {
		t.Fatal(err)
	}
	if d.started != nil {
		d.started.Wait()
	}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		data, err := os.ReadFile(proc + "stat")
		if _, state, _ := strings.Cut(string(data), ") "); err != nil || strings.HasPrefix(state, "Z") {
			break
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatal("the daemon doesn't end")
		}
	}
	gone := time.Now()
	d.started = exec.Command("nsenter", append([]string{"--mount=/proc/self/fd/3", "--wd=/", "--"}, args...)...)
	d.started.ExtraFiles = []*os.File{namespace}
	d.started.Env = environment
	log, err := os.OpenFile(os.Getenv("INCUS_STAR_TESTBED_LOG"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.started.Stdout, d.started.Stderr = log, log
	if err := d.started.Start(); err != nil {
		t.Fatal(err)
	}
	d.pid = d.started.Process.Pid
	return gone
}

// TestRealEventsRestart restarts the daemon below a stream. Each restart must be in a gap, and each profile that was created
// must be in the stream or in a gap. After most restarts it waits until the stream goes on; other gaps may become one.
func TestRealEventsRestart(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_KILL") == "" {
		t.Skip("needs a real Incus that it may kill: run scripts/test.sh")
	}
	c := realClient(t, nil)
	pid, err := strconv.Atoi(os.Getenv("INCUS_STAR_TESTBED_PID"))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := c.Events(t.Context(), map[string][]string{"type": {"lifecycle"}})
	if err != nil {
		t.Fatal(err)
	}
	got := newWitness()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running, making sync.WaitGroup
	running.Go(func() { got.collect(ctx, stream.Next) })
	made := make(map[string]span)
	makes, stop := context.WithCancel(ctx)
	making.Go(func() { profiles(makes, c, func(name string, from, to time.Time) { made[name] = span{from, to} }) })
	d := &daemon{pid: pid}
	defer func() {
		if d.started != nil {
			d.started.Process.Kill()
			d.started.Wait()
		}
	}()
	var gone []time.Time
	for i := range *restarts {
		time.Sleep(time.Duration(rand.IntN(4000)) * time.Millisecond)
		gone = append(gone, d.restart(t, []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[i%2]))
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			if _, err := c.Do(t.Context(), Request{Path: "/1.0"}); err == nil {
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatal("the daemon doesn't start")
			}
		}
		if i%4 != 2 {
			awaitStream(t, c, got)
		}
	}
	stop()
	making.Wait()
	awaitStream(t, c, got)
	makes, stop = context.WithCancel(ctx)
	profiles(makes, c, func(name string, from, to time.Time) {
		made[name] = span{from, to}
		stop()
	})
	var missing, lost []string
	awaitNone(func() []string { missing, lost = got.missing(made); return lost })
	cancel()
	running.Wait()
	stream.Close()
	<-stream.Ended()
	for _, profile := range lost {
		t.Errorf("missing, without a gap: %s", profile)
	}
	for _, at := range gone {
		if !got.covered(at, at) {
			t.Errorf("no gap has the restart at %v", at)
		}
	}
	outside := 0
	for _, at := range made {
		if !got.covered(at.from, at.to) {
			outside++
		}
	}
	t.Logf("%d profiles, %d outside of gaps, %d missing, in %d gaps of %d restarts: %v", len(made), outside, len(missing), len(got.gaps), *restarts, got.gaps)
	if outside == 0 {
		t.Error("no profile was created outside of gaps")
	}
}
