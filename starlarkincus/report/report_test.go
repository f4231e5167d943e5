package report_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/report"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func position(file string, line, col int32) syntax.Position {
	return syntax.MakePosition(&file, line, col)
}

func printed(p *report.Printer, r *report.Report) string {
	var b strings.Builder
	p.Print(&b, r)
	return b.String()
}

// TestKinds prints a report of each kind.
func TestKinds(t *testing.T) {
	var sources report.Sources
	sources.Add("x.star", "def f():\n    g(1)\n")
	printer := &report.Printer{Sources: &sources}
	frames := []report.Frame{
		{Pos: position("x.star", 2, 6), Function: "f", Steps: []report.Step{{Builtin: "parallel"}, {Task: &report.Task{Index: 1, Count: 3, Item: `"web"`}}}},
	}
	traceback := "Traceback (most recent call last):\n  File \"x.star\", line 2, in f\n    g(1)\n     ^\n    in parallel\n    in task 2 of 3: \"web\"\n"
	low := &errors.Error{Class: errors.NotFound, Message: "no image", Status: 404}
	high := &errors.Error{Class: errors.Operation, Message: "creation failed", OperationID: "5f3a", Outcome: errors.Unknown, Cause: fmt.Errorf("wrapped: %w", low)}
	kinds := map[report.Kind]string{
		report.Failed:      traceback + "IncusOperationError: creation failed: wrapped: IncusNotFoundError (404): no image\ncaused by: IncusNotFoundError (404)\noperation: 5f3a\nchange: unknown; it may have been made\nfailed twice\n",
		report.Unparsed:    traceback + "x.star:2:5: undefined: g\n    g(1)\n    ^\n",
		report.Plain:       "stopped\n",
		report.Stopped:     traceback + "stopped\n",
		report.Interrupted: "stopped at x.star, line 2, in f, task 2 of 3: \"web\"\n",
		report.Internal:    traceback + "internal error: stopped\nthis is a mistake in incus-star, not in the script: please report it (INCUS_STAR_DEBUG=1 shows more)\n",
		report.Silent:      "",
	}
	t.Setenv(report.DebugVariable, "")
	for kind := report.Failed; kind <= report.Silent; kind++ {
		r := &report.Report{Kind: kind, Class: "Class", Message: "stopped", Frames: frames, Notes: []string{"failed twice"}, Status: 7}
		switch kind {
		case report.Failed:
			r.Error = high
		case report.Unparsed:
			r.Mistakes = []resolve.Error{{Pos: position("x.star", 2, 5), Msg: "undefined: g"}}
		case report.Internal:
			r.Message = "internal error: stopped"
		}
		want := kinds[kind]
		if diff := cmp.Diff(want, printed(printer, r)); diff != "" {
			t.Errorf("kind %d: -want +got:\n%s", kind, diff)
		}
		r.Context = "an error"
		r.Running = []builtin.Running{{Description: "creating web", OperationID: "5f3a"}, {Description: "creating db", Ended: true, Remote: "s1", Default: true}, {Description: "POST x", Unknown: true, Remote: "s2"}}
		r.Unfinished = strings.Fields("a b c d e f g h i")
		if want != "" {
			want = "an error:\n" + want
		}
		want += "still running on the server: creating web (operation 5f3a)\ndone on the server after the stop: creating db\noutcome unknown: POST x (remote s2)\n"
		for _, call := range r.Unfinished[:7] {
			want += "clean-up was not finished: " + call + "\n"
		}
		want += "… and 2 more calls of clean-up\n"
		if diff := cmp.Diff(want, printed(printer, r)); diff != "" {
			t.Errorf("kind %d, with a context: -want +got:\n%s", kind, diff)
		}
	}
	for _, p := range []*report.Printer{printer, {Sources: &sources, JSON: true}} {
		if got := printed(p, nil); got != "" {
			t.Errorf("nil: got %q", got)
		}
	}
}

