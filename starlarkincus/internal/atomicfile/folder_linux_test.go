package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A file that may be written to in a folder that may not says which of the two is in the way.
func TestFolderWithoutPermission(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // so that another user comes to it
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
		// The file system's user alone: it is this thread's.
		done := make(chan error)
		go func() {
			runtime.LockOSThread()
			if err := syscall.Setfsuid(65534); err != nil {
				done <- err
				return
			}
			done <- Write(file, "new", Mode{})
		}() // the thread ends with it
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
