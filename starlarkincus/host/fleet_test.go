package host

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// namedServers returns a server for each name, whose client is the name.
func namedServers(_ context.Context, names []starlark.Value) (all []builtin.Server, err error) {
	for _, name := range names {
		text, ok := starlark.AsString(name)
		if !ok {
			return nil, fmt.Errorf("servers has %s, want a string", name.Type())
		}
		all = append(all, builtin.Server{Name: text, Client: name})
	}
	return all, nil
}

// An interrupt during a rollout says which servers are done.
func TestInterruptedRollout(t *testing.T) {
	script := `
def step(name):
    if name == "c":
        finally_(lambda: [started(), sleep(1000)], lambda: print("cleaned"))
fleet(["a", "b", "c", "d"]).rollout(step, waves = [2, 1, 1])
`
	var out strings.Builder
	err, h, _ := stopped(t, Options{Stdout: &out, Stderr: &out, Servers: namedServers}, script, ErrInterrupted)
	if ExitStatus(err) != 130 || !strings.Contains(reported(h, err), "task 1 of 1: c") {
		t.Errorf("got %v: %s", err, reported(h, err))
	}
	if want := "cleaned\na rollout, before the script was stopped:\nError: the rollout ended in wave 2 of 3 (done: a, b; not finished: c; not begun: d)\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

// A mistake in a rollout's function is told with the state of the rollout if it ends the script, and not if it is caught.
func TestMistakeInARollout(t *testing.T) {
	script := `
def step(name):
    if name == "b":
        fail("wrong")
    if name == "c":
        sleep(1000)
roll = lambda: fleet(["a", "b", "c"]).rollout(step, waves = [1, "rest"])
print(catch(Error, roll).error.not_finished)
roll()
`
	var out strings.Builder
	h := New(Options{Stdout: &out, Stderr: &out, Servers: namedServers})
	err := h.RunSource(t.Context(), "x.star", []byte(script))
	if got := out.String(); got != "[\"b\", \"c\"]\n" && got != "[\"b\"]\n" {
		t.Errorf("printed %q", got)
	}
	if got := reported(h, err); !strings.Contains(got, "ScriptError: wrong\nthe rollout ended in wave 2 of 2 (done: a; not finished: b") {
		t.Errorf("got %s", got)
	}
}

// The clean-up of a call whose time is over has a limit too.
func TestCleanupAfterTheTimeOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		h := New(Options{Stdout: &out, Stderr: &out, Servers: namedServers, Grace: 50 * time.Millisecond})
		script := `
r = fleet("a", timeout = 0.02).map(lambda c: finally_(lambda: sleep(1000), lambda: sleep(1000)))[0]
print(r.error.class_, r.remote)
r = fleet("a", timeout = 0.02).map(lambda c: finally_(lambda: 1, lambda: sleep(1000)))[0]
print(r.error.class_, r.remote)
`
		if err := h.RunSource(t.Context(), "x.star", []byte(script)); err != nil {
			t.Error(err)
		}
		if got := out.String(); strings.Count(got, "IncusTimeoutError a\n") != 2 || strings.Count(got, "    in task 1 of 1: a\n") != 1 || strings.Count(got, "the time for clean-up is over: 50ms") != 1 {
			t.Errorf("printed %q", got)
		}
	})
}