// TestOperationIsNamedOnce checks that a report has the operation of an error, unless the message has it.
func TestOperationIsNamedOnce(t *testing.T) {
	for message, want := range map[string]string{"failed": "failed\noperation: 5f3a\n", "the operation 5f3a still runs": "the operation 5f3a still runs\n", "5f3ab failed": "5f3ab failed\noperation: 5f3a\n"} {
		r := &report.Report{Error: &errors.Error{Class: errors.Operation, Message: message, OperationID: "5f3a"}}
		if got := printed(new(report.Printer), r); got != "IncusOperationError: "+want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestBacktraceOverThreads follows an error through two threads and a wrapper to its class.
func TestBacktraceOverThreads(t *testing.T) {
	frame := func(name string, line int32) starlark.CallFrame {
		return starlark.CallFrame{Name: name, Pos: position("x.star", line, 1)}
	}
	deep := evalError(&errors.Error{Class: errors.Base, Message: "x", Cause: evalError(errors.Plain("elsewhere"), frame("other", 9))},
		frame("<expr>", 3), frame("get", 0), frame("raise_", 0))
	err := evalError(fmt.Errorf("wrapped: %w", &report.ThreadBoundary{Callers: starlark.CallStack{frame("defer", 0)}, Task: &report.Task{Count: 2}, Err: deep}), frame("<toplevel>", 1))
	var got []string
	for _, f := range report.Backtrace(err) {
		got = append(got, fmt.Sprintf("%s:%d %v", f.Function, f.Pos.Line, f.Steps))
	}
	want := []string{"<toplevel>:1 [defer task 1 of 2: ]", "<toplevel>:3 [get]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if frames := report.Backtrace(errors.Plain("no stack")); frames != nil {
		t.Errorf("got %v", frames)
	}
}

// evalError returns an error with a stack, as Starlark wraps it.
func evalError(err error, stack ...starlark.CallFrame) error {
	fail := starlark.NewBuiltin("fail", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return nil, err
	})
	_, wrapped := starlark.Call(new(starlark.Thread), fail, nil, nil)
	wrapped.(*starlark.EvalError).CallStack = stack
	return wrapped
}

// TestReportsAreSafe prints random reports: JSON is always one valid line, and neither form has a character that isn't
// printable.
func TestReportsAreSafe(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	word := func() string {
		alphabet := []rune("aé\x1b\u202e\"\\\n\t\x00\U0001f600<&\u2028\xff")
		out := make([]rune, random.IntN(6))
		for i := range out {
			out[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(out)
	}
	var failure func(depth int) *errors.Error
	failure = func(depth int) *errors.Error {
		e := &errors.Error{Class: errors.Classes()[random.IntN(len(errors.Classes()))], Message: word(), Status: random.IntN(2) * 404, OperationID: word(),
			Object: &errors.Object{Kind: word(), Name: word()}, Fields: map[string]any{word(): word(), word(): starlark.String(word()), "f": starlark.Float(math.Inf(1))}}
		switch {
		case depth > 0 && random.IntN(2) == 0:
			e.Cause = failure(depth - 1)
		case random.IntN(2) == 0:
			e.Cause = fmt.Errorf("%s: %w", word(), errors.Plain(word()))
		}
		return e
	}
	backtrace := func() []report.Frame {
		var frames []report.Frame
		for range random.IntN(30) {
			frames = append(frames, report.Frame{Pos: position(word(), int32(random.IntN(3)), int32(random.IntN(300))), Function: word(),
				Steps: []report.Step{{Builtin: word()}, {Task: &report.Task{Item: word()}}}})
		}
		return frames
	}
	for range 2000 {
		var sources report.Sources
		sources.Add("", word()+strings.Repeat(word(), 50))
		r := &report.Report{Kind: report.Kind(random.IntN(int(report.Silent) + 1)), Class: "Class", Message: word(), Frames: backtrace(), Context: word(),
			Notes: []string{word()}, Running: []builtin.Running{{Description: word(), OperationID: word(), Remote: word()}}, Unfinished: []string{word()}}
		switch r.Kind {
		case report.Failed:
			r.Error, r.Causes = failure(3), [][]report.Frame{backtrace(), nil, backtrace()}
		case report.Unparsed:
			r.Mistakes = []resolve.Error{{Pos: position("", 1, int32(random.IntN(300))), Msg: word()}}
		}
		line := printed(&report.Printer{Sources: &sources, JSON: true}, r)
		if !json.Valid([]byte(line)) || strings.Count(line, "\n") != 1 {
			t.Fatalf("seed %d: %+v: not one line of JSON: %q", seed, r, line)
		}
		for _, shown := range []string{line, printed(&report.Printer{Sources: &sources}, r)} {
			for _, c := range shown {
				if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
					t.Fatalf("seed %d: %+v: %q in %q", seed, r, c, shown)
				}
			}
		}
	}
}

// TestFrameWithoutPlace prints the report of an error in a task that has no place in the script: it has no frame, and no heading for one.
func TestFrameWithoutPlace(t *testing.T) {
	task := []report.Frame{{Steps: []report.Step{{Task: &report.Task{Index: 0, Count: 1, Item: `"web"`}}}}}
	r := &report.Report{Kind: report.Failed, Error: errors.New(errors.Base, "the rollout ended"), Frames: task}
	printer := new(report.Printer)
	if got := printed(printer, r); got != "Error: the rollout ended\n" {
		t.Errorf("got %s", got)
	}
	printer.JSON = true
	if got := printed(printer, r); !strings.Contains(got, `"frames":[],"tasks":[{"index":0,"count":1,"item":"web"}]`) {
		t.Errorf("got %s", got)
	}
}
