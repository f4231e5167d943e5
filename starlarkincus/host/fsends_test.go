//go:build linux

package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// Temporary folders are removed in whatever way a script ends, after the calls that it deferred.
func TestTemporaryFolders(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const begin = `
d = fs.temp_dir()
defer(lambda: print(read_file(d + "/f"), fs.exists(late[0])))
late = []
def make(i):
    e = fs.temp_dir()
    late.append(e)
    fs.mkdir(e + "/a/b", parents=True)
    write_file(e + "/a/b/f", "")
    run(["chmod", "0", e + "/a/b", e + "/a"])
parallel(make, range(3))
write_file(d + "/f", "there")
`
	for name, test := range map[string]struct {
		end   string
		cause error
	}{
		"end": {end: ""}, "error": {end: "fail('x')"}, "exit": {end: "exit(3)"}, "die": {end: "die('x')"},
		"Ctrl-C": {"started()\nsleep(100)", ErrInterrupted}, "--timeout": {"started()\nsleep(100)", ErrTimeout}, "SIGTERM": {"started()\nsleep(100)", signalled{}},
		"in clean-up": {end: "defer(fs.temp_dir)"},
	} {
		var out strings.Builder
		if test.cause != nil {
			_, _, _ = stoppedInRealTime(t, Options{Stdout: &out, Grace: time.Hour}, begin+test.end, test.cause)
		} else {
			h := New(Options{Stdout: &out})
			_ = h.RunSource(context.Background(), "x.star", []byte(begin+test.end))
		}
		if out.String() != "there True\n" {
			t.Errorf("%s: printed %q", name, out.String())
		}
		if left, err := os.ReadDir(os.TempDir()); len(left) > 0 || err != nil {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
	// At the prompt they live as long as it.
	session := New(Options{}).NewSession()
	v, err := session.Eval(t.Context(), "fs.temp_dir()")
	if err != nil {
		t.Fatal(err)
	}
	path := string(v.(starlark.String))
	if _, err := session.Eval(t.Context(), "write_file("+v.String()+" + '/f', '')"); err != nil {
		t.Fatal(err)
	}
	if err := session.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
}

// Under --read-only nothing changes.
func TestFilesReadOnly(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Chdir(dir)
	if err := os.WriteFile("f", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for call, what := range map[string]string{
		`fs.mkdir("d")`: "made", `fs.mkdir("d/e", parents=True)`: "made", `fs.remove("f")`: "removed", `fs.remove("f", recursive=True)`: "removed",
		`fs.rename("f", "g")`: "renamed",
		`fs.temp_dir()`:       "used", `write_file("f", "x")`: "written",
	} {
		err := New(Options{ReadOnly: true}).RunSource(t.Context(), "x.star", []byte(call))
		if err == nil || !strings.HasSuffix(err.Error(), "wasn't "+what+": this run only reads (--read-only)") {
			t.Errorf("%s: %v", call, err)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
	if got := ran(t, `print([f.name for f in fs.list()], fs.exists("f"), fs.glob("*"), fs.stat("f").size)`); got != "[\"f\"] True [\"f\"] 0\n" {
		t.Error(got)
	}
}

// Removing a large tree ends with Ctrl-C.
func TestRemoveStops(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	for i := range 50 {
		if err := os.MkdirAll(fmt.Sprintf("%s/%d/a", root, i), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	if err := removePath(ctx, root, true, false); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(root); len(entries) != 50 {
		t.Errorf("%d are left", len(entries))
	}
	if _, err := list(ctx, nil, root, true); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
}
