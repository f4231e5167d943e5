package errors

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestFileRules checks that each rule, and none before it, matches its code and its texts, which are those of the kernel,
// with the function and the path that servers put in front of them.
func TestFileRules(t *testing.T) {
	known := make(map[string]bool)
	for errno := syscall.Errno(1); errno < 134; errno++ {
		known[errno.Error()] = true
	}
	seen := make(map[string]bool)
	for _, r := range fileRules {
		for _, text := range r.texts {
			if !known[text] || seen[text] {
				t.Errorf("%q is no text of the kernel, or has two rules", text)
			}
			seen[text] = true
			for _, message := range []string{text, (&os.PathError{Op: "open", Path: "/a: is a directory", Err: Plain(text)}).Error(),
				(&os.LinkError{Op: "rename", Old: "/a", New: "/b: file exists", Err: Plain(text)}).Error()} {
				e := NewFile("/a", 4, message)
				if e.Class != r.class || e.Message != "/a: "+text || e.Object.String() != `file "/a"` {
					t.Errorf("%q: %v", message, e)
				}
			}
		}
		if r.code != 0 {
			if e := NewFile("/a", r.code, ""); e.Class != r.class || e.Message != "/a: "+r.texts[0] {
				t.Errorf("code %d: %v", r.code, e)
			}
		}
	}
	for message, want := range map[string]string{"": "the server gives no reason", "x": "x", "is a directory: x": "x", "file exists.": "file exists."} {
		if e := NewFile("/a", 4, message); e.Class != API || !strings.HasSuffix(e.Message, ": "+want) {
			t.Errorf("%q: %v", message, e)
		}
	}
}
