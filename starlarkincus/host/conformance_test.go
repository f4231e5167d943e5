package host

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"incus-star/starlarkincus/builtin"

	"incus-star/starlarkincus/report"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

// unconforming are the lines of Starlark's own tests that this host can't pass, and why.
var unconforming = map[string]string{
	"assign.star:338":   loadsGlobally,
	"assign.star:342":   loadsGlobally,
	"builtins.star:233": ownFail,
	"builtins.star:236": ownFail,
	"builtins.star:238": ownFail,
	"builtins.star:240": ownFail,
	"function.star:55":  recursion,
	"function.star:67":  recursion,
	"function.star:78":  recursion,
	"proto.star:1":      "needs the library for protocol buffers, which scripts don't have",
}

const (
	loadsGlobally = "a name that only a later load binds is undefined here, not unassigned"
	ownFail       = "the message of fail() is its arguments, without the word fail before them"
	recursion     = "scripts may call functions recursively"
)

// TestConformance runs starlark-go's own tests of the language and of its libraries on the interpreter as scripts have
// it, with the names that they have. Its source is in the module cache.
func TestConformance(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command, to find the source of go.starlark.net")
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.starlark.net").Output()
	if err != nil {
		t.Skip("needs the source of go.starlark.net in the module cache: ", err)
	}
	source := strings.TrimSpace(string(dir))
	files, err := filepath.Glob(filepath.Join(source, "starlark/testdata/*.star"))
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files in %s: %v", len(files), source, err)
	}
	passed := 0
	for _, file := range files {
		for _, c := range chunksOf(t, file) {
			name := fmt.Sprintf("%s:%d", filepath.Base(file), c.line)
			t.Run(name, func(t *testing.T) {
				if why := unconforming[name]; why != "" {
					t.Skip(why)
				}
				c.run(t, source, file)
				passed++
			})
		}
	}
	t.Logf("%d chunks passed", passed)
}

// A chunk is a part of a file of tests. A comment ### "pattern" marks the line where an error must happen.
type chunk struct {
	line int
	src  string
	want map[int]*regexp.Regexp
}

func chunksOf(t *testing.T, file string) []*chunk {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var chunks []*chunk
	line := 1
	for text := range strings.SplitSeq(string(data), "\n---\n") {
		c := &chunk{line, strings.Repeat("\n", line-1) + text, make(map[int]*regexp.Regexp)}
		for i, l := range strings.Split(text, "\n") {
			if _, quoted, ok := strings.Cut(l, "###"); ok {
				pattern, err := strconv.Unquote(strings.TrimSpace(quoted))
				if err != nil {
					t.Fatalf("%s:%d: %v", file, line+i, err)
				}
				c.want[line+i] = regexp.MustCompile(pattern)
			}
		}
		chunks = append(chunks, c)
		line += strings.Count(text, "\n") + 2
	}
	return chunks
}

// run runs a chunk as a script, with the further names of the tests.
func (c *chunk) run(t *testing.T, source, file string) {
	h := New(Options{Predeclared: starlark.StringDict{
		"hasfields": starlark.NewBuiltin("hasfields", newHasFields),
		"fibonacci": fibonacci{},
	}})
	text, err := checkSource(file, []byte(c.src))
	if err != nil {
		t.Fatal(err)
	}
	err = h.execute(context.Background(), func(r *run, thread *starlark.Thread) error {
		thread.Load = func(thread *starlark.Thread, module string) (starlark.StringDict, error) {
			switch module {
			case "assert.star":
				return starlarkAssert(t, source)
			case "json.star", "time.star", "math.star":
				name := strings.TrimSuffix(module, ".star")
				return starlark.StringDict{name: h.predeclared[name]}, nil
			}
			return r.load(thread, module)
		}
		_, err := h.exec(thread, file, text)
		return err
	})
	for line, message := range conformanceErrors(h, file, err) {
		switch want := c.want[line]; {
		case unconforming[fmt.Sprintf("%s:%d", filepath.Base(file), line)] != "":
		case want == nil:
			t.Errorf("unexpected error at line %d: %s", line, message)
		case !want.MatchString(message):
			t.Errorf("line %d: got %q, want %q", line, message, want)
		}
		delete(c.want, line)
	}
	for line, pattern := range c.want {
		t.Errorf("line %d: no error, want %q", line, pattern)
	}
}

