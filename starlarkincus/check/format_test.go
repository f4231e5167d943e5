package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFormatKeepsMeaning checks that formatting keeps the trees of all scripts of the project, and that formatting
// again changes nothing.
func TestFormatKeepsMeaning(t *testing.T) {
	formatted := 0
	for _, path := range scripts(t) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, chunk := range strings.Split("\n"+string(src), "\n---\n") {
			before, err := parse(path, []byte(chunk))
			if err != nil {
				continue
			}
			once, err := Format(path, []byte(chunk))
			if err != nil {
				if _, what := unsupported(before); what == "" {
					t.Errorf("chunk %d: %v", i, err)
				}
				continue
			}
			twice, err := Format(path, once)
			if err != nil || string(once) != string(twice) {
				t.Errorf("%s: chunk %d: formatted again it differs: %v\n%s", path, i, err, cmp.Diff(string(once), string(twice)))
			}
			after, err := parse(path, once)
			if err != nil || !Same(before, after) {
				t.Errorf("%s: chunk %d: the trees differ: %v", path, i, err)
			}
			formatted++
		}
	}
	t.Logf("formatted %d scripts", formatted)
	if formatted < 20 {
		t.Errorf("formatted %d scripts, want more", formatted)
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct{ name, src, want, err string }{
		{"spaces", "x=1\nf( x,y = 2 )\n", "x = 1\nf(x, y = 2)\n", ""},
		{"shebang", "#!/usr/bin/env incus-star\nx=1\n", "#!/usr/bin/env incus-star\nx = 1\n", ""},
		{"newlines", "\ufeffx=1\r\ny=2\r\n", "x = 1\ny = 2\n", ""},
		{"comments", "# a\nx=[ # b\n 1, # c\n]\n# d\n", "# a\nx = [\n    # b\n    1,  # c\n]\n# d\n", ""},
		{"loads stay in order", "load(\"b.star\",\"z\",\"a\")\nload(\"a.star\",\"y\")\n", "load(\"b.star\", \"z\", \"a\")\nload(\"a.star\", \"y\")\n", ""},
		{"class", "e.class_\n", "e.class_\n", ""},
		{"keywords stay in order", "f(b=1,a=2)\n", "f(b = 1, a = 2)\n", ""},
		{"lambda", "f=lambda x,*a,**k:x\n", "f = lambda x, *a, **k: x\n", ""},
		{"empty", "", "", ""},
		{"while", "x = 1\ndef f():\n    while True: pass\n", "", "t.star:3: can't be formatted: the formatter doesn't know while"},
		{"bytes", "\nx = b\"a\"\n", "", "t.star:2: can't be formatted: the formatter doesn't know bytes literals"},
		{"broken", "x = 1\ndef f(:\n", "", "t.star:2: doesn't parse: got ':', want ')'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Format("t.star", []byte(test.src))
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("got the error %v, want %s", err, test.err)
				}
				test.want = test.src
			} else if err != nil {
				t.Error(err)
			}
			if string(got) != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "x.star"), filepath.Join(dir, "link.star")
	if err := os.WriteFile(path, []byte("x=1\n"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("x.star", link); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, []byte("x = 1\n")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o750 {
		t.Error(info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is no link any more", err)
	}
	if got, _ := os.ReadFile(path); string(got) != "x = 1\n" {
		t.Errorf("got %q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("files are left: %v", entries)
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("x = [1, 2] # c\nif x: pass\n")
	f.Fuzz(func(t *testing.T, src string) {
		out, err := Format("f.star", []byte(src))
		if err != nil {
			return
		}
		if again, err := Format("f.star", out); err != nil || string(again) != string(out) {
			t.Errorf("%q becomes %q, and then %q: %v", src, out, again, err)
		}
	})
}
