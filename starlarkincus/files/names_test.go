package files

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/input"
)

// pathsOf returns all paths of up to n pieces.
func pathsOf(pieces []string, n int) []string {
	out := []string{""}
	for from := 0; n > 0; n-- {
		to := len(out)
		for _, path := range out[from:to] {
			for _, piece := range pieces {
				out = append(out, path+piece)
			}
		}
		from = to
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// A deletion removes nothing but the file or the folder at its path, whatever the path, and nothing if the path doesn't
// end in a name.
func TestDeletionsStayInTheirFolder(t *testing.T) {
	for _, path := range pathsOf([]string{"/", ".", "..", "a"}, 4) {
		path = "/" + path
		f := newFake(t)
		mustDo(t, os.MkdirAll(filepath.Join(f.dir, "a/a/b"), 0o755), os.MkdirAll(filepath.Join(f.dir, "b/a"), 0o755),
			os.WriteFile(filepath.Join(f.dir, "a/f"), nil, 0o644), os.Symlink("../b", filepath.Join(f.dir, "a/l")))
		before, _ := treeOf(t, f.dir)
		err := do(t, f.pool(false), func(c *Call) error { return c.Delete(path, true) })
		after, _ := treeOf(t, f.dir)
		named, own := strings.Trim(filepath.Clean(path), "/"), strings.TrimRight(path, "/")
		if want := own == "" || strings.HasSuffix(own, "/.") || strings.HasSuffix(own, "/.."); Unnamed(path) != want {
			t.Errorf("%q: Unnamed is %v", path, !want)
		}
		var e *errors.Error
		if Unnamed(path) && (!errors.As(err, &e) || e.Outcome != errors.NotSent) {
			t.Errorf("%q: %v", path, err)
		}
		for name := range before {
			inside := name == named || strings.HasPrefix(name, named+"/")
			if _, kept := after[name]; !kept && (Unnamed(path) || !inside) {
				t.Errorf("%q: %s is gone", path, name)
			} else if kept && err == nil && inside {
				t.Errorf("%q: %s is left", path, name)
			}
		}
	}
}

// A renamed file, folder or link is at its new path, in place of a file or link there; what can't be renamed stays, as does
// everything else.
func TestRename(t *testing.T) {
	for _, c := range []struct {
		from, to string
		parents  bool
		moved    string // the new path; empty for an error
		class    *errors.Class
		about    string
	}{
		{from: "/f", to: "/new", moved: "new"},
		{from: "/f", to: "/g", moved: "g"},
		{from: "/f", to: "/l", moved: "l"},
		{from: "/l", to: "/g", moved: "g"},
		{from: "/d", to: "/new", moved: "new"},
		{from: "/f", to: "/a/b/c", parents: true, moved: "a/b/c"},
		{from: "/f", to: "/a/b", class: errors.NotFound, about: "/a"},
		{from: "/none", to: "/a/b", parents: true, class: errors.NotFound, about: "/none"},
		{from: "/f", to: "/d"},
		{from: "/d", to: "/f"},
		{from: "/d", to: "/d/x"},
		{from: "/f", to: "/d/..", class: errors.BadRequest},
		{from: "/d/.", to: "/x", class: errors.BadRequest},
		{from: "/", to: "/x", class: errors.BadRequest},
	} {
		f := newFake(t)
		mustDo(t, os.Mkdir(filepath.Join(f.dir, "d"), 0o755), os.WriteFile(filepath.Join(f.dir, "d/in"), nil, 0o644), os.WriteFile(filepath.Join(f.dir, "f"), []byte("1"), 0o644),
			os.WriteFile(filepath.Join(f.dir, "g"), []byte("2"), 0o644), os.Symlink("d", filepath.Join(f.dir, "l")))
		before, _ := treeOf(t, f.dir)
		err := do(t, f.pool(false), func(call *Call) error { return call.Rename(c.from, c.to, c.parents) })
		after, _ := treeOf(t, f.dir)
		if c.moved != "" {
			if err != nil || after[c.moved] != before[c.from[1:]] || after[c.from[1:]] != "" {
				t.Errorf("%v: %v, %v", c, err, after)
			}
			continue
		}
		var e *errors.Error
		if !errors.As(err, &e) || c.class != nil && e.Class != c.class || c.about != "" && e.Object.Name != c.about || e.Outcome != errors.Refused && e.Outcome != errors.NotSent {
			t.Errorf("%v: %v, %+v", c, err, e)
		}
		delete(before, ".")
		delete(after, ".")
		if d := differences(before, after); d != nil {
			t.Errorf("%v: %v", c, d)
		}
	}
}

// Copies of several trees into the same new folder at the same time merge them.
func TestConcurrentCopies(t *testing.T) {
	const copies = 6
	f := newFake(t)
	p := f.pool(false)
	here := t.TempDir()
	want := make(tree)
	for i := range copies {
		dir := filepath.Join(here, fmt.Sprint(i))
		for _, sub := range []string{".", "d", "d/e"} {
			own := fmt.Sprint("own", i)
			mustDo(t, os.MkdirAll(filepath.Join(dir, sub), 0o755), os.WriteFile(filepath.Join(dir, sub, "same"), []byte("same"), 0o644),
				os.Symlink("same", filepath.Join(dir, sub, "link")), os.WriteFile(filepath.Join(dir, sub, own), nil, 0o644))
			for _, name := range []string{".", "same", "link", own} {
				want[filepath.Join(sub, name)] = ""
			}
		}
	}
	atOnce := func(fn func(c *Call, i int) error) {
		t.Helper()
		errs := make([]error, copies)
		var all sync.WaitGroup
		for i := range copies {
			all.Go(func() { errs[i] = do(t, p, func(c *Call) error { return fn(c, i) }) })
		}
		all.Wait()
		mustDo(t, errs...)
	}
	for i := range copies { // what the pulls read
		mustDo(t, do(t, p, func(c *Call) error {
			_, err := c.Push(filepath.Join(here, fmt.Sprint(i)), fmt.Sprint("/from", i), Attributes{})
			return err
		}))
	}
	for round := range 10 {
		to := fmt.Sprint("to", round)
		atOnce(func(c *Call, i int) error {
			_, err := c.Push(filepath.Join(here, fmt.Sprint(i)), "/"+to, Attributes{})
			return err
		})
		atOnce(func(c *Call, i int) error {
			_, err := c.Pull(fmt.Sprint("/from", i), filepath.Join(here, to))
			return err
		})
		for _, dir := range []string{f.dir, here} {
			got, n := treeOf(t, filepath.Join(dir, to))
			for name := range got {
				got[name] = ""
			}
			if d := differences(want, got); d != nil || n > 0 {
				t.Fatalf("%s: %d temporary files, %v", dir, n, d)
			}
		}
	}
}

// A time that SFTP can't send becomes the nearest one, and the second push keeps it.
func TestTimes(t *testing.T) {
	f := newFake(t)
	p := f.pool(false)
	here := filepath.Join(t.TempDir(), "a")
	for _, c := range []struct {
		local time.Time
		want  int64
	}{
		{time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC), 0},
		{time.Unix(-1, 0), 0},
		{time.Unix(0, 0), 0},
		{time.Unix(1e9, 0), 1e9},
		{time.Unix(math.MaxUint32, 0), math.MaxUint32},
		{time.Unix(math.MaxUint32+1, 0), math.MaxUint32},
		{time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), math.MaxUint32},
	} {
		file := filepath.Join(here, "f")
		mustDo(t, os.MkdirAll(here, 0o755), os.WriteFile(file, []byte("x"), 0o644), os.Chtimes(file, c.local, c.local), os.Chtimes(here, c.local, c.local))
		for range 2 {
			mustDo(t, do(t, p, func(call *Call) error { _, err := call.Push(here, "/a", Attributes{}); return err }))
			for _, name := range []string{"a", "a/f"} {
				if info, err := os.Stat(filepath.Join(f.dir, name)); err != nil || info.ModTime().Unix() != c.want {
					t.Errorf("%v: %s has %v, %v", c.local, name, info.ModTime(), err)
				}
			}
		}
	}
}

// A local file to send is a regular one; opening another doesn't wait.
func TestOpenRegular(t *testing.T) {
	here := t.TempDir()
	pipe, link, file := filepath.Join(here, "pipe"), filepath.Join(here, "link"), filepath.Join(here, "file")
	mustDo(t, syscall.Mkfifo(pipe, 0o600), os.WriteFile(file, nil, 0o600), os.Symlink(pipe, link))
	for path, want := range map[string]string{
		"/dev/zero": "is a device, not a regular file", pipe: "is a named pipe, not a regular file",
		link: "is a named pipe, not a regular file", here: "is a folder, not a regular file", file: "<nil>",
	} {
		f, _, err := input.OpenRegular(os.OpenFile, path)
		if err == nil {
			mustDo(t, f.Close())
		}
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if _, _, err := input.OpenRegular(os.OpenFile, filepath.Join(here, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
