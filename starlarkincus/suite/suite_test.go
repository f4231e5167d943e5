package suite

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	prefix = mine
	goleak.VerifyTestMain(m)
}

func module(io.Writer) starlarkincus.Options { return starlarkincus.Options{} }

var times = regexp.MustCompile(`\d+\.\d+s`)

// run runs tests and returns the status and the output, without times. Its clock moves only while everything waits, so
// that no load of the machine takes from the time of a test.
func run(t *testing.T, o Options) (status int, text string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { status, text = runUntil(t, t.Context(), o) })
	return status, text
}

// runUntil is run by the machine's clock, for tests that use a server, with a context.
func runUntil(t *testing.T, ctx context.Context, o Options) (status int, text string) {
	t.Helper()
	var out, errs bytes.Buffer
	o.Stdout, o.Stderr, o.Module = &out, &errs, module
	if o.Timeout == 0 {
		o.Timeout = 200 * time.Millisecond
	}
	status = New(o).Run(ctx)
	return status, times.ReplaceAllString(out.String(), "0s") + errs.String()
}

// want compares got with a file of testdata.
func want(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestOutcomes(t *testing.T) {
	status, got := run(t, Options{Paths: []string{"testdata/outcomes_test.star"}})
	if status != 1 {
		t.Errorf("ended with %d, want 1", status)
	}
	want(t, "outcomes.txt", got)
}

func TestDifferences(t *testing.T) {
	status, got := run(t, Options{Paths: []string{"testdata/differences_test.star"}})
	if status != 1 {
		t.Errorf("ended with %d, want 1", status)
	}
	want(t, "differences.txt", got)
}

func TestVerbose(t *testing.T) {
	status, got := run(t, Options{Paths: []string{"testdata/outcomes_test.star"}, Verbose: true, Match: regexp.MustCompile("passes|skip|defers")})
	if status != 0 {
		t.Errorf("ended with %d, want 0", status)
	}
	want(t, "verbose.txt", got)
}

// write creates a folder with files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		name   string
		files  map[string]string
		match  string
		status int
		text   string
	}{
		{"nothing", map[string]string{"a.star": "x = 1"}, "", 2, "no tests found"},
		{"no test", map[string]string{"a_test.star": "x = 1"}, "", 2, "no tests found"},
		{"no match", map[string]string{"a_test.star": "def test_a(): pass"}, "zzz", 2, "no test's name matches"},
		{"doesn't parse", map[string]string{"a_test.star": "def test_a(): pass", "b_test.star": "def test_b(:"}, "", 2, "b_test.star:1:13: got ':'"},
		{"top level", map[string]string{"a_test.star": "load('nope.star', 'x')\ndef test_a(): pass"}, "", 1, "nope.star"},
		{"setup fails", map[string]string{"a_test.star": "def setup(): fail('no')\ndef teardown(): print('never')\ndef test_a(): pass"}, "", 1, "ScriptError: no"},
		{"teardown fails", map[string]string{"a_test.star": "def teardown(): fail('torn')\ndef test_a(): pass"}, "", 1, "ScriptError: torn"},
		{"setup isn't callable", map[string]string{"a_test.star": "setup = 1\ndef test_a(): pass"}, "", 1, "setup is an int, want a function"},
		{"undefined", map[string]string{"a_test.star": "if False:\n    def test_a(): pass\ndef test_b(): pass"}, "", 0, "1 passed, 1 skipped"},
		{"parameters", map[string]string{"a_test.star": "def test_a(x): pass"}, "", 1, "missing 1 argument"},
		{"hidden", map[string]string{"a_test.star": "def test_a(): pass", ".b/b_test.star": "def test_b(): fail('x')"}, "", 0, "1 passed in"},
		{"deep", map[string]string{"x/y/a_test.star": "test_a = lambda: None"}, "", 0, "1 passed in"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Options{Paths: []string{write(t, test.files)}, Timeout: time.Minute}
			if test.match != "" {
				o.Match = regexp.MustCompile(test.match)
			}
			status, text := run(t, o)
			if status != test.status || !strings.Contains(text, test.text) || strings.Contains(text, "never") {
				t.Errorf("ended with %d, want %d, and printed (want %q)\n%s", status, test.status, test.text, text)
			}
		})
	}
	if status, text := run(t, Options{Paths: []string{"testdata/nope"}}); status != 2 || !strings.Contains(text, "no such file") {
		t.Error(status, text)
	}
}

