package host

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// An interrupt reaches all tasks, at every level, and their clean-up runs.
func TestInterruptedTasks(t *testing.T) {
	for name, body := range waits {
		for _, cause := range []error{ErrInterrupted, ErrTimeout} {
			t.Run(fmt.Sprintf("%s/%v", name, cause), func(t *testing.T) {
				var out strings.Builder
				script := body + `
waiting = []
def leaf(i):
    if i == 1:
        wait_until(lambda: len(waiting) == 2, interval = 0.001)
        body()
    else:
        waiting.append(i)
    finally_(lambda: sleep(1000), lambda: print("leaf"))

def branch(i):
    finally_(lambda: parallel(leaf, range(2)), lambda: print("branch"))

defer(print, "deferred")
parallel(branch, range(2))
print("on")
`
				err, _, took := stopped(t, Options{Stdout: &out, Stderr: &out}, script, cause)
				if !errors.Is(err, cause) || took > time.Second {
					t.Errorf("got %v after %v", err, took)
				}
				// A busy loop lets no other task begin.
				if s := out.String(); !strings.HasSuffix(s, "branch\ndeferred\n") || strings.Contains(s, "on\n") ||
					name != "a busy loop" && (strings.Count(s, "leaf\n") < 2 || strings.Count(s, "branch\n") != 2) {
					t.Errorf("printed %q", s)
				}
			})
		}
	}
}

