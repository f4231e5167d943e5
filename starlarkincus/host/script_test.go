package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/report"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestScripts runs the chunks of testdata/*.star, divided by lines of "---", each on a host of its own. A comment
// ### "pattern" marks the line where a chunk's error must happen, and a pattern of its report.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.star")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line := 1
		for chunk := range strings.SplitSeq(string(data), "\n---\n") {
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), line), func(t *testing.T) {
				runChunk(t, file, strings.Repeat("\n", line-1)+chunk)
			})
			line += strings.Count(chunk, "\n") + 2
		}
	}
}

// raced reports whether the race detector watches the tests.
var raced bool

// slowWhenRaced skips a test of endless recursion, which takes up to a minute under the race detector and has nothing for
// it to see. scripts/test.sh runs these without it.
func slowWhenRaced(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("takes too long under the race detector")
	}
}

func runChunk(t *testing.T, file, src string) {
	if strings.Contains(src, "Starlark stack overflow") {
		slowWhenRaced(t)
	}
	t.Setenv("HOST_TEST", "a=b")
	var out, stderr strings.Builder
	h := New(Options{Stdout: &out, Stderr: &stderr, Args: []string{"--count", "5"}, LibraryPath: []string{"testdata/library"}, Servers: namedServers,
		Predeclared: starlark.StringDict{"assert": assertModule(t), "fake": fakeModule(),
			"printed": starlark.NewBuiltin("printed", taken(&out)), "reported": starlark.NewBuiltin("reported", taken(&stderr))}})
	err := h.RunSource(context.Background(), file, []byte(src))
	want := make(map[int]*regexp.Regexp)
	for i, text := range strings.Split(src, "\n") {
		if _, quoted, ok := strings.Cut(text, "### "); ok {
			pattern, err := strconv.Unquote(strings.TrimSpace(quoted))
			if err != nil {
				t.Fatalf("%s:%d: %v", file, i+1, err)
			}
			want[i+1] = regexp.MustCompile(pattern)
		}
	}
	for line, message := range failures(h, err) {
		if want[line] == nil {
			t.Errorf("unexpected error at line %d: %s\n%s", line, message, reported(h, err))
		} else if !want[line].MatchString(message) {
			t.Errorf("line %d: got %q, want %q", line, message, want[line])
		}
		delete(want, line)
	}
	for line, pattern := range want {
		t.Errorf("line %d: no error, want %q", line, pattern)
	}
}

// failures gives the messages of an error by line: several where a script didn't resolve.
func failures(h *Host, err error) map[int]string {
	var parse syntax.Error
	var names resolve.ErrorList
	switch {
	case err == nil:
		return nil
	case errors.As(err, &parse):
		return map[int]string{int(parse.Pos.Line): parse.Msg}
	case errors.As(err, &names):
		m := make(map[int]string)
		for _, e := range names {
			m[int(e.Pos.Line)] = e.Msg
		}
		return m
	}
	frames := report.Backtrace(err)
	if len(frames) == 0 {
		return map[int]string{0: err.Error()}
	}
	_, message, _ := strings.Cut(reported(h, err), "Traceback")
	return map[int]string{int(frames[len(frames)-1].Pos.Line): message}
}

// taken returns a builtin that returns the output since its last call.
func taken(b *strings.Builder) func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		defer b.Reset()
		return starlark.String(b.String()), nil
	}
}

type members map[string]func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error)

func module(name string, m members) starlark.Value {
	mod := &starlarkstruct.Module{Name: name, Members: make(starlark.StringDict)}
	for member, fn := range m {
		mod.Members[member] = starlark.NewBuiltin(name+"."+member, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return fn(thread, args, kwargs)
		})
	}
	return mod
}

// assertModule reports to the test and lets the script go on.
func assertModule(t *testing.T) starlark.Value {
	failed := func(thread *starlark.Thread, format string, args ...any) (starlark.Value, error) {
		t.Errorf("%s: %s", thread.CallFrame(1).Pos, fmt.Sprintf(format, args...))
		return starlark.None, nil
	}
	return module("assert", members{
		"eq": func(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if same, err := starlark.Equal(args[0], args[1]); err != nil || !same {
				return failed(thread, "got %v, want %v (%v)", args[0], args[1], err)
			}
			return starlark.None, nil
		},
		"true": func(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if !args[0].Truth() {
				return failed(thread, "got %v, want something true", args[0])
			}
			return starlark.None, nil
		},
		"contains": func(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if in, err := starlark.Binary(syntax.IN, args[1], args[0]); err != nil || !in.Truth() {
				return failed(thread, "%v isn't in %v (%v)", args[1], args[0], err)
			}
			return starlark.None, nil
		},
		"fails": func(thread *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			pattern := string(args[1].(starlark.String))
			_, err := starlark.Call(thread, args[0], args[2:], nil)
			if err == nil {
				return failed(thread, "no error, want %q", pattern)
			}
			if !regexp.MustCompile(pattern).MatchString(err.Error()) {
				return failed(thread, "got %q, want %q", err, pattern)
			}
			return starlark.None, nil
		},
	})
}

// fakeModule stands for the incus module.
func fakeModule() starlark.Value {
	return module("fake", members{
		"get": func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if name := args[0].(starlark.String); name != "missing" {
				return name, nil
			}
			return nil, &errors.Error{Class: errors.NotFound, Message: "Instance not found", Status: 404, Method: "GET",
				Path: "/1.0/instances/missing", Response: map[string]any{"error": "Instance not found", "error_code": 404.0}}
		},
		"create": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return nil, errors.NewOperation("5f3a", errors.Failure{Status: 400, Message: "Failed creating instance: Image not found"}, nil)
		},
		"unreachable": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return nil, &errors.Error{Class: errors.Connection, Message: "no answer from 10.0.0.1", Cause: errors.Plain("no route to host")}
		},
		"refused": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return nil, &errors.Error{Class: errors.Connection, Message: "connection refused", Method: "POST", Outcome: errors.NotSent}
		},
		"read": func(_ *starlark.Thread, _ starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			e := &errors.Error{Class: errors.Connection, Message: "connection lost", Method: "GET", Reads: true}
			for _, kwarg := range kwargs {
				text, _ := starlark.AsString(kwarg[1])
				switch kwarg[0].(starlark.String) {
				case "outcome":
					e.Outcome = errors.Outcome(text)
				case "again":
					e.Again = bool(kwarg[1].Truth())
				case "operation_id":
					e.OperationID = text
				case "class_":
					e.Class = kwarg[1].(classValue).class
				}
			}
			return nil, e
		},
		"exec": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return nil, &errors.Error{Class: errors.Exec, Message: "ls ended with 2", Fields: map[string]any{"exit_code": 2, "stdout": "", "stderr": "ls: /x\n"}}
		},
		"plain": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return nil, errors.Plain("fake.plain: an error of no class")
		},
		"wrapped": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return nil, fmt.Errorf("outer words: %w", errors.New(errors.Busy, "busy"))
		},
		"panic": func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			panic("the sky fell")
		},
		"nil": func(thread *starlark.Thread, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			return starlark.Tuple{nil}, nil
		},
		"call": func(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return starlark.Call(thread, args[0], args[1:], kwargs)
		},
		"wait": func(thread *starlark.Thread, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			b := builtin.Of(thread)
			b.Block(func() { <-b.Context.Done() })
			return nil, &errors.Error{Class: errors.Connection, Message: "the request was cancelled", Cause: b.Context.Err()}
		},
	})
}
