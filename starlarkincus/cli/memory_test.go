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
