//go:build linux

package host

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// oddNames are names of files that programs stumble over.
var oddNames = []string{"a", "b.txt", "-rf", ".hidden", "new\nline", "\xff\xfe", "two words", "*", "[a]", "é", "~", `back\slash`, "c", "..."}

// randomTree makes files of all kinds with odd names in a folder.
func randomTree(t *testing.T, r *rand.Rand, folder, outside string, depth int) {
	t.Helper()
	for _, name := range oddNames {
		path := filepath.Join(folder, name)
		var err error
		switch r.IntN(9) {
		case 0, 1:
			err = os.WriteFile(path, make([]byte, r.IntN(5000)), 0o600|fs.FileMode(r.IntN(0o100)))
		case 2:
			err = os.Symlink(outside, path)
		case 3:
			err = os.Symlink("nowhere", path)
		case 4:
			err = syscall.Mkfifo(path, 0o600)
		case 5, 6:
			if depth > 0 {
				if err = os.Mkdir(path, 0o700); err == nil {
					randomTree(t, r, path, outside, depth-1)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// eval returns the value of an expression.
func eval(t *testing.T, expr string, names starlark.StringDict) (starlark.Value, error) {
	t.Helper()
	return New(Options{Predeclared: names}).NewSession().Eval(t.Context(), expr)
}

// TestRandomTrees compares the results of list, stat and glob for random trees with find, with Go and with bash, and removes them:
// nothing outside of them changes.
func TestRandomTrees(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 8 {
		outside := t.TempDir()
		if err := os.WriteFile(filepath.Join(outside, "kept"), []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
		root := filepath.Join(t.TempDir(), "tree")
		if err := os.Mkdir(root, 0o700); err != nil {
			t.Fatal(err)
		}
		randomTree(t, r, root, outside, 2)
		names := starlark.StringDict{"root": starlark.String(root)}
		v, err := eval(t, "fs.list(root, recursive=True)", names)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		out, err := exec.Command("find", root, "-mindepth", "1", "-printf", `%p|%f|%y|%s|%m|%T@|%l\0`).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for f := range starlark.Elements(v.(*starlark.List)) {
			got = append(got, found(t, f))
		}
		want := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		for i := range want {
			fields := strings.Split(want[i], "|")
			if fields[2] == "d" || len(fields) != 7 {
				fields[3] = "-"
			}
			whole, _, _ := strings.Cut(fields[5], ".")
			fields[5] = whole
			want[i] = strings.Join(fields, "|")
		}
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("seed %d: got  %q\nwant %q", seed, got, want)
		}
		for range 40 {
			pattern := ""
			for range 1 + r.IntN(3) {
				part := ""
				for range 1 + r.IntN(2) {
					part += []string{"*", "?", "[a-c]", "a", "b", ".", "-", "[!a]", "*.txt", "é"}[r.IntN(10)]
				}
				part = strings.ReplaceAll(strings.ReplaceAll(part, "[!", "[^"), "**", "*?")
				if r.IntN(4) == 0 {
					part = "**"
				}
				pattern += "/" + part
			}
			v, err := eval(t, "fs.glob(pattern)", starlark.StringDict{"pattern": starlark.String(root + pattern)})
			if err != nil {
				t.Fatalf("seed %d: %q: %v", seed, pattern, err)
			}
			deep := slices.Contains(strings.Split(pattern, "/"), "**") // which in bash may end in a link that the next part follows
			theirs := pattern
			if strings.HasSuffix(pattern, "/**") {
				theirs += "/*" // else bash also lists the folder itself
			}
			bash := exec.Command("bash", "-c", `shopt -s nullglob globstar; cd "$1"; set -- $2; for f; do [ -e "$f" -o -L "$f" ] || continue; case $f in */.|*/..|.|..) ;; *) printf '%s\0' "$f";; esac; done`, "bash", root, theirs[1:])
			bash.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
			out, err := bash.Output()
			if err != nil {
				t.Fatal(err)
			}
			want := []string{}
			for name := range strings.SplitSeq(string(out), "\x00") {
				if name != "" && !hasDots(name) && !(deep && throughLink(root, root+"/"+name)) {
					want = append(want, root+"/"+name)
				}
			}
			got := []string{}
			for path := range starlark.Elements(v.(*starlark.List)) {
				if s := string(path.(starlark.String)); !hasDots(strings.TrimPrefix(s, root+"/")) && !(deep && throughLink(root, s)) {
					got = append(got, s)
				}
			}
			slices.Sort(want)
			if want = slices.Compact(want); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %q: got  %q\nwant %q", seed, pattern, got, want)
			}
		}
		bad, err := eval(t, "[f.path for f in fs.list(root, recursive=True) if fs.glob(fs.escape(f.path)) != [f.path]]", names)
		if err != nil || bad.String() != "[]" {
			t.Fatalf("seed %d: escaped paths don't match themselves: %v, %v", seed, bad, err)
		}
		if _, err := eval(t, "fs.remove(root, recursive=True)", names); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if _, err := os.Lstat(root); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("seed %d: the tree is there: %v", seed, err)
		}
		if entries, _ := os.ReadDir(outside); len(entries) != 1 {
			t.Fatalf("seed %d: outside of the tree is %v", seed, entries)
		}
	}
}

// hasDots reports whether a path has a part . or .., which bash lists for a pattern with a dot.
func hasDots(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool { return part == "." || part == ".." })
}

// throughLink reports whether a folder between root and path is a symbolic link.
func throughLink(root, path string) bool {
	for path = filepath.Dir(path); len(path) > len(root); path = filepath.Dir(path) {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// found returns a file's struct as find is asked to print it.
func found(t *testing.T, v starlark.Value) string {
	t.Helper()
	field := func(name string) starlark.Value {
		v, err := v.(*starlarkstruct.Struct).Attr(name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	text := func(name string) string { s, _ := starlark.AsString(field(name)); return s }
	kind := map[string]string{"file": "f", "directory": "d", "symlink": "l", "other": "p"}[text("type")]
	size := field("size").String()
	if kind == "d" {
		size = "-"
	}
	mode, _ := starlark.AsInt32(field("mode"))
	unix, err := field("mtime").(starlark.HasAttrs).Attr("unix")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s|%s|%s|%s|%o|%s|%s", text("path"), text("name"), kind, size, mode, unix, text("target"))
}

// Links aren't followed, with a slash after them or in the place of a folder that is being removed.
func TestRemoveLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll("outside/dir", 0o700))
	for _, call := range []string{`fs.remove("link")`, `fs.remove("link/")`, `fs.remove("link//", recursive=True)`, `fs.remove("dangling")`} {
		must(os.Symlink("outside", "link"))
		must(os.Symlink("nowhere", "dangling"))
		if got := ran(t, call); got != "" {
			t.Errorf("%s: %s", call, got)
		}
		_ = os.Remove("link")
		_ = os.Remove("dangling")
		if _, err := os.Stat("outside/dir"); err != nil {
			t.Fatalf("%s: %v", call, err)
		}
	}
	// A folder that was replaced after it was looked at.
	must(os.Mkdir("folder", 0o700))
	info, err := os.Lstat("folder")
	must(err)
	other, err := os.OpenRoot("outside")
	must(err)
	defer other.Close()
	if err := empty(t.Context(), other, info, "folder", false); err == nil || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("got %v", err)
	}
	// The root folder under another name.
	must(os.Symlink("/", "slash"))
	if got := ran(t, `print(try_(fs.remove, "slash/../", recursive=True).error.message)`); !strings.Contains(got, "isn't removed") {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat("outside/dir"); err != nil {
		t.Error(err)
	}
}

// A renamed file, folder or link is at its new path, in place of a file or link there; what can't be renamed stays, as
// does everything else.
func TestRename(t *testing.T) {
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	content := func() string {
		var out []string
		must(filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
			text := path
			switch entry.Type() {
			case 0:
				data, _ := os.ReadFile(path)
				text += "=" + string(data)
			case fs.ModeSymlink:
				to, _ := os.Readlink(path)
				text += ">" + to
			}
			out = append(out, text)
			return err
		}))
		return strings.Join(out, " ")
	}
	const before = ". d d/in=i empty f=1 g=2 l>d"
	for _, c := range []struct{ args, want, fails string }{
		{`"f", "new"`, ". d d/in=i empty g=2 l>d new=1", ""},
		{`"f", "g"`, ". d d/in=i empty g=1 l>d", ""},
		{`"f", "l"`, ". d d/in=i empty g=2 l=1", ""},
		{`"f", "f"`, before, ""},
		{`"f", "d/"`, ". d d/f=1 d/in=i empty g=2 l>d", ""},
		{`"f", "l/"`, ". d d/f=1 d/in=i empty g=2 l>d", ""},
		{`"l/", "d/"`, ". d d/in=i d/l>d empty f=1 g=2", ""},
		{`"l", "new"`, ". d d/in=i empty f=1 g=2 new>d", ""},
		{`"d//", "new"`, ". empty f=1 g=2 l>d new new/in=i", ""},
		{`"d", "empty"`, before, "d: file exists"},
		{`"d", "empty/"`, ". empty empty/d empty/d/in=i f=1 g=2 l>d", ""},
		{`"none", "new"`, before, "none: no such file"},
		{`"f", "none/new"`, before, "none/: the folder none doesn't exist"},
		{`"f", "none/"`, before, "none/: the folder none doesn't exist"},
		{`"f", "d"`, before, "f: file exists"},
		{`"empty", "d"`, before, "empty: file exists"},
		{`"d", "f"`, before, "d: not a directory"},
		{`"d", "d/in2"`, before, "d: invalid argument"},
		{`"", "x"`, before, "the path is empty"},
		{`"f", ""`, before, "the path is empty"},
		{`"f", ".."`, before, "isn't replaced"},
		{`"f", "d/."`, before, "isn't replaced"},
		{`"d/..", "x"`, before, "isn't renamed"},
		{`"/", "x"`, before, "isn't renamed"},
	} {
		t.Chdir(t.TempDir())
		must(os.Mkdir("d", 0o700), os.Mkdir("empty", 0o700), os.WriteFile("d/in", []byte("i"), 0o600), os.WriteFile("f", []byte("1"), 0o600),
			os.WriteFile("g", []byte("2"), 0o600), os.Symlink("d", "l"))
		_, err := eval(t, "fs.rename("+c.args+")", nil)
		if got := content(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.args, got, c.want)
		}
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %v, want %q", c.args, err, c.fails)
		}
	}
}
