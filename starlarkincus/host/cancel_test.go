package host

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// started is a builtin that signals the test from a script.
func started() (starlark.Value, <-chan struct{}) {
	ch := make(chan struct{})
	var once sync.Once
	return starlark.NewBuiltin("started", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		once.Do(func() { close(ch) })
		return starlark.None, nil
	}), ch
}

// stopped runs a script, cancels it once it has called started(), and says how long it took to end after that. Its clock
// moves only while everything waits, so that no load of the machine takes from the time for clean-up. The script can't use
// files or processes.
//
//lint:ignore ST1008 the error is the main result
func stopped(t *testing.T, options Options, script string, cause error) (err error, h *Host, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { err, h, took = stoppedInRealTime(t, options, script, cause) })
	return err, h, took
}

// stoppedInRealTime is stopped by the machine's clock, for any script.
//
//lint:ignore ST1008 the error is the main result
func stoppedInRealTime(t *testing.T, options Options, script string, cause error) (error, *Host, time.Duration) {
	t.Helper()
	builtin, ready := started()
	options.Predeclared = starlark.StringDict{"fake": fakeModule(), "started": builtin}
	h := New(options)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	result := make(chan error, 1)
	go func() { result <- h.RunSource(ctx, "x.star", []byte(script)) }()
	select {
	case <-ready:
	case err := <-result:
		t.Fatalf("ended before it started: %v", err)
	}
	begun := time.Now()
	cancel(cause)
	select {
	case err := <-result:
		return err, h, time.Since(begun)
	case <-time.After(time.Minute):
		t.Fatal("still running")
		return nil, nil, 0
	}
}

var waits = map[string]string{
	"sleep":         "def body():\n    started()\n    sleep(1000)\n",
	"a busy loop":   "def body():\n    started()\n    while True:\n        pass\n",
	"a waiting one": "def body():\n    started()\n    fake.wait()\n",
	"held":          "def body():\n    started()\n    while True:\n        try_(fake.wait)\n        catch(Error, sleep, 1000)\n",
	"a builtin":     "def body():\n    started()\n    fake.call(sleep, 1000)\n",
}

