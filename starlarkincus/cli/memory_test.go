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

// plain builds the command as users have it, once, and returns the folder with it. With the race detector, which the tests'
// own binary may have, a script takes several times the time and the memory.
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

// usePlain makes a test's processes those of plain.
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
