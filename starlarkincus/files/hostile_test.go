package files

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"
)

// A lie is a file in a listing that isn't there, or is another one.
type lie struct {
	name string
	mode fs.FileMode
	size int64
}

func (l lie) Name() string       { return l.name }
func (l lie) Size() int64        { return l.size }
func (l lie) Mode() fs.FileMode  { return l.mode }
func (l lie) ModTime() time.Time { return time.Unix(1e9, 0) }
func (l lie) IsDir() bool        { return l.mode.IsDir() }
func (l lie) Sys() any           { return nil }

// A pull refuses listings that would make it write outside of the folder, or write something impossible, with an error
// that says why, and touches nothing outside of the folder.
func TestHostileListings(t *testing.T) {
	file := func(name string) []fs.FileInfo { return []fs.FileInfo{lie{name: name, mode: 0o644, size: 4}} }
	typed := func(mode fs.FileMode) []fs.FileInfo { return []fs.FileInfo{lie{name: "x", mode: mode | 0o644}} }
	const outside = "outside of its folder"
	for i, c := range []struct {
		listing []fs.FileInfo
		want    string
	}{
		{file("../x"), outside},
		{file("../../x"), outside},
		{file("../out/x"), outside},
		{file("a/../../x"), outside},
		{file("./x"), outside},
		{file("x/."), outside},
		{file("x/.."), outside},
		{file("a/b"), outside},
		{file("a/"), outside},
		{file("/"), outside},
		{file("//"), outside},
		{file("/etc/x"), outside},
		{file("/tmp/x"), outside},
		{file(".."), outside},
		{file("."), outside},
		{file("x\x00"), outside},
		{file("\x00"), outside},
		{file("x\x00/../y"), outside},
		{file(""), "without a name"},
		{[]fs.FileInfo{lie{name: "..", mode: fs.ModeDir | 0o755}}, outside},
		{[]fs.FileInfo{lie{name: "../out", mode: fs.ModeDir | 0o755}}, outside},
		{[]fs.FileInfo{lie{name: "../out/l", mode: fs.ModeSymlink | 0o777}}, outside},
		{append(file("f"), file("f")...), `lists the name "f" twice`},
		{append(file("f"), lie{name: "f", mode: fs.ModeDir | 0o755}), `lists the name "f" twice`},
		{append([]fs.FileInfo{lie{name: "out", mode: fs.ModeSymlink | 0o777}}, lie{name: "out", mode: fs.ModeDir | 0o755}), `lists the name "out" twice`},
		{typed(fs.ModeNamedPipe), "is a named pipe"},
		{typed(fs.ModeSocket), "is a socket"},
		{typed(fs.ModeDevice), "is a device"},
		{typed(fs.ModeDevice | fs.ModeCharDevice), "is a device"},
		{file(strings.Repeat("x", 300)), ""},                                           // too long here
		{[]fs.FileInfo{lie{name: "f", mode: fs.ModeDir | 0o755}}, ""},                  // a file there
		{[]fs.FileInfo{lie{name: "d", mode: 0o644}}, ""},                               // a folder there
		{[]fs.FileInfo{lie{name: "f", mode: fs.ModeSymlink | 0o777}}, ""},              // a file there
		{[]fs.FileInfo{lie{name: "here", mode: fs.ModeDir | 0o755}}, "symbolic link"},  // a link here, out of the folder
		{[]fs.FileInfo{lie{name: "here2", mode: fs.ModeDir | 0o755}}, "symbolic link"}, // the same, in a folder
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := newFake(t)
			mustDo(t, os.MkdirAll(filepath.Join(f.dir, "a/d"), 0o755), os.WriteFile(filepath.Join(f.dir, "a/f"), []byte("evil"), 0o644), os.WriteFile(filepath.Join(f.dir, "x"), []byte("evil"), 0o644))
			f.server.Tamper = func(folder string, found []fs.FileInfo) []fs.FileInfo {
				if folder == "/a" {
					return c.listing
				}
				return found
			}
			here := t.TempDir()
			out, to := filepath.Join(here, "out"), filepath.Join(here, "to")
			mustDo(t, os.Mkdir(out, 0o755), os.WriteFile(filepath.Join(out, "kept"), []byte("kept"), 0o644), os.Mkdir(to, 0o755),
				os.Symlink("../out", filepath.Join(to, "here")), os.Symlink(out, filepath.Join(to, "here2")))
			before, _ := treeOf(t, out)
			var err error
			for _, pull := range []bool{true, false} {
				err = do(t, f.pool(false), func(c *Call) (err error) {
					if pull {
						_, err = c.Pull("/a", to)
					} else {
						_, err = c.List("/a", true)
					}
					return err
				})
				var local *LocalError
				var ours *errors.Error
				switch {
				case err == nil && pull, err != nil && !errors.As(err, &local) && !errors.As(err, &ours), err != nil && !strings.Contains(err.Error(), c.want):
					t.Errorf("pull %v: %v, want %q", pull, err, c.want)
				}
			}
			after, _ := treeOf(t, out)
			if d := differences(before, after); d != nil {
				t.Errorf("outside: %v", d)
			}
			if entries, _ := os.ReadDir(here); len(entries) != 2 {
				t.Errorf("beside the folder: %v", entries)
			}
			if inside, n := treeOf(t, to); n > 0 {
				t.Errorf("temporary files are left: %v", inside)
			}
		})
	}
}

