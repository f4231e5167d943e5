package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"incus-star/errors"
)

// plain builds the command without the race detector, once, and returns its folder. With the race detector, as the
// tests' own binary may be built, a script takes several times as much time and memory.
var plain = sync.OnceValues(func() (dir string, err error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "incus-star-plain"); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "incus-star"), "incus-star")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v\n%s", err, out)
	}
	atEnd = append(atEnd, func() { os.RemoveAll(dir) })
	return dir, nil
})

// usePlain makes a test run the command built by plain.
func usePlain(t *testing.T) {
	t.Helper()
	dir, err := plain()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		t.Skip("needs the go command, to build the binary")
	case err != nil:
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// TestMemory runs the files of testdata/memory.
func TestMemory(t *testing.T) {
	usePlain(t)
	runFiles(t, "testdata/memory", []string{"PATH"})
}

// TestMemoryAtOnce exceeds the limit in many processes at once, so that each one's measuring is late. The runtime itself
// must still find address space.
func TestMemoryAtOnce(t *testing.T) {
	usePlain(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 4 {
				command := exec.Command("incus-star", "--max-memory", "64MiB", "-c", "x = []\nwhile True: x.append('y' * 1000000); sleep(0.01)")
				output, err := command.CombinedOutput()
				if status := command.ProcessState.ExitCode(); status != 124 {
					t.Errorf("got status %d (%v)\n%.2000s", status, err, output)
				}
			}
		})
	}
	all.Wait()
}