func TestInterrupt(t *testing.T) {
	for name, body := range waits {
		for _, test := range []struct {
			cause, want error
			status      int
		}{
			{ErrInterrupted, ErrInterrupted, 130},
			{nil, ErrInterrupted, 130},
			{ErrTimeout, ErrTimeout, 124},
			{fmt.Errorf("after 5s: %w", ErrTimeout), ErrTimeout, 124},
			{context.DeadlineExceeded, ErrTimeout, 124},
			{signalled{}, signalled{}, 143},
		} {
			t.Run(fmt.Sprintf("%s/%v", name, test.cause), func(t *testing.T) {
				var out strings.Builder
				script := body + "finally_(lambda: finally_(body, lambda: print('inner')), lambda: sleep(0.001) or print('outer'))\nprint('on')\n"
				err, h, took := stopped(t, Options{Stdout: &out, Stderr: &out}, script, test.cause)
				if !errors.Is(err, test.want) || ExitStatus(err) != test.status {
					t.Errorf("got %v, status %d", err, ExitStatus(err))
				}
				if took > time.Second {
					t.Errorf("took %v", took)
				}
				if out.String() != "inner\nouter\n" {
					t.Errorf("clean-up printed %q", out.String())
				}
				// The host isn't stopped, only the run.
				if err := h.RunSource(context.Background(), "y.star", []byte("sleep(0)")); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

type signalled struct{}

func (signalled) Error() string   { return "terminated" }
func (signalled) ExitStatus() int { return 143 }

func TestInterruptReport(t *testing.T) {
	err, h, _ := stopped(t, Options{}, "def f():\n    started()\n    sleep(9)\nf()\n", ErrInterrupted)
	var b strings.Builder
	h.Report(&b, err)
	// It may come before the sleep begins.
	got := strings.Replace(b.String(), "line 2", "line 3", 1)
	if want := "interrupted at x.star, line 3, in f\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err, h, _ = stopped(t, Options{}, "def f():\n    started()\n    sleep(9)\nf()\n", fmt.Errorf("%w after 5s", ErrTimeout))
	b.Reset()
	h.Report(&b, err)
	if s := b.String(); !strings.HasSuffix(s, "    sleep(9)\n         ^\n    in sleep\ntimed out after 5s\n") && !strings.Contains(s, "line 2") {
		t.Errorf("got %q", b.String())
	}
}

// A run under a context that has ended does nothing.
func TestInterruptedBefore(t *testing.T) {
	var out strings.Builder
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := newHost(&out).RunSource(ctx, "x.star", []byte("print(1)"))
	if ExitStatus(err) != 130 || out.String() != "" {
		t.Errorf("got %v, %q", err, out.String())
	}
}

// Clean-up that began before the interrupt goes on for the grace period, too, and ends with it.
func TestGrace(t *testing.T) {
	var out strings.Builder
	script := "def cleanup():\n    started()\n    sleep(0.05)\n    print('done')\nfinally_(len, cleanup)\nprint('on')\n"
	script = strings.Replace(script, "finally_(len,", "finally_(lambda: 1,", 1)
	err, _, _ := stopped(t, Options{Stdout: &out, Stderr: &out}, script, ErrInterrupted)
	if ExitStatus(err) != 130 || out.String() != "done\n" {
		t.Errorf("got %v, %q", err, out.String())
	}

	out.Reset()
	script = "def body():\n    started()\n    sleep(100)\n" +
		"finally_(lambda: finally_(body, lambda: sleep(100)), lambda: print('tried'))\n"
	err, _, took := stopped(t, Options{Stdout: &out, Stderr: &out, Grace: 500 * time.Millisecond}, script, ErrInterrupted)
	if ExitStatus(err) != 130 || took > 2*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
	if s := out.String(); !strings.Contains(s, "its share of the time for clean-up is over: ") || !strings.HasSuffix(s, "ms\ntried\n") {
		t.Errorf("got %q", s)
	}
}

// TestUnfinishedCleanup: the report of a stopped run names each call of clean-up that was cut short or never made, and no
// other.
func TestUnfinishedCleanup(t *testing.T) {
	for _, json := range []bool{false, true} {
		t.Run(fmt.Sprint("json ", json), func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			script := "def slow(x):\n    sleep(100)\ndef body():\n    started()\n    sleep(100)\n" +
				"defer(sleep, 99)\ndefer(print, 'fine')\ndefer(slow, 1)\nparallel(lambda x: finally_(body, lambda: sleep(100)), [1])\n"
			options := Options{Stdout: &out, Stderr: &out, Grace: 3 * time.Second, JSON: json}
			err, _, _ := stopped(t, options, script, ErrInterrupted)
			out.Reset()
			New(options).Report(&out, err)
			want := []string{"lambda at x.star:9:35 was cut short, task 1 of 1: 1", "slow at x.star:1:1 was cut short", "sleep(99) was cut short"}
			for _, line := range want {
				if !strings.Contains(out.String(), line) {
					t.Errorf("no %q in\n%s", line, out.String())
				}
			}
			if n := strings.Count(out.String(), "was cut short") + strings.Count(out.String(), "was not called"); n != len(want) {
				t.Errorf("%d calls in\n%s", n, out.String())
			}
			if strings.Contains(out.String(), "unfinished_cleanup") != json {
				t.Error(out.String())
			}
		})
	}
}

// Try_ in clean-up holds errors as ever, although the run was interrupted.
func TestTryInCleanup(t *testing.T) {
	var out strings.Builder
	script := "def body():\n    started()\n    sleep(100)\nfinally_(body, lambda: print(try_(fake.get, 'missing').error.status))\n"
	_, _, _ = stopped(t, Options{Stdout: &out}, script, ErrInterrupted)
	if out.String() != "404\n" {
		t.Errorf("got %q", out.String())
	}
}

func TestSecondInterrupt(t *testing.T) {
	var out strings.Builder
	running, ready := started()
	cleaning, late := started()
	h := New(Options{Stderr: &out, Grace: time.Hour, Predeclared: starlark.StringDict{"running": running, "cleaning": cleaning}})
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		result <- h.RunSource(ctx, "x.star", []byte("def cleanup():\n    cleaning()\n    sleep(100)\nfinally_(lambda: running() or sleep(100), cleanup)"))
	}()
	<-ready
	h.EndCleanup() // nothing is interrupted yet
	cancel()
	<-late
	h.EndCleanup()
	if err := <-result; ExitStatus(err) != 130 || !strings.Contains(out.String(), "clean-up was ended by a second interrupt") {
		t.Errorf("got %v, %q", err, out.String())
	}
}

func TestExitCleansUp(t *testing.T) {
	var out strings.Builder
	h := New(Options{Stdout: &out, Grace: time.Millisecond})
	err := h.RunSource(context.Background(), "x.star", []byte("finally_(lambda: exit(3), lambda: sleep(0.05) or print('cleaned'))\nprint('on')"))
	if ExitStatus(err) != 3 || out.String() != "cleaned\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
	var exit *ExitError
	if err := h.RunSource(context.Background(), "x.star", []byte("exit()")); !errors.As(err, &exit) || exit.Status != 0 {
		t.Errorf("got %v", err)
	}
}

func TestMaxSteps(t *testing.T) {
	for _, script := range []string{
		"while True:\n    pass\n",
		"while True:\n    try_(len, [])\n",
		"while True:\n    finally_(lambda: 1, lambda: 2)\n", // each clean-up is a thread of its own
		"finally_(lambda: 1, lambda: [x for x in range(100000)])",
	} {
		var out strings.Builder
		h := New(Options{Stdout: &out, MaxSteps: 50_000})
		err := h.RunSource(context.Background(), "x.star", []byte("def main():\n    "+strings.ReplaceAll(script, "\n", "\n    ")+"\nfinally_(main, lambda: print('cleaned'))"))
		if !errors.Is(err, ErrSteps) || ExitStatus(err) != 124 || out.String() != "cleaned\n" {
			t.Errorf("%s: got %v, %q", script, err, out.String())
		}
	}
	h := New(Options{MaxSteps: 50_000})
	for range 3 { // each run has its own
		if err := h.RunSource(context.Background(), "x.star", []byte("x = [i for i in range(5000)]")); err != nil {
			t.Error(err)
		}
	}
}

// While one run waits, others may run, and never two at once.
func TestLock(t *testing.T) {
	var running, most int
	step := starlark.NewBuiltin("step", func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		running++ // the race detector sees it where the lock isn't held
		most = max(most, running)
		running--
		builtin.Of(thread).Block(func() { time.Sleep(time.Millisecond) })
		return starlark.None, nil
	})
	h := New(Options{Predeclared: starlark.StringDict{"step": step}})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := h.RunSource(context.Background(), "x.star", []byte("for i in range(20): step()")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if most != 1 {
		t.Errorf("%d at once", most)
	}
}

// A deadline of the builtin's own is an error like others.
func TestOwnDeadline(t *testing.T) {
	own := starlark.NewBuiltin("own", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return nil, &errors.Error{Class: errors.Timeout, Message: "no answer in 1s", Cause: context.DeadlineExceeded}
	})
	h := New(Options{Predeclared: starlark.StringDict{"own": own}})
	if err := h.RunSource(context.Background(), "x.star", []byte("if try_(own).ok: fail('not held')")); err != nil {
		t.Error(err)
	}
	if err := h.RunSource(context.Background(), "x.star", []byte("own()")); ExitStatus(err) != 4 {
		t.Errorf("got %v, status %d", err, ExitStatus(err))
	}
}

// The report of a clean-up that was cut by the end of its time has the class of a timeout, whatever stopped the script.
func TestClassOfCutCleanup(t *testing.T) {
	const begin = "def body():\n    started()\n    sleep(100)\ndef slow():\n    sleep(100)\n"
	for name, script := range map[string]string{
		"defer":            "defer(slow)\nbody()\n",
		"two deferred":     "defer(slow)\ndefer(slow)\nbody()\n",
		"finally_":         "finally_(body, slow)\n",
		"nested finally_":  "finally_(lambda: finally_(body, slow), slow)\n",
		"a task's":         "parallel(lambda _: finally_(body, slow), [1])\n",
		"a parallel in it": "defer(lambda: parallel(lambda _: slow(), [1, 2]))\nbody()\n",
		"a later one":      "defer(lambda: 1)\ndefer(slow)\nbody()\n",
	} {
		for cause, class := range map[error]string{ErrTimeout: "Timeout", ErrInterrupted: "Interrupt"} {
			var out strings.Builder
			err, h, _ := stopped(t, Options{Stdout: &out, Stderr: &out, JSON: true, Grace: 100 * time.Millisecond}, begin+script, cause)
			if r := readReport(t, h, err); r["class"] != class {
				t.Errorf("%s, %v: the script's class is %v", name, cause, r["class"])
			}
			cut := 0
			for line := range strings.Lines(out.String()) {
				var r map[string]any
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatalf("%s: %v in %s", name, err, line)
				}
				if cut++; r["class"] != "Timeout" || !strings.Contains(fmt.Sprint(r["message"]), "time for clean-up is over") {
					t.Errorf("%s, %v: %s", name, cause, line)
				}
			}
			if cut == 0 {
				t.Errorf("%s, %v: no report of a clean-up", name, cause)
			}
		}
	}
}
