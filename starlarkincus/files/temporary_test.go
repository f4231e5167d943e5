package files

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"incus-star/errors"
)

// Temporary names of any file are valid and known as such, and no other name is.
func TestTemporaryNames(t *testing.T) {
	dir := t.TempDir()
	for _, base := range []string{"a", "", "\n", "\xff\xfe", ".x", "a.tmp", ".a.incus-star-1.tmp", strings.Repeat("x", 255), strings.Repeat("é", 127), strings.Repeat("\xff", 255)} {
		name := temporaryName(base)
		if !isTemporary(name) || !strings.HasPrefix(name, temporaryPrefix(base)) {
			t.Errorf("%q", name)
		}
		mustDo(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		for _, other := range []string{base, "x" + name, name + "x", strings.TrimSuffix(name, ".tmp"), strings.ToLower(name)} {
			if isTemporary(other) {
				t.Errorf("%q is temporary", other)
			}
		}
	}
}

// A push removes the temporary files of killed processes for the files that it pushes, and no others: neither those of a
// running transfer, nor of other files, nor files of the instance.
func TestAbandonedFiles(t *testing.T) {
	f := newFake(t)
	here, there := filepath.Join(t.TempDir(), "a"), filepath.Join(f.dir, "a")
	mustDo(t, os.Mkdir(here, 0o755), os.WriteFile(filepath.Join(here, "f"), nil, 0o644), os.Symlink("f", filepath.Join(here, "l")), os.Mkdir(there, 0o755))
	now := time.Now()
	old := now.Add(-2 * abandonedAge)
	name := func(base string, at time.Time) string {
		return strings.Replace(temporaryName(base), fmt.Sprint("-", time.Now().Unix(), "-"), fmt.Sprint("-", at.Unix(), "-"), 1)
	}
	want := []string{"f", "l"}
	leave := func(base string, created, changed time.Time, kept bool) {
		n := name(base, created)
		mustDo(t, os.WriteFile(filepath.Join(there, n), []byte("half"), 0o644), os.Chtimes(filepath.Join(there, n), changed, changed))
		if kept {
			want = append(want, n)
		}
	}
	leave("f", old, old, false)
	leave("f", old, old, false)
	leave("l", old, old, false)
	leave("f", old, now, true)
	leave("f", now, old, true)
	leave("g", old, old, true)
	for _, n := range []string{".f.incus-star-1.tmp", "f.incus-star-1-AAAAAAAAAA.tmp"} {
		mustDo(t, os.WriteFile(filepath.Join(there, n), nil, 0o644), os.Chtimes(filepath.Join(there, n), old, old))
		want = append(want, n)
	}
	dir := name("f", old)
	mustDo(t, os.Mkdir(filepath.Join(there, dir), 0o755), os.Chtimes(filepath.Join(there, dir), old, old))
	want = append(want, dir)
	mustDo(t, do(t, f.pool(false), func(c *Call) error { _, err := c.Push(here, "/a", Attributes{}); return err }))
	entries, err := os.ReadDir(there)
	mustDo(t, err)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Temporary files aren't copied, and files that disappear during a copy are reported.
func TestVanishedFiles(t *testing.T) {
	r := random(t)
	for range 10 {
		f := newFake(t)
		p := f.pool(false)
		here := t.TempDir()
		source := filepath.Join(f.dir, "a")
		var vanished []string
		gone := func(dir string, also ...string) { // a random half of the entries disappears, and the folder's time stays
			was, err := os.Stat(dir)
			mustDo(t, err)
			defer os.Chtimes(dir, time.Time{}, was.ModTime())
			for _, path := range also {
				mustDo(t, os.Remove(path))
			}
			entries, err := os.ReadDir(dir)
			mustDo(t, err)
			for _, entry := range entries {
				if r.IntN(2) == 0 {
					mustDo(t, os.RemoveAll(filepath.Join(dir, entry.Name())))
					vanished = append(vanished, entry.Name())
				}
			}
		}
		fill := func(dir string) {
			mustDo(t, os.Mkdir(dir, 0o755))
			for i := range 10 {
				mustDo(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("f", i)), []byte("x"), 0o644), os.Symlink("x", filepath.Join(dir, fmt.Sprint("l", i))),
					os.Mkdir(filepath.Join(dir, fmt.Sprint("d", i)), 0o755))
			}
		}
		fill(source)
		check := func(from, to string, out Transfer, err error) {
			t.Helper()
			var names []string
			for _, path := range out.Vanished {
				names = append(names, filepath.Base(path))
			}
			slices.Sort(vanished)
			before, _ := treeOf(t, from)
			after, n := treeOf(t, to)
			if err != nil || n > 0 || !slices.Equal(names, vanished) || differences(before, after) != nil {
				t.Errorf("%v, %d temporary files, %v, want %v, %v", err, n, names, vanished, differences(before, after))
			}
		}
		f.server.Tamper = func(folder string, found []fs.FileInfo) []fs.FileInfo {
			if folder == "/a" {
				gone(source)
			}
			return append(found, lie{name: temporaryName("f1"), mode: 0o644, size: 3})
		}
		var out Transfer
		err := do(t, p, func(c *Call) (err error) { out, err = c.Pull("/a", filepath.Join(here, "b")); return err })
		check(source, filepath.Join(here, "b"), out, err)

		vanished = nil
		local := filepath.Join(here, "c")
		fill(local)
		temporary := filepath.Join(local, temporaryName("f1"))
		mustDo(t, os.Mkdir(filepath.Join(f.dir, "c"), 0o755), os.WriteFile(temporary, nil, 0o644))
		f.server.Tamper = func(folder string, found []fs.FileInfo) []fs.FileInfo {
			if folder == "/c" {
				gone(local, temporary)
			}
			return found
		}
		err = do(t, p, func(c *Call) (err error) { out, err = c.Push(local, "/c", Attributes{}); return err })
		check(local, filepath.Join(f.dir, "c"), out, err)
	}
	// A folder that isn't there at all is an error.
	f := newFake(t)
	if err := do(t, f.pool(false), func(c *Call) error { _, err := c.Pull("/a", filepath.Join(t.TempDir(), "b")); return err }); !errors.Is(err, errors.NotFound) {
		t.Error(err)
	}
}
