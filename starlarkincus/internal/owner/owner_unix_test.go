//go:build unix

package owner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestModes checks every mode of a file and of a folder, owned by the user, by root, or by another user.
func TestModes(t *testing.T) {
	dir := t.TempDir()
	file, folder := filepath.Join(dir, "file"), filepath.Join(dir, "folder")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	me := os.Getuid()
	warns := func(got, text string) bool { return strings.Contains(got, text) }
	for mode := range os.FileMode(0o1000) {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if got, want := warns(Key(file, me), "can be read or written by other users"), mode&0o066 != 0; got != want {
			t.Errorf("a key with mode %#o: %v", mode, got)
		}
		for _, path := range []string{file, folder} {
			for _, sticky := range []os.FileMode{0, os.ModeSticky} {
				if err := os.Chmod(path, mode|sticky); err != nil {
					t.Fatal(err)
				}
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				want := mode&0o002 != 0 && info.Mode()&os.ModeSticky == 0
				if got := warns(Trusted(path, me), "can be written by all users"); got != want {
					t.Errorf("%s with mode %v: %v", path, info.Mode(), got)
				}
			}
		}
	}
	for _, path := range []string{file, folder} {
		if err := os.Chmod(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if got := Trusted(path, me); got != "" {
			t.Errorf("one's own: %s", got)
		}
		// Files of root are trusted, so this applies only to users other than root, or to files that root doesn't own.
		if err := os.Chown(path, 12345, -1); err == nil || me != 0 {
			owner := me
			if err == nil {
				owner = 12345
			}
			if got := Trusted(path, owner+1); !warns(got, path+" belongs to another user (uid ") {
				t.Errorf("another's: %q", got)
			}
			if got := Key(path, owner+1); path == file && !warns(got, "the key "+path+" belongs to another user (uid ") {
				t.Errorf("another's key: %q", got)
			}
			if got := Trusted(path, owner); got != "" {
				t.Errorf("one's own: %s", got)
			}
		}
	}
	for _, path := range []string{filepath.Join(dir, "nothing"), filepath.Join(file, "below")} {
		if Key(path, me) != "" || Trusted(path, me) != "" {
			t.Errorf("%s isn't there", path)
		}
	}
	if got := Key(folder, me+1); got != "" {
		t.Errorf("a folder is no key: %s", got)
	}
	if got := Trusted("/dev/null", 0); got != "" {
		t.Errorf("a device may be written by all: %s", got)
	}
}