func TestInterruptedTaskReport(t *testing.T) {
	err, h, _ := stopped(t, Options{}, "def f(i):\n    started()\n    sleep(9)\nparallel(f, ['a'])\n", ErrInterrupted)
	// It may come before the sleep begins.
	got := strings.Replace(reported(h, err), "line 2", "line 3", 1)
	if want := "interrupted at x.star, line 3, in f, task 1 of 1: \"a\"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Each way of ending a script works from a task too, after the clean-up of the others.
func TestTasksEndTheScript(t *testing.T) {
	for _, test := range []struct {
		call   string
		status int
		report string
	}{
		{"exit(7)", 7, ""},
		{"try_(exit, 7)", 7, ""},
		{"fake.panic()", 1, "in task 1 of 2: 0\n"},
		{"catch(Error, fake.panic)", 1, "internal error: the sky fell\n"},
		{"fake.nil()[0].x", 1, "internal error: "},
		{"fail('x')", 1, "in task 1 of 2: 0\n"},
		{"[x for x in range(100000000)]", 124, "in parallel\n    in task 1 of 2: 0\n"},
	} {
		var out strings.Builder
		h := New(Options{Stdout: &out, Stderr: &out, MaxSteps: 100_000, Grace: time.Hour, Predeclared: starlark.StringDict{"fake": fakeModule()}})
		script := "begun = []\ndef f(i):\n    if i:\n        begun.append(i)\n        finally_(lambda: sleep(100), lambda: print('cleaned'))\n    wait_until(lambda: begun, interval = 0.001)\n    " + test.call +
			"\ndefer(print, 'deferred')\ncatch(IncusError, parallel, f, range(2))\nprint('on')\n"
		err := h.RunSource(context.Background(), "x.star", []byte(script))
		if report := reported(h, err); ExitStatus(err) != test.status || !strings.Contains(report, test.report) {
			t.Errorf("%s: got status %d: %s", test.call, ExitStatus(err), report)
		}
		if out.String() != "cleaned\ndeferred\n" {
			t.Errorf("%s: printed %q", test.call, out.String())
		}
	}
}

// An exit() in the clean-up that a sibling's error began ends the script; the error shows.
func TestExitInTheCleanupOfATask(t *testing.T) {
	var out strings.Builder
	script := "begun = []\ndef f(i):\n    if i:\n        begun.append(i)\n        finally_(lambda: sleep(100), lambda: exit(4))\n    wait_until(lambda: begun, interval = 0.001)\n    fail('first')\nparallel(f, range(2))\n"
	err := newHost(&out).RunSource(context.Background(), "x.star", []byte(script))
	if ExitStatus(err) != 4 || !strings.Contains(out.String(), "ScriptError: first\n") {
		t.Errorf("got %v: %s", err, out.String())
	}
}

// The waits of retry and wait_until can be cut short.
func TestInterruptedWaits(t *testing.T) {
	for _, call := range []string{"retry(f, delay=1000)", "wait_until(f, interval=1000)", "wait_until(lambda: f() or sleep(1000))"} {
		script := "def f():\n    started()\n" + map[bool]string{true: "    raise_(IncusBusyError, 'x')\n"}[strings.HasPrefix(call, "retry")] +
			"finally_(lambda: try_(lambda: " + call + "), lambda: print('cleaned'))\n"
		var out strings.Builder
		err, _, took := stopped(t, Options{Stdout: &out}, script, nil)
		if ExitStatus(err) != 130 || took > time.Second || out.String() != "cleaned\n" {
			t.Errorf("%s: got %v after %v, printed %q", call, err, took, out.String())
		}
	}
}

// Deferred calls are made however the script ends, and each failure is reported once.
func TestDefer(t *testing.T) {
	for _, test := range []struct {
		script string
		status int
		out    string // output, and reports before the end
		report string // the last line of the last report
	}{
		{"", 0, "", ""},
		{"fail('x')", 1, "", "ScriptError: x"},
		{"exit(7)", 7, "", ""},
		{"fake.panic()", 1, "", "report it"},
		{"defer(fake.get, 'missing')", 3, "", "IncusNotFoundError (404): Instance not found"},
		{"defer(fake.get, 'missing')\nexit(0)", 3, "", "IncusNotFoundError (404): Instance not found"},
		{"defer(fake.get, 'missing')\nexit(7)", 7, "IncusNotFoundError", ""},
		{"defer(fake.get, 'missing')\nfail('x')", 1, "IncusNotFoundError", "ScriptError: x"},
		{"defer(fail, 'first')\ndefer(fake.get, 'missing')\n", 3, "ScriptError: first", "IncusNotFoundError (404): Instance not found"},
		{"defer(exit, 7)", 7, "", ""},
		{"defer(exit, 7)\nexit(3)", 3, "", ""},
		{"defer(exit, 7)\nexit(0)", 7, "", ""},
		{"defer(exit, 7)\nfail('x')", 7, "ScriptError: x", ""},
		{"defer(exit)\ndefer(fail, 'x')", 0, "ScriptError: x", ""},
		{"defer(fail, 'x')\ndefer(exit)", 1, "", "ScriptError: x"},
		{"defer(fake.panic)", 1, "", "report it"},
		{"defer(fake.panic)\nfail('x')", 1, "ScriptError: x", "report it"},
	} {
		var out strings.Builder
		h := newHost(&out)
		err := h.RunSource(context.Background(), "x.star", []byte("defer(print, 'last')\n"+test.script+"\n"))
		if ExitStatus(err) != test.status {
			t.Errorf("%s: status %d, want %d", test.script, ExitStatus(err), test.status)
		}
		if s := out.String(); !strings.HasSuffix(s, "last\n") || !strings.Contains(s, test.out) || test.out == "" && s != "last\n" {
			t.Errorf("%s: printed %q", test.script, s)
		}
		report := reported(h, err)
		lines := strings.Split(strings.TrimSuffix(report, "\n"), "\n")
		if last := lines[len(lines)-1]; last != test.report && !(test.report == "report it" && strings.Contains(last, test.report)) {
			t.Errorf("%s: reported %q", test.script, report)
		}
	}
}

// Each deferred call has its share of the grace period, so one that stalls doesn't take it from the later ones; and all
// of it together is bounded.
func TestDeferGrace(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		const grace = 800 * time.Millisecond
		var script strings.Builder
		calls, stalls := 2+random.IntN(6), 0
		for i := range calls {
			if random.IntN(2) == 0 {
				stalls++
				fmt.Fprintf(&script, "defer(lambda: [print('tried %d'), sleep(100)])\n", i)
			} else {
				fmt.Fprintf(&script, "defer(print, 'tried %d')\n", i)
			}
		}
		var out strings.Builder
		err, _, took := stopped(t, Options{Stdout: &out, Stderr: &out, Grace: grace}, script.String()+"started()\nsleep(100)\n", ErrInterrupted)
		if ExitStatus(err) != 130 || took > grace {
			t.Errorf("seed %d: got %v after %v", seed, err, took)
		}
		for i := range calls {
			if strings.Count(out.String(), fmt.Sprintf("tried %d\n", i)) != 1 {
				t.Errorf("seed %d: call %d of %d wasn't tried:\n%s", seed, i, calls, out.String())
			}
		}
		if n := strings.Count(out.String(), "the time for clean-up is over: "); n != stalls {
			t.Errorf("seed %d: %d of %d were ended:\n%s", seed, n, stalls, out.String())
		}
	}
	// A signal or a timeout only in clean-up counts, whatever the script ended with.
	for _, script := range []string{
		"def f():\n    started()\n    sleep(0.02)\ndefer(f)\n",
		"def f():\n    started()\n    sleep(100)\ndefer(f)\n",
		"def f():\n    started()\n    sleep(0.02)\ndefer(f)\nraise_(IncusNotFoundError, 'x')\n",
		"def f():\n    started()\n    sleep(100)\ndefer(f)\nraise_(IncusNotFoundError, 'x')\n",
		"def f():\n    started()\n    sleep(0.02)\ndefer(f)\nexit(7)\n",
		"def f():\n    started()\n    sleep(0.02)\n    fail('y')\ndefer(f)\n",
		"def f():\n    started()\n    sleep(0.02)\nfinally_(lambda: 1, f)\n",
		"def f():\n    started()\n    sleep(100)\nfinally_(lambda: 1, f)\n",
		"def f():\n    started()\n    sleep(0.02)\nfinally_(lambda: fail('x'), f)\n",
	} {
		for cause, status := range map[error]int{ErrInterrupted: 130, ErrTimeout: 124} {
			var out strings.Builder
			err, _, took := stopped(t, Options{Grace: 100 * time.Millisecond, Stderr: &out}, script, cause)
			if ExitStatus(err) != status || took > time.Second {
				t.Errorf("%s: got %v after %v", script, err, took)
			}
			if strings.Contains(script, "raise_") && !strings.Contains(out.String(), "IncusNotFoundError: x") {
				t.Errorf("%s: the script's error is lost: %s", script, out.String())
			}
		}
	}
	// The step limit ends a deferred call too.
	h := New(Options{MaxSteps: 10_000})
	if err := h.RunSource(context.Background(), "x.star", []byte("def f():\n    while True: pass\ndefer(f)\n")); !errors.Is(err, ErrSteps) {
		t.Errorf("got %v", err)
	}
}

