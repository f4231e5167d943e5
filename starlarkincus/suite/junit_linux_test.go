package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestReportToOpenFile checks that a report to an open file, as /dev/stdout is, follows what is there.
func TestReportToOpenFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, "before ")
	if err := writeReport(fmt.Sprintf("/dev/fd/%d", f.Fd()), []byte("report ")); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "after")
	if data, err := os.ReadFile(name); err != nil || string(data) != "before report after" {
		t.Errorf("the file has %q, %v", data, err)
	}
}
