package host

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// An endedRollout is what an error, or a report, says about a rollout that ended early.
type endedRollout struct {
	Outcome *string `json:"outcome"`
	Fields  *struct {
		Wave        int
		Servers     []string
		Done        []string
		Failed      []string
		NotFinished []string `json:"not_finished"`
		NotBegun    []string `json:"not_begun"`
	} `json:"fields"`
}

func (e endedRollout) String() string {
	outcome := "None"
	if e.Outcome != nil {
		outcome = *e.Outcome
	}
	f := e.Fields
	return fmt.Sprintf("%s %d %q %q %q %q %q", outcome, f.Wave, f.Servers, f.Done, f.Failed, f.NotFinished, f.NotBegun)
}

// TestEndsOfRollouts ends a rollout of a, b, c and d in waves of 1, 2 and 1, in each way, with and without a change before: the
// attributes of the error, or of the report if no script can catch that, have the state, and the outcome is unknown if a
// change may be made on a server that failed, else that of the cause.
func TestEndsOfRollouts(t *testing.T) {
	// Each way is what fn does on c, after b, and the arguments of rollout.
	for name, way := range map[string]struct {
		fn, arguments string
		stops         bool // no script catches it
		outcome       string
		changed       string // the outcome after a change on c
		want          string // of the state
	}{
		"an error":                {fn: `raise_(Error, "x")`, outcome: "None", changed: "unknown"},
		"not found":               {fn: `raise_(IncusNotFoundError, "x")`, outcome: "None", changed: "unknown"},
		"refused":                 {fn: `raise_(IncusBusyError, "x", outcome = "refused")`, outcome: "refused", changed: "unknown"},
		"not sent":                {fn: `raise_(IncusConnectionError, "x", outcome = "not_sent")`, outcome: "not_sent", changed: "unknown"},
		"unknown":                 {fn: `raise_(IncusTimeoutError, "x", outcome = "unknown")`, outcome: "unknown", changed: "unknown"},
		"done":                    {fn: `raise_(IncusServerError, "x", outcome = "done")`, outcome: "unknown", changed: "unknown"},
		"its time":                {fn: `sleep(1000)`, outcome: "None", changed: "unknown"},
		"a mistake":               {fn: `1 // 0`, outcome: "None", changed: "unknown", want: `2 ["b" "c"] ["a" "b"] [] ["c"] ["d"]`},
		"fail":                    {fn: `fail("x")`, outcome: "None", changed: "unknown", want: `2 ["b" "c"] ["a" "b"] [] ["c"] ["d"]`},
		"a check that fails":      {arguments: `check = lambda rs: len(rs) == 1`, outcome: "None", changed: "None", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
		"a check of failures":     {fn: `raise_(Error, "x")`, arguments: `stop = (), check = lambda rs: len(rs) == 1`, outcome: "None", changed: "unknown"},
		"a check with an error":   {arguments: `check = lambda rs: len(rs) == 1 or raise_(IncusBusyError, "x", outcome = "refused")`, outcome: "refused", changed: "refused", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
		"a check with a mistake":  {arguments: `check = lambda rs: len(rs) == 1 or 1 // 0`, outcome: "None", changed: "None", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
		"an interrupt":            {fn: `[stop(), sleep(1000)]`, stops: true, outcome: "None", changed: "unknown", want: `2 ["b" "c"] ["a" "b"] [] ["c"] ["d"]`},
		"an interrupt of a check": {arguments: `check = lambda rs: len(rs) == 1 or [stop(), sleep(1000)]`, stops: true, outcome: "None", changed: "None", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
		"an interrupt in a pause": {fn: `stop_later()`, arguments: `pause = 1000`, stops: true, outcome: "None", changed: "None", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
		"exit":                    {fn: `exit(3)`, stops: true, outcome: "None", changed: "unknown", want: `2 ["b" "c"] ["a" "b"] [] ["c"] ["d"]`},
		"die in a check":          {arguments: `check = lambda rs: len(rs) == 1 or die("x")`, stops: true, outcome: "None", changed: "None", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
	} {
		for _, changes := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, changes), func(t *testing.T) {
				fn, outcome, want := way.fn, way.outcome, way.want
				if fn == "" {
					fn = "pass"
				}
				if changes {
					fn, outcome = "change(), "+fn, way.changed
					fn = strings.Replace(fn, ", pass", "", 1)
				}
				if want == "" {
					want = `2 ["b" "c"] ["a" "b"] ["c"] [] ["d"]`
				}
				script := `
done = []
def fn(name):
    if name == "c":
        wait_until(lambda: "b" in done)
        ` + strings.Replace(fn, "change(), ", "change()\n        ", 1) + `
    if name != "d":
        done.append(name)
def roll():
    return fleet(["a", "b", "c", "d"], timeout = 100).rollout(fn, waves = [1, 2, 1], ` + way.arguments + `)
`
				run := func(last string) (lines []endedRollout) {
					synctest.Test(t, func(t *testing.T) {
						var out strings.Builder
						ctx, cancel := context.WithCancelCause(t.Context())
						defer cancel(nil)
						own := func(name string, call func(b *builtin.Binding)) *starlark.Builtin {
							return starlark.NewBuiltin(name, func(thread *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
								call(builtin.Of(thread))
								return starlark.None, nil
							})
						}
						h := New(Options{JSON: true, Stdout: &out, Stderr: &out, Servers: namedServers, Predeclared: starlark.StringDict{
							"change": own("change", func(b *builtin.Binding) { b.Sent++; b.Done++ }),
							"stop":   own("stop", func(*builtin.Binding) { cancel(ErrInterrupted) }),
							"stop_later": own("stop_later", func(*builtin.Binding) {
								time.AfterFunc(10*time.Second, func() { cancel(ErrInterrupted) })
							}),
						}})
						err := h.RunSource(ctx, "x.star", []byte(script+last))
						h.Report(&out, err)
						for line := range strings.Lines(out.String()) {
							var e endedRollout
							if json.Unmarshal([]byte(line), &e) == nil && e.Fields != nil {
								lines = append(lines, e)
							}
						}
						if err == nil && strings.Count(out.String(), "\n") != 1 {
							t.Errorf("printed beside the error that was caught: %s", out.String())
						}
					})
					return lines
				}
				lines := run("roll()\n")
				if len(lines) != 1 || lines[0].String() != outcome+" "+want {
					t.Errorf("the report has %v, want %s %s", lines, outcome, want)
				}
				if way.stops {
					return
				}
				lines = run(`
e = catch((Error, ScriptError), roll).error
print(json.encode({"outcome": e.outcome, "fields": {n: getattr(e, n) for n in ["wave", "servers", "done", "failed", "not_finished", "not_begun"]}}))
`)
				if len(lines) != 1 || lines[0].String() != outcome+" "+want {
					t.Errorf("the error has %v, want %s %s", lines, outcome, want)
				}
			})
		}
	}
}

// TestRolloutsKnowTheirChanges ends a rollout by a call on c in each way, while another one on b, which a stop cuts, has sent a change
// or not: the outcome is unknown on b if it has.
func TestRolloutsKnowTheirChanges(t *testing.T) {
	ends := map[string]string{
		"a mistake": `1 // 0`, "a mistake in a task": `parallel(lambda x: 1 // 0, [1])`, "fail": `fail("x")`, "exit": `exit(3)`, "die": `die("x")`, "an interrupt": `[stop(), sleep(1000)]`,
		"exit in clean-up": `finally_(lambda: 1, lambda: exit(3))`, "its time": `sleep(1000)`,
	}
	begun := map[string]struct {
		call    string
		unknown bool
	}{
		"nothing":               {`sleep(1000)`, false},
		"a task without change": {`parallel(sleep, [1000, 1000])`, false},
		"a change":              {`[change(1, 1), sleep(1000)]`, true},
		"an operation":          {`[change(1, 0), sleep(1000)]`, true},
		"a refused change":      {`[change(1, 0), refuse(), sleep(1000)]`, false},
		"a change in a task":    {`parallel(lambda n: [change(1, 1), sleep(n)], [1000, 1000])`, true},
		"a change in retry":     {`retry(lambda: [change(1, 0), sleep(1000)])`, true},
		"a change in clean-up":  {`finally_(lambda: sleep(1000), lambda: change(1, 1))`, true},
		"a repeated call":       {`wait_until(lambda: sleep(1) and False, timeout = 1000)`, false},
	}
	for end, last := range ends {
		for what, b := range begun {
			t.Run(end+"/"+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var out strings.Builder
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					own := func(call func(b *builtin.Binding, args starlark.Tuple)) *starlark.Builtin {
						return starlark.NewBuiltin("own", func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
							call(builtin.Of(thread), args)
							return starlark.None, nil
						})
					}
					h := New(Options{JSON: true, Stdout: &out, Stderr: &out, Servers: namedServers, Predeclared: starlark.StringDict{
						"change": own(func(b *builtin.Binding, args starlark.Tuple) {
							sent, _ := starlark.AsInt32(args[0])
							done, _ := starlark.AsInt32(args[1])
							b.Sent, b.Done = b.Sent+sent, b.Done+done
						}),
						"refuse": own(func(b *builtin.Binding, _ starlark.Tuple) { b.Refused() }),
						"stop":   own(func(*builtin.Binding, starlark.Tuple) { cancel(ErrInterrupted) }),
					}})
					err := h.RunSource(ctx, "x.star", []byte(`
def fn(name):
    if name == "b":
        `+b.call+`
    if name == "c":
        sleep(20)
        `+last+`
fleet(["a", "b", "c"], timeout = 100).rollout(fn, waves = [1, "rest"])
`))
					h.Report(&out, err)
					outcome, unknown := "None", "the outcome is unknown on b:"
					if b.unknown {
						outcome = "unknown"
					}
					said := false
					for line := range strings.Lines(out.String()) {
						var e endedRollout
						if json.Unmarshal([]byte(line), &e) == nil && e.Fields != nil {
							said = true
							if !strings.HasPrefix(e.String(), outcome+" 2 ") {
								t.Errorf("it says %v, want %s", e, outcome)
							}
						}
					}
					if !said || strings.Contains(out.String(), unknown) != b.unknown || strings.Contains(out.String(), "unknown on c") {
						t.Errorf("printed %s", out.String())
					}
				})
			})
		}
	}
}
