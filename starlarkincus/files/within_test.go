package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Links that earlier pulls made lead no later one out of the folder that it is to be within, wherever they are in its path.
func TestWithin(t *testing.T) {
	f := newFake(t)
	p := f.pool(false)
	here := t.TempDir()
	secret, to, there := filepath.Join(here, "secret"), filepath.Join(here, "to"), filepath.Join(f.dir, "a")
	mustDo(t, os.MkdirAll(filepath.Join(secret, "sub"), 0o755), os.WriteFile(filepath.Join(secret, "s"), []byte("kept"), 0o644), os.Mkdir(to, 0o755),
		os.MkdirAll(filepath.Join(there, "real", "sub"), 0o755), os.WriteFile(filepath.Join(there, "real", "s"), []byte("evil"), 0o644),
		os.WriteFile(filepath.Join(there, "f"), []byte("evil"), 0o644), os.Symlink("real", filepath.Join(there, "inside")),
		os.Symlink(secret, filepath.Join(there, "absolute")), os.Symlink("../../../secret", filepath.Join(there, "relative")),
		os.Symlink("absolute", filepath.Join(there, "twice")), os.Symlink("../../../secret/new", filepath.Join(there, "missing")))
	before, _ := treeOf(t, secret)
	pull := func(remote, local string) error {
		return do(t, p, func(c *Call) error {
			c.Within, c.Parents = to, true
			_, err := c.Pull(remote, local)
			return err
		})
	}
	mustDo(t, pull("/a", "x/y"), pull("/a", "x/y"), pull("/a/f", "x/y/inside/f"), pull("/a/real", "."))
	if data, err := os.ReadFile(filepath.Join(to, "x", "y", "real", "f")); string(data) != "evil" {
		t.Errorf("through a link within: %q, %v", data, err)
	}
	for _, remote := range []string{"/a/f", "/a/real"} {
		for _, link := range []string{"absolute", "relative", "twice", "missing"} {
			for _, below := range []string{"s", "sub", "sub/s", "new", "new/new", "."} {
				local := filepath.Join("x/y", link, below)
				if below == "." && remote == "/a/f" {
					continue // the file replaces the link
				}
				if err := pull(remote, local); err == nil {
					t.Errorf("%s to %s: no error", remote, local)
				}
			}
		}
		for _, local := range []string{"../secret/s", filepath.Join(secret, "s"), "x/../../secret/s", ".."} {
			if err := pull(remote, local); err == nil || !strings.Contains(err.Error(), "within=") {
				t.Errorf("%s to %s: %v", remote, local, err)
			}
		}
	}
	for _, link := range []string{"absolute", "missing"} {
		mustDo(t, pull("/a/f", filepath.Join("x/y", link)))
	}
	if after, _ := treeOf(t, secret); differences(before, after) != nil {
		t.Error(differences(before, after))
	}
}
