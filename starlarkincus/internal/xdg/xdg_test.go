package xdg

import "testing"

// TestFolders checks that a variable counts only if it is an absolute path; otherwise the folder is in the home folder.
func TestFolders(t *testing.T) {
	for name, c := range map[string]struct {
		folder             func() string
		variable, fallback string
	}{"data": {Data, "XDG_DATA_HOME", "share"}, "state": {State, "XDG_STATE_HOME", "state"}} {
		for set, want := range map[string]string{"/a/b": "/a/b", "": "/home/me/.local/" + c.fallback, "a/b": "/home/me/.local/" + c.fallback, ".": "/home/me/.local/" + c.fallback} {
			t.Setenv("HOME", "/home/me")
			t.Setenv(c.variable, set)
			if got := c.folder(); got != want {
				t.Errorf("%s with %s=%s: got %s, want %s", name, c.variable, set, got, want)
			}
			t.Setenv("HOME", "")
			if set != "/a/b" {
				want = ""
			}
			if got := c.folder(); got != want {
				t.Errorf("%s with %s=%s and no home: got %q, want %q", name, c.variable, set, got, want)
			}
		}
	}
}