func TestJUnit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "junit.xml")
	dir := write(t, map[string]string{
		"a_test.star": "def test_ok(): print('x\\x1b[1m\\x01y ]]>')\ndef test_bad(): assert_eq(1, 2)\ndef test_skip(): skip('z')\ndef test_err(): raise_(IncusError, 'e')",
		"b_test.star": "def test_b(:",
	})
	run(t, Options{Paths: []string{dir}, JUnit: file})
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var suites xmlSuites
	if err := xml.Unmarshal(data, &suites); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if suites.Tests != 5 || suites.Failures != 1 || suites.Errors != 2 || suites.Skipped != 1 || len(suites.Suites) != 2 {
		t.Errorf("%s", data)
	}
	a := suites.Suites[0]
	if a.Cases[0].Output == nil || a.Cases[0].Output.Text != "x\\x01y ]]>\n" || a.Cases[1].Failure.Message != "got 1, want 2" ||
		!strings.Contains(a.Cases[1].Failure.Text, "in test_bad") || a.Cases[2].Skipped.Message != "z" || a.Cases[3].Error == nil {
		t.Errorf("%s", data)
	}
}

// TestParallel checks that files run in parallel, and that their output isn't interleaved.
func TestParallel(t *testing.T) {
	files := make(map[string]string)
	for _, name := range []string{"a", "b", "c", "d"} {
		files[name+"_test.star"] = "def test_one():\n    print('" + name + "')\n    sleep(0.3)\n    print('" + name + "')\n    fail('x')"
	}
	dir := write(t, files)
	var text string
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		_, text = runUntil(t, t.Context(), Options{Paths: []string{dir}, Parallel: 4, Timeout: time.Minute})
		if took := time.Since(begin); took != 300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
	for _, name := range []string{"a", "b", "c", "d"} {
		if !strings.Contains(text, "    "+name+"\n    "+name+"\n    Traceback") {
			t.Errorf("the output of %s is mixed with another's:\n%s", name, text)
		}
	}
}

// TestInterrupt checks that an interrupt ends the running tests, and that no others start.
func TestInterrupt(t *testing.T) {
	dir := write(t, map[string]string{"a_test.star": "def teardown(): print('torn down')\ndef test_a(): sleep(100)\ndef test_b(): pass\n"})
	var status int
	var text string
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(host.ErrInterrupted) })
		status, text = runUntil(t, ctx, Options{Paths: []string{dir}, Timeout: time.Minute})
	})
	if status != 130 || !strings.Contains(text, "torn down") || !strings.Contains(text, "0 passed, 1 error, 1 not run") {
		t.Errorf("ended with %d and printed\n%s", status, text)
	}
}

// TestBusyLoop checks that a test that never waits ends with its time too.
func TestBusyLoop(t *testing.T) {
	dir := write(t, map[string]string{"a_test.star": "def test_a():\n    while True: pass\n"})
	status, text := runUntil(t, t.Context(), Options{Paths: []string{dir}, Timeout: 200 * time.Millisecond})
	if status != 1 || !strings.Contains(text, "timed out after 200ms") || !strings.Contains(text, "1 error") {
		t.Errorf("ended with %d and printed\n%s", status, text)
	}
}

// TestOutputIsBounded checks that the recorded output of a test is limited.
func TestOutputIsBounded(t *testing.T) {
	dir := write(t, map[string]string{"a_test.star": "def test_a():\n    for _ in range(3000): print('x' * 1023)\n    fail('end')\n"})
	_, text := run(t, Options{Paths: []string{dir}, Timeout: time.Minute})
	if len(text) > 2*maxOutput || !strings.Contains(text, "… 2023424 more bytes") || !strings.Contains(text, "ScriptError: end") {
		t.Errorf("%d bytes, ending in\n%s", len(text), text[max(0, len(text)-500):])
	}
}