func mustDo(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Links out of the folder are created as links, and their targets stay unchanged: in this pull, and in the next, in
// which a file or a folder has the link's name. The special bits of a file aren't given to the local user.
func TestLinksAreNotFollowed(t *testing.T) {
	f := newFake(t)
	p := f.pool(false)
	here := t.TempDir()
	secret, to := filepath.Join(here, "secret"), filepath.Join(here, "to")
	there := filepath.Join(f.dir, "a")
	mustDo(t, os.Mkdir(secret, 0o755), os.WriteFile(filepath.Join(secret, "s"), []byte("kept"), 0o644), os.Mkdir(there, 0o755),
		os.Symlink("../secret/s", filepath.Join(there, "l")), os.Symlink(secret, filepath.Join(there, "d")), os.WriteFile(filepath.Join(there, "su"), nil, 0o755),
		os.Chmod(filepath.Join(there, "su"), 0o755|fs.ModeSetuid|fs.ModeSetgid))
	before, _ := treeOf(t, secret)
	pull := func(remote, local string) error {
		return do(t, p, func(c *Call) error { _, err := c.Pull(remote, local); return err })
	}
	mustDo(t, pull("/a", to))
	if target, err := os.Readlink(filepath.Join(to, "d")); err != nil || target != secret {
		t.Errorf("%q, %v", target, err)
	}
	if info, err := os.Stat(filepath.Join(to, "su")); err != nil || info.Mode() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for _, name := range []string{"l", "d"} {
		mustDo(t, os.Remove(filepath.Join(there, name)), os.WriteFile(filepath.Join(there, name), []byte("evil"), 0o644))
	}
	mustDo(t, pull("/a/l", filepath.Join(to, "l")), pull("/a", to))
	for _, name := range []string{"l", "d"} {
		if data, err := os.ReadFile(filepath.Join(to, name)); string(data) != "evil" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	if after, _ := treeOf(t, secret); differences(before, after) != nil {
		t.Error(differences(before, after))
	}
}

// What a push can't copy is an error before it is sent, and it doesn't wait for a pipe.
func TestPushRefuses(t *testing.T) {
	f := newFake(t)
	p := f.pool(false)
	here := t.TempDir()
	pipe := filepath.Join(here, "pipe")
	mustDo(t, syscall.Mkfifo(pipe, 0o600), os.Mkdir(filepath.Join(f.dir, "folder"), 0o755))
	for _, c := range []struct{ local, remote, want string }{
		{pipe, "/x", "pipe: is a named pipe, not a regular file"},
		{here, "/x", "pipe: is a named pipe, which can't be copied"},
		{"/dev/null", "/x", "/dev/null: is a device, not a regular file"},
		{filepath.Join(here, "none"), "/x", "none: no such file or directory"},
		{"/dev/null", "/folder", "not a regular file"},
	} {
		err := do(t, p, func(call *Call) error { _, err := call.Push(c.local, c.remote, Attributes{}); return err })
		if err == nil || !strings.HasSuffix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.local, err, c.want)
		}
	}
}
