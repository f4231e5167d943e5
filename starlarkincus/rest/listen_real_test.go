package rest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"
)

var (
	cuts    = flag.Int("cuts", 12, "the number of connections that TestRealEventsCut cuts")
	cutSeed = flag.Uint64("cutseed", 0, "the seed of TestRealEventsCut; 0 for a random one")
)

// A witness collects events from a stream.
type witness struct {
	mu       sync.Mutex
	events   map[string]int  // by their JSON
	profiles map[string]bool // names of the profiles that events are about
	gaps     []Gap
	err      error
}

func newWitness() *witness {
	return &witness{events: make(map[string]int), profiles: make(map[string]bool)}
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
			if name := profileOf(event.Raw); name != "" {
				w.profiles[name] = true
			}
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// profileOf returns the name of the profile that a lifecycle event is about, or "".
func profileOf(raw json.RawMessage) string {
	var event struct {
		Type     string
		Metadata struct{ Source string }
	}
	if json.Unmarshal(raw, &event) != nil || event.Type != "lifecycle" {
		return ""
	}
	name, _ := strings.CutPrefix(event.Metadata.Source, "/1.0/profiles/")
	return name
}

// has reports whether an event about a profile of that name has come.
func (w *witness) has(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.profiles[name]
}

// covered reports whether a time, or the time until another, has a part in a gap.
func (w *witness) covered(from, to time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.gaps, func(gap Gap) bool { return !to.Before(gap.Since) && !from.After(gap.Until) })
}

// A span is the time of a request.
type span struct{ from, to time.Time }

// counts returns how often an event has come.
func (w *witness) counts(raw string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[raw]
}

// times returns the events with their times.
func (w *witness) times(t *testing.T) map[string]time.Time {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	times := make(map[string]time.Time)
	for raw := range w.events {
		var event struct{ Timestamp time.Time }
		if err := json.Unmarshal([]byte(raw), &event); err != nil {
			t.Fatal(err)
		}
		times[raw] = event.Timestamp
	}
	return times
}

// missing returns the created profiles without an event, and those of them that aren't in a gap.
func (w *witness) missing(made map[string]span) (missing, lost []string) {
	for name, at := range made {
		if !w.has(name) {
			missing = append(missing, name)
			if !w.covered(at.from, at.to) {
				lost = append(lost, fmt.Sprintf("%s, created from %v to %v", name, at.from, at.to))
			}
		}
	}
	return missing, lost
}

// awaitNone waits until a list is empty, for a while.
func awaitNone(list func() []string) {
	for began := time.Now(); len(list()) > 0 && time.Since(began) < 20*time.Second; {
		time.Sleep(200 * time.Millisecond)
	}
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

// awaitStream creates profiles until a stream has one of them, and returns its name. Before the event of this profile, the
// stream had all events and gaps of some time ago.
func awaitStream(t *testing.T, c *Client, got *witness) string {
	t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; {
		name := unique("last")
		do(t, c, "POST", "/1.0/profiles", map[string]any{"name": name})
		do(t, c, "DELETE", "/1.0/profiles/"+name, nil)
		time.Sleep(100 * time.Millisecond)
		if got.has(name) {
			return name
		}
	}
	t.Fatal("the stream doesn't go on")
	return ""
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

	listener, err := direct.dialEvents(ctx, query, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.close()
	reference, got := newWitness(), newWitness()
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
	var cut []span
	for len(cut) < *cuts {
		time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
		from := time.Now()
		if proxy.cut() > 0 {
			cut = append(cut, span{from, time.Now()})
		}
	}
	stop()
	making.Wait()
	awaitStream(t, direct, got)
	var missing, lost []string
	awaitNone(func() []string {
		missing, lost = nil, nil
		for raw, at := range reference.times(t) {
			if got.counts(raw) > 0 {
				continue
			}
			missing = append(missing, raw)
			if !got.covered(at, at) {
				lost = append(lost, raw)
			}
		}
		return lost
	})
	cancel()
	running.Wait()
	stream.Close()
	<-stream.Ended()
	for _, raw := range lost {
		t.Errorf("missing, without a gap: %s", raw)
	}
	for raw, n := range got.events {
		if n > 1 {
			t.Errorf("%d times: %s", n, raw)
		}
	}
	for _, at := range cut {
		if !got.covered(at.from, at.to) {
			t.Errorf("no gap has the cut at %v", at.from)
		}
	}
	t.Logf("%d events, %d missing, in %d gaps of %d cuts", len(reference.events), len(missing), len(got.gaps), len(cut))
	if len(reference.events) < *cuts || len(got.gaps) == 0 {
		t.Errorf("only %d events in %d gaps", len(reference.events), len(got.gaps))
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
	got := newWitness()
	take, enough := context.WithCancel(t.Context())
	defer enough()
	var taking sync.WaitGroup
	taking.Go(func() { got.collect(take, stream.Next) })
	awaitStream(t, c, got)
	enough()
	taking.Wait()
	stream.Close()
	<-stream.Ended()
	missing, lost := got.missing(made)
	for _, profile := range lost {
		t.Errorf("missing, without a gap: %s", profile)
	}
	t.Logf("%d events, %d gaps, %d of %d profiles missing", len(got.events), len(got.gaps), len(missing), len(made))
	if len(missing) == 0 {
		t.Log("the server has kept all events")
	}
}
