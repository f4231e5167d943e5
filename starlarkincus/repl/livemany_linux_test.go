package repl

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	emulator "incus-star/starlarkincus/internal/screen"

	"go.starlark.net/starlark"
)

const (
	manySetup = `
many = parallel(lambda n: incus.instances.create("job-%d" % n, source = {"type": "none"}), range(999))
[r.value for r in many]
`
	manyEnd = `parallel(lambda i: i.delete(), [i for i in incus.instances.list() if i.name.startswith("job-")])`
)

// TestRealManyNames measures completion beside 1,000 instances of a real server, each place in a new prompt: how long after
// the first Tab the text is on the screen, and, in the middle of five, after Tab for the same text again. It is run by hand:
//
//	INCUS_STAR_TESTBED_MANY=1 scripts/testbed.sh --incus 7.0 go test -v -run TestRealManyNames ./starlarkincus/repl
func TestRealManyNames(t *testing.T) {
	if os.Getenv("INCUS_STAR_TESTBED_MANY") == "" || os.Getenv("INCUS_STAR_TESTBED") == "" {
		t.Skip("needs a real Incus with a minute for 1,000 instances, and is run by hand: its comment has the command")
	}
	prepareFiles(t)
	client := starlarkincus.New(starlarkincus.Options{})
	defer client.Close()
	run := func(code string) {
		t.Helper()
		if _, err := host.New(host.Options{Predeclared: starlark.StringDict{"incus": client}}).NewSession().Eval(t.Context(), code); err != nil {
			t.Fatal(err)
		}
	}
	defer run(realEnd)
	run(realSetup)
	began := time.Now()
	defer run(manyEnd)
	run(manySetup)
	t.Logf("1,000 instances are there after %v", time.Since(began).Round(time.Second))
	var firsts, seconds []time.Duration
	for _, p := range places {
		if p.fake {
			continue
		}
		s := openPrompt(t, 200, 8, "INCUS_SOCKET=")
		s.Wait(" run\n")
		s.Type(pasteStart + strings.ReplaceAll(strings.TrimSpace(liveSetup), "\n", "\r") + pasteEnd + "\r\r")
		s.Ready(">>>")
		first := tabTime(s, p.text, p.want)
		var again []time.Duration
		for range 5 {
			again = append(again, tabTime(s, p.text, p.want))
		}
		slices.Sort(again)
		second := again[2]
		firsts, seconds = append(firsts, first), append(seconds, second)
		t.Logf("%8v %8v  %s", first.Round(100*time.Microsecond), second.Round(100*time.Microsecond), strings.ReplaceAll(p.text, "\n", "↵"))
		s.Type("\x04")
		s.Status()
	}
	for name, times := range map[string][]time.Duration{"first": firsts, "second": seconds} {
		late := map[string]time.Duration{"first": 200 * time.Millisecond, "second": 30 * time.Millisecond}[name]
		slices.Sort(times)
		ok := len(times)
		for ok > 0 && times[ok-1] > late {
			ok--
		}
		t.Logf("%s Tab: %v in the middle, %v at most, %d of %d places in %v", name, times[len(times)/2], times[len(times)-1], ok, len(times), late)
		if ok < 30 {
			t.Errorf("%d places are answered in time, want 30", ok)
		}
	}
}

// tabTime types a text with ⇥ in it, returns the time from Tab to the text that is wanted, and drops the line. It types
// Tab again, if the first one was answered without it.
func tabTime(s *emulator.Screen, text, want string) time.Duration {
	head, tail, _ := strings.Cut(text, "⇥")
	lines := strings.Split(head, "\n")
	for _, line := range lines[:len(lines)-1] {
		s.Type(strings.TrimSpace(line) + "\r")
		ends(s, "\n...")
	}
	last := strings.TrimSpace(lines[len(lines)-1])
	s.Type(last + tail)
	s.Wait(last + tail)
	s.Type(strings.Repeat("\x02", len(tail))) // Ctrl-B
	want = strings.TrimSpace(want[strings.LastIndexByte(want, '\n')+1:])
	time.Sleep(50 * time.Millisecond)
	began := time.Now()
	end := make(chan struct{})
	again := make(chan struct{})
	go func() {
		defer close(again)
		for range 20 {
			select {
			case <-end:
				return
			case <-time.After(500 * time.Millisecond):
				s.Type("\t")
			}
		}
	}()
	s.Type("\t")
	s.Wait(want)
	took := time.Since(began)
	close(end)
	<-again
	s.Type("\x03")
	s.Ready(">>>")
	s.Clear(">>>")
	return took
}
