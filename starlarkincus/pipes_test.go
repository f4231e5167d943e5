package starlarkincus_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A pipeCall is a call with a named pipe, which has no other end, as a local file.
type pipeCall struct {
	name  string
	fn    starlark.Value
	args  map[string]starlark.Value
	waits bool // for a writer
	timed bool // it has timeout=
}

// pipeCalls returns a call for each argument of the table that is a local file.
func pipeCalls(w *tester, pipe string) []pipeCall {
	var calls []pipeCall
	client, at := w.client(), starlark.String(pipe)
	add := func(who string, owner starlark.Value, m *spec.Method) {
		for _, f := range m.Arguments() {
			if f.Reference() != spec.ToFile {
				continue
			}
			call := pipeCall{name: who + "." + f.Script(), fn: w.attr(owner, m.Name), args: w.required(who, m), waits: f.Refers == spec.ToFile}
			call.args[f.Script()] = at
			call.timed = spec.Find(m.Arguments(), "timeout") != nil && m.Does == spec.DoExec
			switch f.Name {
			case "cert":
				call.args["cert"] = starlark.Tuple{at, at}
			case "within":
				call.args["local"] = starlark.String("below/x")
			}
			if f.Name == "cert" || f.Name == "verify" {
				delete(call.args, "remote")
				call.args["endpoint"] = starlark.String("https://192.0.2.1")
			}
			calls = append(calls, call)
			if m.Does != spec.DoPull {
				continue
			}
			below := pipeCall{name: call.name + ", below", fn: call.fn, args: w.required(who, m)}
			if f.Name == "within" {
				below.args["within"] = starlark.String(filepath.Dir(pipe))
				below.args["local"] = starlark.String(filepath.Base(pipe) + "/x")
			} else {
				below.args["local"] = starlark.String(pipe + "/x")
			}
			calls = append(calls, below)
		}
	}
	for _, p := range spec.Sites() {
		for _, m := range slices.Concat(p.CollectionMethods(), p.ObjectMethods()) {
			switch files := func(f spec.Field) bool { return f.Reference() == spec.ToFile }; {
			case p.Local || !slices.ContainsFunc(m.Arguments(), files) || m.Collection && p.Name == "":
			case m.Collection:
				add(wayTo(p)+"."+m.Name, w.collection(client, p), &m)
			default:
				add(p.Singular()+"."+m.Name, w.object(client, p), &m)
			}
		}
	}
	for i := range spec.ClientMethods {
		add("incus."+spec.ClientMethods[i].Name, client, &spec.ClientMethods[i])
	}
	return calls
}

// A named pipe without its other end keeps no other task from running, nor the call from being stopped or from its limit.
// Only what may read from a pipe waits for a writer.
func TestPipesAsLocalFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	defer func() { // what was stopped ends
		if end, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
			end.Close()
		}
	}()
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	calls := pipeCalls(w, pipe)
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			a.take()
			out, err := call.run(t, call.waits)
			switch {
			case call.waits && !errors.Is(err, host.ErrInterrupted):
				t.Errorf("the stopped call: %v, %s", err, out)
			case !call.waits && err != nil:
				t.Errorf("%v, %s", err, out)
			}
			if !call.waits || !call.timed {
				return
			}
			call.args["timeout"] = starlark.Float(0.05)
			if out, err := call.run(t, false); err != nil || !strings.Contains(out, "IncusOperationTimeoutError not_sent") || !strings.Contains(out, pipe+": opening it took more than 50ms") {
				t.Errorf("with timeout=: %v, %s", err, out)
			}
			for _, r := range a.take() {
				if r.method != "GET" {
					t.Errorf("%s %s was sent", r.method, r.path)
				}
			}
		})
	}
	if len(calls) < 15 || !slices.ContainsFunc(calls, func(c pipeCall) bool { return c.timed && c.waits }) {
		t.Errorf("only %d calls", len(calls))
	}
}

// run makes the call beside another task, which must run meanwhile, and interrupts it then if that is asked for.
func (c *pipeCall) run(t *testing.T, interrupted bool) (string, error) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	limit := time.AfterFunc(time.Minute, func() { cancel(errors.Plain("it takes a minute")) })
	defer limit.Stop()
	args := new(starlark.Dict)
	for _, pair := range kwargs(c.args) {
		args.SetKey(pair[0], pair[1])
	}
	goesOn := false
	other := func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		if goesOn = true; interrupted {
			cancel(host.ErrInterrupted)
		}
		return starlark.None, nil
	}
	var out bytes.Buffer
	h := host.New(host.Options{Stdout: &out, Stderr: &out, Track: starlarkincus.Track, Predeclared: starlark.StringDict{"call": c.fn, "given": args, "other": starlark.NewBuiltin("other", other)}})
	done := make(chan error, 1)
	go func() {
		done <- h.RunSource(ctx, "pipes", []byte(`
def calls():
    error = try_(call, **given).error
    if error: print(error.class_, error.outcome, error.message)
parallel(lambda fn: fn(), [calls, other])
`))
	}()
	select {
	case err := <-done:
		if !goesOn {
			err = fmt.Errorf("the other task didn't run: %w", err)
		}
		return out.String(), err
	case <-time.After(2 * time.Minute):
		t.Fatal("the call can't be stopped")
		return "", nil
	}
}
