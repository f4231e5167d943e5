//go:build unix

package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/starlarkincus/cli"
)

// A result is the result of a run of the command within this process.
type result struct {
	stdout, stderr string
	status         int
}

// runHere runs the command within this process, with its environment and working directory. It captures standard output
// if stdout is nil.
func runHere(t *testing.T, stdin string, stdout *os.File, args ...string) (r result) {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) *os.File {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	out, kept, errs := stdout, file("stdout", ""), file("stderr", "")
	if out == nil {
		out = kept
	}
	r.status = cli.Main(args, file("stdin", stdin), out, errs)
	for f, text := range map[*os.File]*string{kept: &r.stdout, errs: &r.stderr} {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		*text = string(data)
		f.Close()
	}
	return r
}

// TestOutputThatFails checks that each command that prints ends with 141 if its output has no reader, and with an error
// if it can't be written.
func TestOutputThatFails(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("INCUS_SOCKET", dir+"/none")
	write := func() {
		for name, text := range map[string]string{
			"ok.star":     "\"\"\"A text.\"\"\"\nflag(\"count\", 1)\n",
			"wrong.star":  "x = undefined_name\n",
			"form.star":   "x=1\n",
			"a_test.star": "def test_a():\n    print(1)\ndef test_b():\n    fail(\"x\")\n",
		} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	reader, closed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer closed.Close()
	for _, line := range []string{
		"--help", "-h", "--version",
		"test --help", "check --help", "fmt --help", "doc --help",
		"doc", "doc try_", "doc incus.instances.launch retry", "doc -k rename",
		"check wrong.star", "check --json wrong.star", "check --json ok.star",
		"fmt -l form.star", "fmt -d form.star", "fmt --check form.star", "fmt -", "fmt -d -", "fmt form.star",
		"test a_test.star", "test -v a_test.star",
		"ok.star --help", "-c print(1)", "-c table([[1]])",
		"< help()", "< help(try_)", "< 1+1", // the prompt's standard input
	} {
		args, stdin := strings.Fields(line), "x=1\n"
		script := args[0] == "-c" || args[0] == "ok.star" // a failed write is an error in the script
		if entry, ok := strings.CutPrefix(line, "< "); ok {
			args, stdin, script = nil, entry+"\n", true
		}
		for _, format := range []string{"text", "json"} {
			args := append([]string{"--error-format", format}, args...)
			write()
			if got := runHere(t, stdin, closed, args...); got.status != 141 || format == "text" && got.stderr != "" {
				t.Errorf("%q on a closed pipe: status %d, want 141: %s", args, got.status, got.stderr)
			}
			write()
			got := runHere(t, stdin, full, args...)
			if got.status != 2 && !(script && got.status == 1) || !strings.Contains(got.stderr, "no space left on device") {
				t.Errorf("%q on a full device: status %d: %s", args, got.status, got.stderr)
			}
			for line := range strings.Lines(got.stderr) {
				if format == "json" && !json.Valid([]byte(line)) {
					t.Errorf("%q: no JSON: %s", args, got.stderr)
				}
			}
			write()
			if got := runHere(t, stdin, nil, args...); got.stdout == "" || got.status == 141 {
				t.Errorf("%q prints nothing: %+v", args, got)
			}
		}
	}
}
