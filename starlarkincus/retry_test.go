package starlarkincus_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// TestRetryRepeatsRefusedChanges calls each method that changes something by retry, on a server that refuses the change
// for now: at once, and by its operation, for which the call waits, or a later one. The method is called as often as retry may.
func TestRetryRepeatsRefusedChanges(t *testing.T) {
	a := newAnswers()
	w := &tester{T: t, answers: a, options: starlarkincus.Options{Environment: a.serve(t)}, pem: testPEM(t), file: testFile(t)}
	client := w.client()
	w.call(w.attr(client, "has_extension"), starlark.Tuple{starlark.String("x")}, nil)
	refusals, later := map[string]int{}, map[string]int{}
	w.eachMethod(client, func(who string, p *spec.Site, m *spec.Method, owner starlark.Value) {
		if m.Offline || m.Effect == spec.Reads || m.Does == spec.DoLock || m.Does == spec.DoEnsure {
			return // lock and ensure wait by themselves
		}
		fn, args := w.attr(owner, m.Name), kwargs(w.required(who, m))
		a.reset()
		if _, err := called(fn, args); err != nil {
			return
		}
		changes := slices.DeleteFunc(a.take(), func(r arrival) bool { return r.method == "GET" })
		if len(changes) == 0 {
			return
		}
		first := changes[0].method + " " + changes[0].path
		again := func(waits string, args []starlark.Tuple) {
			for how, set := range map[string]func(){
				"busy":                func() { a.failing = map[string]string{first: `400 Instance is busy running a "stop" operation`} },
				"unavailable":         func() { a.failing = map[string]string{first: "503 Daemon is starting up"} },
				"busy operation":      func() { a.failed = `Failed to lock: Instance is busy running a "stop" operation` },
				"unavailable service": func() { a.failed = "Storage pool is unavailable on this server" },
			} {
				a.reset()
				a.mu.Lock() // a late request of the call before
				set()
				a.mu.Unlock()
				var out bytes.Buffer
				calls := 0
				h := host.New(host.Options{Stdout: &out, Stderr: &out, Predeclared: starlark.StringDict{
					"call": starlark.NewBuiltin("call", func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
						calls++
						v, err := starlark.Call(thread, fn, nil, args)
						if op, ok := v.(*starlarkincus.Object); ok && waits != "" {
							later[how]++
							return starlark.Call(thread, w.attr(op, "wait"), nil, nil)
						}
						return v, err
					})}})
				err := h.RunSource(t.Context(), "script", []byte("retry(call, times = 3, delay = 0)"))
				var e *errors.Error
				if !errors.As(err, &e) || e.Outcome != errors.Refused || strings.Contains(e.Message, "the server keeps the backup") {
					continue
				}
				refusals[how]++
				if (errors.Is(e, errors.Busy) || errors.Is(e, errors.Unavailable)) && calls != 3 || fmt.Sprint(e.Fields["attempts"]) != fmt.Sprint(calls) {
					t.Errorf("%s%s, %s: %d calls, attempts %v: %v", who, waits, how, calls, e.Fields["attempts"], strings.TrimSpace(err.Error()))
				}
			}
		}
		again("", args)
		if m.Background {
			again(", wait=False and then wait()", append(slices.Clone(args), starlark.Tuple{starlark.String("wait"), starlark.False}))
		}
	})
	a.reset()
	t.Logf("refused: %v; waited for later: %v", refusals, later)
	if refusals["busy"] < 60 || refusals["unavailable"] < 60 || refusals["busy operation"] < 20 || refusals["unavailable service"] < 20 || later["busy operation"] < 60 {
		t.Error("too few")
	}
}

// TestRealRetryOfABusyInstance repeats changes of an instance whose init doesn't answer a stop, which the server refuses
// by their operations.
func TestRealRetryOfABusyInstance(t *testing.T) {
	runReal(t, `
inst = incus.instances.launch("busy0", image = env["INCUS_STAR_TESTBED_IMAGE"])
defer(incus.instances.delete, "busy0", force = True)
inst.snapshots.create("s0")
inst.refresh()
pid = str(inst.state().pid)
run(["kill", "-STOP", pid])
defer(run, ["kill", "-KILL", pid], check = False)
inst.stop(timeout = 60, wait = False)
def told():  # the instance, which has its lock then
    lines = run(["cat", "/proc/" + pid + "/status"]).stdout.splitlines()
    return [line for line in lines if line.startswith("ShdPnd:") and int(line.split()[1], 16) != 0]
wait_until(told, interval = 0.05)
for change in [
    lambda: inst.update(config = {"limits.cpu": 1}),
    lambda: inst.replace(description = "new"),
    lambda: inst.restore("s0"),
]:
    calls = []
    def again():
        calls.append(1)
        return change()
    e = try_(retry, again, times = 3, delay = 0).error
    eq((e.is_a(IncusBusyError), e.outcome, e.attempts, len(calls)), (True, "refused", 3, 3))
`)
}
