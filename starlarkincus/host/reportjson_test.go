package host

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"incus-star/errors"

	"github.com/google/go-cmp/cmp"
	"go.starlark.net/starlark"
)

// readReport is the report of an error, which must be one line, read back.
func readReport(t *testing.T, h *Host, err error) map[string]any {
	t.Helper()
	var b strings.Builder
	h.Report(&b, err)
	if strings.Count(b.String(), "\n") != 1 || strings.Contains(b.String(), "\\u003c") {
		t.Errorf("not one line: %q", b.String())
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(b.String()), &r); err != nil {
		t.Fatalf("%v: %q", err, b.String())
	}
	return r
}

func TestReportJSON(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"api", "def f(name):\n    fake.get(name)\n\nf('missing')", `{
			"class": "IncusNotFoundError", "message": "Instance not found", "status": 404, "exit_status": 3,
			"response": {"error": "Instance not found", "error_code": 404}, "operation_id": null, "object": null, "outcome": null, "remote": null, "method": "GET",
			"path": "/1.0/instances/missing", "cause": null, "tasks": [], "frames": [
				{"file": "x.star", "line": 4, "column": 2, "function": "<toplevel>", "source": "f('missing')"},
				{"file": "x.star", "line": 2, "column": 13, "function": "f", "source": "fake.get(name)", "builtins": ["fake.get"]}]}`},
		{"operation", "fake.create()", `{
			"class": "IncusOperationError", "message": "Failed creating instance: Image not found", "status": 400, "exit_status": 5,
			"response": null, "operation_id": "5f3a", "object": {"kind": "image", "name": null}, "outcome": null, "remote": null, "method": null, "path": null, "tasks": [],
			"cause": {"class": "IncusNotFoundError", "message": "Failed creating instance: Image not found", "status": null,
				"response": null, "operation_id": null, "object": null, "outcome": null, "remote": null, "method": null, "path": null, "cause": null, "frames": [], "tasks": []},
			"frames": [{"file": "x.star", "line": 1, "column": 12, "function": "<toplevel>", "source": "fake.create()", "builtins": ["fake.create"]}]}`},
		{"task", "def f(x):\n    raise_(Error, '<no>', size=x, of=len)\nparallel(f, ['a b'])[0].value", `{
			"class": "Error", "message": "<no>", "status": null, "exit_status": 1, "response": null, "operation_id": null, "object": null, "outcome": null, "remote": null, "method": null,
			"path": null, "cause": null, "fields": {"size": "a b", "of": "<built-in function len>"},
			"tasks": [{"index": 0, "count": 1, "item": "a b"}], "frames": [
				{"file": "x.star", "line": 3, "column": 9, "function": "<toplevel>", "source": "parallel(f, ['a b'])[0].value", "builtins": ["parallel"]},
				{"file": "x.star", "line": 2, "column": 11, "function": "f", "source": "raise_(Error, '<no>', size=x, of=len)"}]}`},
		{"own cause", "def f():\n    raise_(Error, 'low')\ne = try_(f).error\nraise_(IncusTLSError, 'high', cause=e)", `{
			"class": "IncusTLSError", "message": "high", "status": null, "exit_status": 4, "response": null, "operation_id": null, "object": null, "outcome": null, "remote": null,
			"method": null, "path": null, "tasks": [],
			"cause": {"class": "Error", "message": "low", "status": null, "response": null, "operation_id": null, "object": null, "outcome": null, "remote": null, "method": null,
				"path": null, "cause": null, "tasks": [], "frames": [
					{"file": "x.star", "line": 3, "column": 9, "function": "<toplevel>", "source": "e = try_(f).error", "builtins": ["try_"]},
					{"file": "x.star", "line": 2, "column": 11, "function": "f", "source": "raise_(Error, 'low')"}]},
			"frames": [{"file": "x.star", "line": 4, "column": 7, "function": "<toplevel>", "source": "raise_(IncusTLSError, 'high', cause=e)"}]}`},
		{"plain", "1 // 0", `{
			"class": "ScriptError", "message": "floored division by zero", "status": null, "exit_status": 1, "response": null,
			"operation_id": null, "object": null, "outcome": null, "remote": null, "method": null, "path": null, "cause": null, "tasks": [],
			"frames": [{"file": "x.star", "line": 1, "column": 3, "function": "<toplevel>", "source": "1 // 0"}]}`},
		{"syntax", "def f(:\n    pass", `{
			"class": "SyntaxError", "message": "x.star:1:8: got ':', want ')'", "status": null, "exit_status": 2, "response": null,
			"operation_id": null, "object": null, "outcome": null, "remote": null, "method": null, "path": null, "cause": null, "tasks": [], "frames": [],
			"errors": [{"file": "x.star", "line": 1, "column": 8, "message": "got ':', want ')'", "source": "def f(:"}]}`},
		{"retried", "seen = []\ndef f():\n    seen.append(1)\n    raise_(IncusBusyError, 'busy %d' % len(seen))\nretry(f, times=2, delay=0)", `{
			"class": "IncusBusyError", "message": "busy 2", "status": null, "exit_status": 3, "response": null, "operation_id": null, "object": null, "outcome": null, "remote": null,
			"method": null, "path": null, "cause": null, "fields": {"attempts": 2}, "tasks": [],
			"notes": ["failed 2 times in 0s", "attempt 1: IncusBusyError: busy 1"], "frames": [
				{"file": "x.star", "line": 5, "column": 6, "function": "<toplevel>", "source": "retry(f, times=2, delay=0)", "builtins": ["retry"]},
				{"file": "x.star", "line": 4, "column": 11, "function": "f", "source": "raise_(IncusBusyError, 'busy %d' % len(seen))"}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := New(Options{JSON: true, Predeclared: starlark.StringDict{"fake": fakeModule()}})
			var want map[string]any
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			got := readReport(t, h, h.RunSource(context.Background(), "x.star", []byte(test.script)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Errors of no class have a name too.
func TestReportJSONClasses(t *testing.T) {
	h := New(Options{JSON: true, MaxSteps: 100_000, Stdout: &pipe{err: io.ErrClosedPipe}, Predeclared: starlark.StringDict{"fake": fakeModule()}})
	run := func(script string) error { return h.RunSource(context.Background(), "x.star", []byte(script)) }
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(signalled{})
	for _, test := range []struct {
		err    error
		class  string
		status int
	}{
		{run("undefined\nother"), "SyntaxError", 2},
		{run("load('testdata/lib/bad.star', 'x')"), "SyntaxError", 2},
		{run("while True: pass"), "StepLimit", 124},
		{run("fake.panic()"), "InternalError", 1},
		{run("print(1)\nprint(2)"), "OutputClosed", 141},
		{h.RunFile(context.Background(), "nope.star"), "UsageError", 2},
		{&UsageError{"incus-star", "unknown flag"}, "UsageError", 2},
		{h.RunSource(ctx, "x.star", nil), "Interrupt", 143},
		{fmt.Errorf("%w after 5s", ErrTimeout), "Timeout", 124},
		{ErrInterrupted, "Interrupt", 130},
		{errors.Plain("disk full"), "ScriptError", 1},
	} {
		r := readReport(t, h, test.err)
		if r["class"] != test.class || r["exit_status"] != float64(test.status) || r["message"] == "" {
			t.Errorf("%v: got %v", test.err, r)
		}
	}
	var b strings.Builder
	h.Report(&b, run("exit(7)"))
	h.Report(&b, nil)
	if b.String() != "" {
		t.Errorf("got %q", b.String())
	}
	// Values that JSON can't represent are shown as Starlark does, or left out, as is the middle of a long stack.
	r := readReport(t, h, run("raise_(Error, 'x', f=float('inf'))"))
	if diff := cmp.Diff(map[string]any{"f": "+inf"}, r["fields"]); diff != "" {
		t.Error(diff)
	}
	foreign := &errors.Error{Class: errors.Base, Message: "y", Fields: map[string]any{"f": t.Name}}
	r = readReport(t, h, &errors.Error{Class: errors.Base, Message: "x", Cause: foreign})
	if r["message"] != "x" || r["cause"].(map[string]any)["message"] != "y" {
		t.Errorf("got %v", r)
	}
	r = readReport(t, h, run("def f(n):\n    if n == 0: fail('deep')\n    f(n - 1)\nf(100)"))
	if frames := r["frames"].([]any); len(frames) != 17 || frames[8].(map[string]any)["elided"] != 86.0 {
		t.Errorf("got %v", r["frames"])
	}
}

// A report before the end of the script is an object of its own.
func TestReportJSONAside(t *testing.T) {
	var stderr strings.Builder
	h := New(Options{JSON: true, Stderr: &stderr, Predeclared: starlark.StringDict{"fake": fakeModule()}})
	err := h.RunSource(context.Background(), "x.star", []byte("defer(fail, 'x')\ntry_(finally_, lambda: fake.get('missing'), fake.unreachable)\nfail('y')"))
	h.Report(&stderr, err)
	var got []string
	for line := range strings.Lines(stderr.String()) {
		var r struct {
			Context, Message string
			ExitStatus       *int `json:"exit_status"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s|%s|%v", r.Context, r.Message, r.ExitStatus != nil))
	}
	want := []string{
		"clean-up failed too, after another error|no answer from 10.0.0.1|false",
		"a deferred call failed|x|false",
		"|y|true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
