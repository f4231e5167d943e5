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
		"an interrupt":            {fn: `[stop(), sleep(1000)]`, stops: true, outcome: "unknown", changed: "unknown", want: `2 ["b" "c"] ["a" "b"] [] ["c"] ["d"]`},
		"an interrupt of a check": {arguments: `check = lambda rs: len(rs) == 1 or [stop(), sleep(1000)]`, stops: true, outcome: "None", changed: "None", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
		"an interrupt in a pause": {fn: `stop_later()`, arguments: `pause = 1000`, stops: true, outcome: "None", changed: "None", want: `2 ["b" "c"] ["a" "b" "c"] [] [] ["d"]`},
		"exit":                    {fn: `exit(3)`, stops: true, outcome: "unknown", changed: "unknown", want: `2 ["b" "c"] ["a" "b"] [] ["c"] ["d"]`},
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
					})
					return lines
				}
				lines := run("roll()\n")
				if len(lines) == 0 || lines[len(lines)-1].String() != outcome+" "+want || len(lines) > 1 && lines[0].String() != lines[1].String() {
					t.Errorf("the report has %v, want %s %s", lines, outcome, want)
				}
				if way.stops {
					return
				}
				lines = run(`
e = catch((Error, ScriptError), roll).error
print(json.encode({"outcome": e.outcome, "fields": {n: getattr(e, n) for n in ["wave", "servers", "done", "failed", "not_finished", "not_begun"]}}))
`)
				if len(lines) == 0 || lines[len(lines)-1].String() != outcome+" "+want {
					t.Errorf("the error has %v, want %s %s", lines, outcome, want)
				}
			})
		}
	}
}