// conformanceErrors are the messages of an error by line: of one at run time the innermost of the file's.
func conformanceErrors(h *Host, file string, err error) map[int]string {
	for _, frame := range slices.Backward(report.Backtrace(err)) {
		if frame.Pos.Line > 0 && frame.Pos.Filename() == file {
			return map[int]string{int(frame.Pos.Line): err.Error()}
		}
	}
	return failures(h, err)
}

// starlarkAssert is the module with which Starlark's tests check, from its own source.
func starlarkAssert(t *testing.T, source string) (starlark.StringDict, error) {
	function := func(name string, fn func(thread *starlark.Thread, args starlark.Tuple) (starlark.Value, error)) starlark.Value {
		return starlark.NewBuiltin(name, func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return fn(thread, args)
		})
	}
	path := filepath.Join(source, "starlarktest/assert.star")
	options := syntax.FileOptions{}
	return starlark.ExecFileOptions(&options, new(starlark.Thread), path, nil, starlark.StringDict{
		"error": function("error", func(thread *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
			pos := thread.CallFrame(2).Pos // of the call of assert.eq and its kin
			if unconforming[fmt.Sprintf("%s:%d", filepath.Base(pos.Filename()), pos.Line)] == "" {
				t.Errorf("%s: %s", pos, builtin.PlainText(args[0]))
			}
			return starlark.None, nil
		}),
		"catch": function("catch", func(thread *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
			if _, err := starlark.Call(thread, args[0], nil, nil); err != nil {
				return starlark.String(err.Error()), nil
			}
			return starlark.None, nil
		}),
		"matches": function("matches", func(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
			ok, err := regexp.MatchString(builtin.PlainText(args[0]), builtin.PlainText(args[1]))
			return starlark.Bool(ok), err
		}),
		"module": starlark.NewBuiltin("module", starlarkstruct.MakeModule),
		"_freeze": function("freeze", func(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
			args[0].Freeze()
			return args[0], nil
		}),
		"_floateq": function("floateq", func(_ *starlark.Thread, args starlark.Tuple) (starlark.Value, error) {
			x, y := float64(args[0].(starlark.Float)), float64(args[1].(starlark.Float))
			return starlark.Bool(x == y || x != x && y != y || math.Nextafter(x, y) == y), nil
		}),
	})
}

// fibonacci is an iterable without an end.
type fibonacci struct{}

func (fibonacci) String() string             { return "fib" }
func (fibonacci) Type() string               { return "fib" }
func (fibonacci) Freeze()                    {}
func (fibonacci) Truth() starlark.Bool       { return true }
func (fibonacci) Hash() (uint32, error)      { return 0, fmt.Errorf("fib is unhashable") }
func (fibonacci) Iterate() starlark.Iterator { return &fibonacciIterator{0, 1} }

type fibonacciIterator struct{ x, y int }

func (it *fibonacciIterator) Done() {}

func (it *fibonacciIterator) Next(p *starlark.Value) bool {
	*p = starlark.MakeInt(it.x)
	it.x, it.y = it.y, it.x+it.y
	return true
}

func newHasFields(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
	return &hasFields{attrs: make(starlark.StringDict)}, nil
}

// hasFields is a value whose fields can be set.
type hasFields struct {
	attrs  starlark.StringDict
	frozen bool
}

var (
	_ starlark.HasSetField = (*hasFields)(nil)
	_ starlark.HasBinary   = (*hasFields)(nil)
)

func (*hasFields) String() string        { return "hasfields" }
func (*hasFields) Type() string          { return "hasfields" }
func (*hasFields) Truth() starlark.Bool  { return true }
func (*hasFields) Hash() (uint32, error) { return 42, nil }

func (f *hasFields) Freeze() {
	if !f.frozen {
		f.frozen = true
		f.attrs.Freeze()
	}
}

func (f *hasFields) Attr(name string) (starlark.Value, error) { return f.attrs[name], nil }
func (f *hasFields) AttrNames() []string                      { return f.attrs.Keys() }

func (f *hasFields) SetField(name string, v starlark.Value) error {
	if f.frozen {
		return fmt.Errorf("cannot set field on a frozen hasfields")
	}
	if strings.HasPrefix(name, "no") {
		return starlark.NoSuchAttrError(fmt.Sprintf("no .%s field", name))
	}
	f.attrs[name] = v
	return nil
}

func (f *hasFields) Binary(op syntax.Token, y starlark.Value, _ starlark.Side) (starlark.Value, error) {
	if _, ok := y.(*starlark.List); ok && op == syntax.PLUS {
		return starlark.MakeInt(42), nil
	}
	return nil, nil
}