func TestSessionClose(t *testing.T) {
	var out strings.Builder
	s := newHost(&out).NewSession()
	mustEval(t, s, "defer(print, 'first')")
	mustEval(t, s, "name = 'inner'\ndefer(lambda: defer(print, name))")
	if _, err := s.Eval(context.Background(), "defer(print, 'third')\nfail('x')"); err == nil {
		t.Error("no error")
	}
	if out.String() != "" {
		t.Errorf("printed %q before the end", out.String())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 2 {
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	if out.String() != "third\ninner\nfirst\n" {
		t.Errorf("printed %q", out.String())
	}
	mustEval(t, s, "defer(fake.get, 'missing')")
	if err := s.Close(context.Background()); ExitStatus(err) != 3 {
		t.Errorf("got %v", err)
	}
}

// A pipe that closes after some writes, as that of incus-star x.star | head does.
type pipe struct {
	err    error
	writes atomic.Int32
	out    strings.Builder
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.writes.Add(1) > 1 {
		return 0, p.err
	}
	return p.out.Write(b)
}

func TestClosedOutput(t *testing.T) {
	for _, test := range []struct {
		script string
		status int
		out    string
	}{
		{"print(1)\nprint(2)\n", 141, "1\n"},
		{"print(1)\nfinally_(lambda: print(2), lambda: [print(3), cleaned()])\nfail('on')", 141, "1\n"},
		{"print(1)\ncatch(Error, print, 2)\nfail('on')", 141, "1\n"},
		{"print(1)\nparallel(print, range(9))\nfail('on')", 141, "1\n"},
		{"defer(lambda: [print(2), cleaned()])\nprint(1)", 141, "1\n"},
		{"print(1)\nfinally_(lambda: 1, lambda: [print(3), cleaned()])\nfail('on')", 141, "1\n"},
		{"print(1)", 0, "1\n"},
	} {
		for _, cause := range []error{syscall.EPIPE, io.ErrClosedPipe} {
			cleaned, was := started()
			p := &pipe{err: fmt.Errorf("write: %w", cause)}
			h := New(Options{Stdout: p, Predeclared: starlark.StringDict{"cleaned": cleaned}})
			err := h.RunSource(context.Background(), "x.star", []byte(test.script))
			if ExitStatus(err) != test.status || p.out.String() != test.out || reported(h, err) != "" {
				t.Errorf("%s: got %v, status %d, %q", test.script, err, ExitStatus(err), p.out.String())
			}
			if strings.Contains(test.script, "cleaned") {
				<-was
			}
		}
	}
	// Another failure is an error of print's.
	h := New(Options{Stdout: &pipe{err: syscall.ENOSPC}})
	err := h.RunSource(context.Background(), "x.star", []byte("print(1)\nprint(2)\n"))
	if ExitStatus(err) != 1 || !strings.Contains(err.Error(), "print: no space left") {
		t.Errorf("got %v", err)
	}
}
