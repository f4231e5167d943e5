package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMemory runs the files of testdata/memory on a binary of its own: a test's may have the race detector, which takes
// more memory than these scripts may have.
func TestMemory(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("needs the go command, to build the binary")
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "incus-star"), "incus-star")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	runFiles(t, "testdata/memory", []string{"PATH"})
}
