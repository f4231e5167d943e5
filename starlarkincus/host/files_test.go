//go:build unix

package host

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
)

// ran runs a script and returns its output, with an error's report at the end.
func ran(t *testing.T, script string) string {
	t.Helper()
	out, _ := given(t, script)
	return out
}

func TestReadFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"text": "Käse\r\n", "latin1": "a\nK\xe4se", "empty": ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]string{
		`print([read_file("text"), read_file("empty")])`:                         `["Käse\r\n", ""]`,
		`print(read_file("` + wd + `/text", binary=True) == b"Käse\r\n")`:        "True",
		`print([read_file("latin1", binary=True)])`:                              `[b"a\nK\xe4se"]`,
		`e = try_(read_file, "no").error; print(e, e.path, e.missing, e.class_)`: "Error: read_file: no: no such file or directory no True Error",
		`e = try_(read_file, "text/x").error; print(e.message, e.missing)`:       "read_file: text/x: not a directory False",
		`e = try_(read_file, ".").error; print(e.message, e.missing)`:            "read_file: .: is a directory False",
		`print(try_(read_file, "").error.message)`:                               `read_file: "": no such file or directory`,
		`print(try_(read_file, "a\0b").error.message)`:                           "invalid argument",
		`e = try_(read_file, "latin1").error; print(e.message, e.path)`:          "read_file: latin1: line 2 is not UTF-8: read_file(path, binary=True) gives bytes latin1",
		`print(catch(ScriptError, read_file).error.message)`:                     "read_file: missing argument for path",
		`print(catch(ScriptError, read_file, 5).error.message)`:                  "read_file: for parameter path: got int, want string",
		`read_file("no")`: "Error: read_file: no: no such file or directory",
	} {
		if got := ran(t, script); !strings.Contains(got, want+"\n") {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
}

func TestWriteFile(t *testing.T) {
	t.Chdir(t.TempDir())
	old := syscall.Umask(0o022)
	defer syscall.Umask(old)
	check := func(script, file, text string, mode fs.FileMode) {
		t.Helper()
		if got := ran(t, script); got != "" {
			t.Errorf("%s: printed %q", script, got)
		}
		data, err := os.ReadFile(file)
		info, statErr := os.Stat(file)
		if err != nil || statErr != nil || string(data) != text || info.Mode() != mode {
			t.Errorf("%s: %q, %v (%v, %v), want %q, %v", script, data, info.Mode(), err, statErr, text, mode)
		}
	}
	check(`write_file("a", "one\n")`, "a", "one\n", 0o644)
	check(`write_file("a", b"\xff")`, "a", "\xff", 0o644)
	check(`write_file("a", "x", mode=0o600)`, "a", "x", 0o600)
	check(`write_file("a", "y")`, "a", "y", 0o600)
	check(`write_file("a", "z\n", append=True)`, "a", "yz\n", 0o600)
	check(`write_file("new", "1", append=True)`, "new", "1", 0o644)
	check(`write_file("wide", "", mode=0o777)`, "wide", "", 0o777)
	check(`write_file("quiet", "x", mode=0o400)`, "quiet", "x", 0o400)
	syscall.Umask(0o077)
	check(`write_file("mine", "x")`, "mine", "x", 0o600)
	if err := errors.Join(os.Symlink("a", "link"), os.Symlink("later", "dangling"), os.Mkdir("dir", 0o755)); err != nil {
		t.Fatal(err)
	}
	check(`write_file("link", "through")`, "a", "through", 0o600)
	check(`write_file("dangling", "through")`, "later", "through", 0o600)
	for _, name := range []string{"link", "dangling"} {
		if info, err := os.Lstat(name); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v, %v", name, info, err)
		}
	}
	for script, want := range map[string]string{
		`e = try_(write_file, "no/x", "").error; print(e.message, e.missing, e.path)`: "write_file: no/x: the folder no doesn't exist True no/x",
		`print(try_(write_file, "dir", "").error.message)`:                            "write_file: dir: is a directory",
		`print(try_(write_file, "a/x", "").error.message)`:                            "write_file: a/x: not a directory",
		`write_file("a", 5)`:               "write_file: data is int 5, want a string or bytes",
		`write_file("a", None)`:            "write_file: data is None, want a string or bytes",
		`write_file("a", "", mode="0644")`: `write_file: mode is the string "0644", want an int from 0 to 0o777`,
		`write_file("a", "", mode=644000)`: "write_file: mode is int 644000, want an int from 0 to 0o777",
	} {
		if got := ran(t, script); !strings.HasSuffix(got, want+"\n") {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
	if left, _ := filepath.Glob(".*.tmp"); left != nil {
		t.Errorf("left over: %q", left)
	}
}

// A failure leaves the old text, and nothing beside it.
func TestWriteFileFails(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full's sibling: a limit on the size of files")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a", []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := ran(t, `print(try_(write_file, "/dev/full", "x").error.message)`); got != "write_file: /dev/full: no space left on device\n" {
		t.Errorf("got %q", got)
	}
	if err := os.Chmod(".", 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(".", 0o755)
	if os.Getuid() != 0 {
		if got := ran(t, `print(try_(write_file, "a", "x").error.message)`); got != "write_file: a: permission denied\n" {
			t.Errorf("got %q", got)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

// A pipe that nobody writes to doesn't keep a script from being interrupted, nor other tasks from running.
func TestPipes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"read", "write", "try", "in", "out"} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Skip(err)
		}
	}
	for name, script := range map[string]string{
		"read":  "started()\nread_file('read')",
		"write": "started()\nwrite_file('write', 'x')",
		"try":   "started()\ntry_(read_file, 'try')\nprint('on')",
	} {
		t.Run(name, func(t *testing.T) {
			err, _, _ := stoppedInRealTime(t, Options{Grace: time.Hour}, script, ErrInterrupted)
			if ExitStatus(err) != 130 {
				t.Errorf("got %v", err)
			}
			release(t, name)
		})
	}
	go func() { _ = os.WriteFile("in", []byte("through the pipe"), 0) }()
	if got := ran(t, "print(read_file('in'))"); got != "through the pipe\n" {
		t.Errorf("got %q", got)
	}
	read := make(chan []byte, 1)
	go func() { data, _ := os.ReadFile("out"); read <- data }()
	if got := ran(t, "write_file('out', 'out')"); got != "" || string(<-read) != "out" {
		t.Errorf("got %q", got)
	}
}

// release opens and closes the other end of a pipe until the goroutine that a script left there has ended.
func release(t *testing.T, pipe string) {
	for range 500 {
		end, err := os.OpenFile(pipe, os.O_RDWR|syscall.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		end.Close()
		stacks := make([]byte, 1<<20)
		if !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "host.interruptible[") {
			return
		}
	}
	t.Error("a goroutine stays at the pipe")
}
