package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"incus-star/errors"
)

func TestBadSources(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("latin1.star", "x = 1\ny = 'caf\xe9'\n")
	write("nul.star", "x = 1\n\n\x00\n")
	write("utf16.star", "\xff\xfex\x00")
	write("good.star", "#!/usr/bin/env incus-star\r\nx = '''a\r\nb'''\r\nprint(x, \"\ufffd\")\r\n")
	write("bom.star", "\ufeffprint('bom')\n")
	write("mac.star", "print(1)\rprint(2)\r")
	write("none.star", "")
	if err := os.Mkdir("folder.star", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, want string }{
		{"nothing.star", "nothing.star: no such file"},
		{"folder.star", "folder.star: is a folder, not a script"},
		{"good.star/x", "good.star/x: not a directory"},
		{"latin1.star", "latin1.star: line 2: is not UTF-8: byte 0xe9"},
		{"nul.star", "nul.star: line 3: has a NUL byte: this is not a script"},
		{"utf16.star", "utf16.star: is UTF-16, want UTF-8"},
	} {
		var b strings.Builder
		h := New(Options{})
		err := h.RunFile(context.Background(), test.path)
		var usage *UsageError
		if !errors.As(err, &usage) || err.Error() != test.want || ExitStatus(err) != 2 {
			t.Errorf("got %v, want %s", err, test.want)
		}
		if h.Report(&b, err); b.String() != test.want+"\n" {
			t.Errorf("report: %q", b.String())
		}
	}
	for path, want := range map[string]string{
		"good.star": "a\nb \ufffd\n", "bom.star": "bom\n", "mac.star": "1\n2\n", "none.star": "",
	} {
		var out strings.Builder
		if err := New(Options{Stdout: &out}).RunFile(context.Background(), path); err != nil || out.String() != want {
			t.Errorf("%s: got %v, %q", path, err, out.String())
		}
	}
}

// Modules are found beside the file that loads them, also from elsewhere, and identified by the file itself.
func TestLoadPaths(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.star":     "load('lib/a.star', 'a')\nload('./lib/../lib/link.star', b='a')\nload('lib.star', 'l')\na.append(1)\nprint(a, b, l)\n",
		"lib/a.star":    "load('b.star', 'b')\nprint('once')\na = [b]\n",
		"lib/b.star":    "b = 'b'\n",
		"path/lib.star": "l = 'path'\n",
		"self.star":     "load('self.star', 'x')\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a.star", filepath.Join(dir, "lib/link.star")); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	h := New(Options{Stdout: &out, LibraryPath: []string{"/nonexistent", filepath.Join(dir, "path")}})
	want := "once\n[\"b\", 1] [\"b\", 1] path\n"
	if err := h.RunFile(context.Background(), filepath.Join(dir, "main.star")); err != nil || out.String() != want {
		t.Errorf("got %v, %q", err, out.String())
	}
	t.Chdir(dir)
	err := New(Options{}).RunFile(context.Background(), "self.star")
	if err == nil || !strings.Contains(err.Error(), "a cycle: self.star:1:1 loads self.star") {
		t.Errorf("got %v", err)
	}
	out.Reset()
	h = New(Options{Stdout: &out, LibraryPath: []string{"path"}})
	if err := h.RunSource(context.Background(), "-c", []byte("load('lib/a.star', 'a'); load('lib.star', 'l')")); err != nil {
		t.Error(err)
	}
}

// Standard input that never ends doesn't keep a run from being interrupted.
func TestStdinInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := New(Options{Stdin: r}).RunFile(ctx, "-"); ExitStatus(err) != 130 {
		t.Errorf("got %v", err)
	}
}
