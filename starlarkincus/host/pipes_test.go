package host

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// Each function that takes the path of a local file takes that of a named pipe without its other end: no other task is kept
// from running, and a call that waits can be stopped. Those with timeout= end by themselves.
func TestPipesAsPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("try", 0o600); err != nil {
		t.Skip(err)
	}
	waiting := []string{"read_file.path", "write_file.path", "run.stdin_file", "run_stream.stdin_file"}
	var seen []string
	declared := Declarations()
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		d := declared[name]
		for _, p := range d.Params {
			if p.Holds != builtin.Path && !strings.HasSuffix(p.Name, "_file") {
				continue
			}
			call := name + "." + p.Name
			pipe := call
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			given := new(starlark.Dict)
			for _, other := range d.Params {
				switch {
				case other.Name == "command":
					given.SetKey(starlark.String("command"), starlark.NewList([]starlark.Value{starlark.String("true")}))
				case other.Required:
					given.SetKey(starlark.String(other.Name), starlark.String("other-"+name))
				}
			}
			given.SetKey(starlark.String(p.Name), starlark.String(pipe))
			waits := slices.Contains(waiting, call)
			if out, err := besidePipe(t, name, given, waits); waits != errors.Is(err, ErrInterrupted) || !waits && err != nil {
				t.Errorf("%s: %v, %s", call, err, out)
			}
			if seen = append(seen, call); !waits {
				continue
			}
			if slices.ContainsFunc(d.Params, func(p builtin.Param) bool { return p.Name == "timeout" }) {
				given.SetKey(starlark.String("timeout"), starlark.Float(0.05))
				want := "IncusOperationTimeoutError not_sent " + name + ": stdin_file: " + pipe + ": opening it took more than 50ms: a named pipe waits for its writer\n"
				if out, err := besidePipe(t, name, given, false); err != nil || out != want {
					t.Errorf("%s: %v, %s", call, err, out)
				}
			}
			if end, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
				defer end.Close() // keeps it open until what was stopped ends
			}
		}
	}
	for _, call := range append(waiting, "run.stdout_file", "fs.list.path", "fs.rename.new") {
		if !slices.Contains(seen, call) {
			t.Errorf("%s wasn't called", call)
		}
	}
	go func() { _ = os.WriteFile("try", []byte("through the pipe"), 0) }()
	if got := ran(t, `print(run(["cat"], stdin_file="try", timeout=60).stdout)`); got != "through the pipe\n" {
		t.Errorf("got %q", got)
	}
}

// besidePipe makes a call beside another task, which must run meanwhile, and interrupts it then if that is asked for.
func besidePipe(t *testing.T, name string, given *starlark.Dict, interrupted bool) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	limit := time.AfterFunc(time.Minute, func() { cancel(errors.Plain("it takes a minute")) })
	defer limit.Stop()
	goesOn := false
	other := func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		if goesOn = true; interrupted {
			cancel(ErrInterrupted)
		}
		return starlark.None, nil
	}
	var out strings.Builder
	h := New(Options{Stdout: &out, Stderr: &out, Predeclared: starlark.StringDict{"given": given, "other": starlark.NewBuiltin("other", other)}})
	done := make(chan error, 1)
	go func() {
		done <- h.RunSource(ctx, "pipes", []byte(`
def calls():
    error = try_(`+name+`, **given).error
    if error and error.class_ != "Error": print(error.class_, error.outcome, error.message)
parallel(lambda fn: fn(), [calls, other])
`))
	}()
	select {
	case err := <-done:
		if !goesOn {
			t.Errorf("%s: the other task didn't run", name)
		}
		return out.String(), err
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s can't be stopped", name)
		return "", nil
	}
}
