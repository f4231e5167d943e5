package atomicfile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/errors"
)

// TestOpened checks that a file isn't replaced by a path to it as an open one, and that what is written to it follows what
// is there.
func TestOpened(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	content := ""
	add := func(to *os.File) {
		t.Helper()
		line := fmt.Sprintln("line", len(content))
		if _, err := to.WriteString(line); err != nil {
			t.Fatal(err)
		}
		content += line
	}
	link := func(name, target string) string {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	number, pid := f.Fd(), os.Getpid()
	absolute := link("absolute", fmt.Sprintf("/dev/fd/%d", number))
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		fmt.Sprintf("/dev/fd/%d", number), fmt.Sprintf("/proc/self/fd/%d", number), fmt.Sprintf("/proc/%d/fd/%d", pid, number),
		fmt.Sprintf("/proc/%d/task/%d/fd/%d", pid, pid, number), fmt.Sprintf("/dev/../dev/./fd//%d", number),
		absolute, link("relative", "absolute"), link("folder/up", "../relative"), link("descriptors", "/proc/self/fd") + fmt.Sprintf("/%d", number),
	} {
		add(f)
		if err := Write(path, "lost", Mode{Perm: 0o600}); !errors.Is(err, ErrNotReplaced) {
			t.Errorf("%s: got %v", path, err)
		}
		own, err := Opened(path)
		if err != nil || own == nil {
			t.Errorf("%s: opened %v, %v", path, own, err)
			continue
		}
		add(own)
		own.Close()
		add(f)
		if data, err := os.ReadFile(file); err != nil || string(data) != content {
			t.Fatalf("%s: the file has %q, %v, want %q", path, data, err, content)
		}
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced: %v", err)
	}
	checkOther(t, file)
	for _, path := range []string{file, link("plain", "file"), link("dangling", "nothing"), link("loop", "loop"), filepath.Join(dir, "new"), dir, "/proc/self/cwd/x"} {
		if own, err := Opened(path); own != nil || err != nil || IsOpen(path) {
			t.Errorf("%s is taken for an open file: %v", path, err)
		}
	}
	if err := Write(filepath.Join(dir, "plain"), "new", Mode{}); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "new" {
		t.Errorf("the file has %q, %v", data, err)
	}
}

// checkOther checks that the open file of another process isn't replaced, nor written to.
func checkOther(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other := exec.Command("cat")
	other.Stdout = f // which cat never writes to
	input, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer input.Close()
	path := fmt.Sprintf("/proc/%d/fd/1", other.Process.Pid)
	if err := Write(path, "lost", Mode{}); !errors.Is(err, ErrNotReplaced) {
		t.Errorf("another's: got %v", err)
	}
	if own, err := Opened(path); own != nil || err != nil {
		t.Errorf("another's: opened %v, %v", own, err)
	}
}

// TestPipe checks that a path to a pipe as an open file is no missing one.
func TestPipe(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := fmt.Sprintf("/dev/fd/%d", to.Fd())
	if err := Write(path, "x", Mode{}); !errors.Is(err, ErrNotReplaced) {
		t.Errorf("got %v", err)
	}
	own, err := Opened(path)
	if err != nil || own == nil {
		t.Fatal(own, err)
	}
	if _, err := own.WriteString("line\n"); err != nil {
		t.Error(err)
	}
	own.Close()
	to.Close()
	var all strings.Builder
	if _, err := from.WriteTo(&all); err != nil || all.String() != "line\n" {
		t.Errorf("got %q, %v", all.String(), err)
	}
}
