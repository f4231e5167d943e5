package rest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
)

var (
	cuts     = flag.Int("cuts", 12, "the number of connections that TestRealEventsCut cuts")
	restarts = flag.Int("restarts", 2, "the number of restarts of TestRealEventsRestart")
	cutSeed  = flag.Uint64("cutseed", 0, "the seed of TestRealEventsCut; 0 for a random one")
)

// A witness collects events from a stream.
type witness struct {
	mu     sync.Mutex
	events map[string]int // by their JSON
	gaps   []Gap
	err    error
}

func (w *witness) collect(ctx context.Context, next func(context.Context) (*Event, error)) {
	for {
		event, err := next(ctx)
		w.mu.Lock()
		switch {
		case err != nil:
			w.err = err
		case event.Gap != nil:
			w.gaps = append(w.gaps, *event.Gap)
		default:
			w.events[string(event.Raw)]++
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// has reports whether an event about a profile of that name has come.
func (w *witness) has(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for raw := range w.events {
		if strings.Contains(raw, `"/1.0/profiles/`+name+`"`) {
			return true
		}
	}
	return false
}

// covered reports whether a time, or the time until another, has a part in a gap.
func (w *witness) covered(from, to time.Time) bool {
	for _, gap := range w.gaps {
		if !to.Before(gap.Since) && !from.After(gap.Until) {
			return true
		}
	}
	return false
}

// A span is the time of a request.
type span struct{ from, to time.Time }

// missing returns the number of created profiles without an event. Each of them must be in a gap.
func (w *witness) missing(t *testing.T, made map[string]span) int {
	n := 0
	for name, at := range made {
		if !w.has(name) {
			n++
			if !w.covered(at.from, at.to) {
				t.Errorf("missing, without a gap: %s, created from %v to %v", name, at.from, at.to)
			}
		}
	}
	return n
}

// profiles creates and deletes profiles until the context ends, and calls told with each name and the time of its creation.
func profiles(ctx context.Context, c *Client, told func(name string, from, to time.Time)) {
	for n := 0; ctx.Err() == nil; n++ {
		name := unique("e")
		from := time.Now()
		_, err := c.Do(ctx, Request{Method: "POST", Path: "/1.0/profiles", Body: map[string]any{"name": name}})
		if err == nil {
			told(name, from, time.Now())
		}
		for err == nil || !errors.Is(err, errors.NotFound) && ctx.Err() == nil {
			_, err = c.Do(context.Background(), Request{Method: "DELETE", Path: "/1.0/profiles/" + name})
			if err != nil && isConnection(err) {
				time.Sleep(20 * time.Millisecond)
			} else {
				break
			}
		}
	}
}

// TestRealEventsCut cuts the connection of a stream at random times. Each cut must be in a gap, and each event that an
// independent listener got must be in the stream, or in a gap.
func TestRealEventsCut(t *testing.T) {
	direct := realClient(t, nil)
	seed := *cutSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-cutseed %d -cuts %d", seed, *cuts)
	random := rand.New(rand.NewPCG(seed, 1))
	proxy := newCutter(t, direct.config.Socket)
	cutClient := realClient(t, func(c *Config) { c.Socket = proxy.socket })
	query := map[string][]string{"type": {"lifecycle"}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	listener, err := direct.dialEvents(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.close()
	reference, got := &witness{events: make(map[string]int)}, &witness{events: make(map[string]int)}
	stream, err := cutClient.Events(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	var running, making sync.WaitGroup
	running.Go(func() {
		reference.collect(ctx, func(ctx context.Context) (*Event, error) {
			raw, err := listener.read(ctx)
			return &Event{Raw: raw}, err
		})
	})
	running.Go(func() { got.collect(ctx, stream.Next) })
	if err := listener.confirm(ctx); err != nil {
		t.Fatal(err)
	}
	makes, stop := context.WithCancel(ctx)
	for range 3 {
		making.Go(func() { profiles(makes, direct, func(string, time.Time, time.Time) {}) })
	}
	var cut []time.Time
	for len(cut) < *cuts {
		time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
		if proxy.cut() > 0 {
			cut = append(cut, time.Now())
		}
	}
	stop()
	making.Wait()
	last := unique("last")
	for deadline := time.Now().Add(20 * time.Second); !got.has(last); last = unique("last") {
		do(t, direct, "POST", "/1.0/profiles", map[string]any{"name": last})
		do(t, direct, "DELETE", "/1.0/profiles/"+last, nil)
		time.Sleep(100 * time.Millisecond)
		if got.has(last) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the stream doesn't go on")
		}
	}
	cancel()
	running.Wait()
	stream.Close()
	<-stream.Ended()
	missing := 0
	for raw := range reference.events {
		if got.events[raw] > 0 {
			continue
		}
		var event struct{ Timestamp time.Time }
		if err := json.Unmarshal([]byte(raw), &event); err != nil {
			t.Fatal(err)
		}
		missing++
		if !got.covered(event.Timestamp, event.Timestamp) && !strings.Contains(raw, last) {
			t.Errorf("missing, without a gap: %s", raw)
		}
	}
	for raw, n := range got.events {
		if n > 1 {
			t.Errorf("%d times: %s", n, raw)
		}
	}
	for _, at := range cut {
		if !got.covered(at, at) {
			t.Errorf("no gap has the cut at %v", at)
		}
	}
	t.Logf("%d events, %d missing, in %d gaps of %d cuts", len(reference.events), missing, len(got.gaps), len(cut))
	if len(reference.events) < 10**cuts || len(got.gaps) == 0 {
		t.Errorf("only %d events in %d gaps", len(reference.events), len(got.gaps))
	}
}

// daemon is the testbed's daemon, which restart ends and starts again.
type daemon struct {
	pid     int
	started *exec.Cmd
}

// restart ends the daemon with a signal and starts it again in the same namespaces.
func (d *daemon) restart(t *testing.T, end syscall.Signal) {
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
}

// TestRealEventsRestart restarts the daemon below a stream. Each profile that was created must be in the stream or in a gap.
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
	got := &witness{events: make(map[string]int)}
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
	for i := range *restarts {
		time.Sleep(time.Second)
		d.restart(t, []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[i%2])
		for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			if _, err := c.Do(t.Context(), Request{Path: "/1.0"}); err == nil {
				break
			}
			if time.Since(begun) > time.Minute {
				t.Fatal("the daemon doesn't start")
			}
		}
		time.Sleep(3 * time.Second)
	}
	stop()
	making.Wait()
	time.Sleep(time.Second)
	cancel()
	running.Wait()
	stream.Close()
	<-stream.Ended()
	missing := got.missing(t, made)
	t.Logf("%d profiles, %d missing, in %d gaps of %d restarts: %v", len(made), missing, len(got.gaps), *restarts, got.gaps)
	if len(got.gaps) < *restarts || len(made) < 10**restarts {
		t.Errorf("only %d gaps and %d profiles", len(got.gaps), len(made))
	}
}

// TestRealEventsSlow leaves a stream alone while more events come than it keeps. Then the server has to disconnect it, and
// the memory must stay flat.
func TestRealEventsSlow(t *testing.T) {
	c := realClient(t, nil)
	stream, err := c.Events(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
	defer cancel()
	var making sync.WaitGroup
	var mu sync.Mutex
	made := make(map[string]span)
	for range 4 {
		making.Go(func() {
			profiles(ctx, c, func(name string, from, to time.Time) {
				mu.Lock()
				defer mu.Unlock()
				made[name] = span{from, to}
			})
		})
	}
	making.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	stream.mu.Lock()
	queued, bytes := len(stream.queue), stream.bytes
	stream.mu.Unlock()
	t.Logf("%d events queued, %d bytes; the heap grew by %d KiB", queued, bytes, (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>10)
	if queued > maxQueued || int64(after.HeapAlloc)-int64(before.HeapAlloc) > maxQueuedBytes*2 {
		t.Error("too much is kept")
	}
	got := &witness{events: make(map[string]int)}
	take, enough := context.WithTimeout(t.Context(), 3*time.Second)
	defer enough()
	got.collect(take, stream.Next)
	stream.Close()
	<-stream.Ended()
	missing := got.missing(t, made)
	t.Logf("%d events, %d gaps, %d of %d profiles missing", len(got.events), len(got.gaps), missing, len(made))
	if missing == 0 {
		t.Log("the server has kept all events")
	}
}
