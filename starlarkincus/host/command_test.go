//go:build linux

package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// processes counts the processes that have a test's mark in their environment, and zombies of this process.
func processes(t *testing.T, mark string) (n int) {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		environ, _ := os.ReadFile(folder + "/environ")
		stat, _ := os.ReadFile(folder + "/stat")
		_, after, _ := bytes.Cut(stat, []byte(") "))
		if bytes.Contains(environ, []byte(mark)) || bytes.HasPrefix(after, fmt.Appendf(nil, "Z %d ", os.Getpid())) {
			n++
		}
	}
	return n
}

// TestCommandEnds ends scripts in each way while a command runs that has children and ignores SIGTERM: none of its
// processes stays, clean-up runs, and the script ends soon.
func TestCommandEnds(t *testing.T) {
	tree := `run(["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000 & touch " + ready + "; while :; do sleep 1000; done"], env={"MARK": mark})`
	commandsHave(t, 200*time.Millisecond)
	var group sync.WaitGroup
	began := time.Now()
	marks := fmt.Sprintf("mark of %s in %d/", t.Name(), os.Getpid())
	for name, test := range map[string]struct {
		script string
		cause  error // of the context's end, once the command runs
		status int
	}{
		"Ctrl-C":           {script: tree, cause: ErrInterrupted, status: 130},
		"--timeout":        {script: tree, cause: ErrTimeout, status: 124},
		"SIGTERM":          {script: tree, cause: signalled{}, status: 143},
		"held":             {script: "try_(lambda: " + tree + ")\nprint('on')", cause: ErrInterrupted, status: 130},
		"timeout=":         {script: "try_(lambda: " + strings.TrimSuffix(tree, ")") + ", timeout=0.3))"},
		"exit":             {script: "parallel(lambda i: i() , [lambda: " + tree + ", lambda: [wait_until(lambda: fs_exists(ready), interval=0.01), exit(7)]])", status: 7},
		"a failed sibling": {script: "parallel(lambda i: i() , [lambda: " + tree + ", lambda: [wait_until(lambda: fs_exists(ready), interval=0.01), fail('no')]])", status: 1},
		"streamed":         {script: strings.TrimSuffix(tree, ")") + ", stream=lambda line: None)", cause: ErrInterrupted, status: 130},
		"in its function":  {script: `run(["sh", "-c", "touch " + ready + "; sleep 1000 & while :; do echo x; done"], env={"MARK": mark}, stream=lambda line: sleep(1000))`, cause: ErrTimeout, status: 124},
		"a failed line":    {script: `run(["sh", "-c", "touch " + ready + "; sleep 1000 & while :; do echo x; done"], env={"MARK": mark}, stream=lambda line: fail("no"))`, status: 1},
		"clean-up":         {script: "finally_(lambda: " + tree + ", lambda: print('inner'))", cause: ErrInterrupted, status: 130},
	} {
		group.Go(func() {
			ready, mark := filepath.Join(t.TempDir(), "ready"), marks+name
			var out strings.Builder
			h := New(Options{Stdout: &out, Stderr: &out, Grace: time.Hour, Predeclared: starlark.StringDict{
				"ready": starlark.String(ready), "mark": starlark.String(mark),
				"fs_exists": starlark.NewBuiltin("fs_exists", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
					_, err := os.Stat(string(args[0].(starlark.String)))
					return starlark.Bool(err == nil), nil
				})}})
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if test.cause != nil {
				go func() {
					waitFor(ctx, ready)
					cancel(test.cause)
				}()
			}
			err := h.RunSource(ctx, "x.star", []byte("defer(print, 'cleaned')\n"+test.script))
			if ExitStatus(err) != test.status || !strings.HasSuffix(out.String(), "cleaned\n") || strings.Contains(out.String(), "on\n") {
				t.Errorf("%s: got %v: %s", name, err, out.String())
			}
		})
	}
	group.Wait()
	if took := time.Since(began); took > time.Minute {
		t.Errorf("took %v", took)
	}
	goneProcesses(t, marks)
}

// commandsHave sets the time of commands after SIGTERM for a test.
func commandsHave(t *testing.T, grace time.Duration) {
	before := maxCommandGrace
	t.Cleanup(func() { maxCommandGrace = before })
	maxCommandGrace = grace
}

// waitFor waits for a file.
func waitFor(ctx context.Context, path string) {
	for ctx.Err() == nil {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// goneProcesses fails the test unless the processes with a mark end soon.
func goneProcesses(t *testing.T, mark string) {
	t.Helper()
	left := 0
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		if left = processes(t, mark); left == 0 {
			return
		}
	}
	t.Errorf("%d processes left", left)
}

// A second Ctrl-C doesn't wait for a command that ignores the first.
func TestCommandEndsAtASecondInterrupt(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	mark := fmt.Sprintf("mark of %s in %d", t.Name(), os.Getpid())
	commandsHave(t, time.Hour)
	h := New(Options{Grace: 10 * time.Hour})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() {
		done <- h.RunSource(ctx, "x.star", fmt.Appendf(nil, `run(["sh", "-c", "trap '' TERM; touch %s; while :; do sleep 1000; done"], env={"MARK": %q})`, ready, mark))
	}()
	waitFor(ctx, ready)
	cancel(ErrInterrupted)
	h.EndCleanup()
	if err := <-done; !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	goneProcesses(t, mark)
}

// The output has a limit, and nothing runs under --read-only, or with a folder as its standard input.
func TestCommandRefused(t *testing.T) {
	if got := ran(t, `e = try_(run, ["yes"]).error; print(e.class_, e.message, e.outcome)`); got != "IncusOperationError yes was ended: its stdout is larger than the limit of 256 MiB: stdout_file= and stream= take more unknown\n" {
		t.Errorf("got %q", got)
	}
	t.Chdir(t.TempDir())
	var out strings.Builder
	h := New(Options{Stdout: &out, ReadOnly: true})
	err := h.RunSource(t.Context(), "x.star", []byte(`e = try_(run, ["touch", "made"]).error; print(e.class_, e.message)`))
	if err != nil || out.String() != "Error run: touch wasn't run: this run only reads (--read-only)\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
	want := "Error run: .: is a directory\nError run_stream: .: is a directory\n"
	if got := ran(t, `for fn in [run, run_stream]: e = try_(fn, ["touch", "made"], stdin_file=".").error; print(e.class_, e.message)`); got != want {
		t.Errorf("a folder as standard input: got %q, want %q", got, want)
	}
	if entries, _ := os.ReadDir("."); len(entries) > 0 {
		t.Errorf("made: %v", entries)
	}
}
