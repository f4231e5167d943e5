package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"incus-star/errors"
)

// TestFolderWithoutPermission checks that the error names the folder if only the file is writable.
func TestFolderWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // so that another user has access
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	if os.Geteuid() == 0 {
		// Setfsuid changes the user of this thread only.
		done := make(chan error)
		go func() {
			runtime.LockOSThread()
			if err := syscall.Setfsuid(65534); err != nil {
				done <- err
				return
			}
			done <- Write(file, "new", Mode{})
		}() // the locked thread ends with the goroutine
		checkFolder(t, dir, <-done)
		return
	}
	checkFolder(t, dir, Write(file, "new", Mode{}))
}

func checkFolder(t *testing.T, dir string, err error) {
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "no new file can be made in the folder "+dir) {
		t.Errorf("got %v", err)
	}
}
