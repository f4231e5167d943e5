package check

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestMistakes checks the files of testdata: the findings on each line must match the regular expressions in its
// comment ###.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.star")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	found, err := Run(files, Options{LibraryPath: []string{"testdata/library"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(found, func(a, b Finding) int { return strings.Compare(a.File, b.File) }) {
		t.Error("the findings aren't sorted")
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(src), "\n") {
			var got []string
			for _, f := range found {
				if f.File == file && f.Line == i+1 {
					got = append(got, f.String())
				}
			}
			var want []string
			if _, due, ok := strings.Cut(line, "### "); ok {
				want = strings.Split(due, " ### ")
			}
			if len(got) != len(want) {
				t.Errorf("%s:%d: got %d findings, want %d:\n%s", file, i+1, len(got), len(want), strings.Join(got, "\n"))
				continue
			}
			for k := range want {
				if !regexp.MustCompile(want[k]).MatchString(got[k]) {
					t.Errorf("got  %s\nwant %s", got[k], want[k])
				}
			}
		}
	}
}

// scripts returns all scripts of the project that parse.
func scripts(t testing.TB) []string {
	var files []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".star") && !strings.Contains(path, "/lib/") && !strings.Contains(path, "check/testdata") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatal(err, files)
	}
	return files
}

// TestNoFalseAlarm checks the scripts that other tests run. Only the lines marked as failing may have findings.
func TestNoFalseAlarm(t *testing.T) {
	dir := t.TempDir()
	for _, file := range scripts(t) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// A file may hold several scripts, separated by ---.
		for i, chunk := range strings.Split("\n"+string(src), "\n---\n") {
			if strings.Contains(chunk, "load(") {
				continue // the loaded file is beside the original only
			}
			path := filepath.Join(dir, fmt.Sprintf("%d%s", i, filepath.Base(file)))
			if err := os.WriteFile(path, []byte(chunk), 0o600); err != nil {
				t.Fatal(err)
			}
			// Tests run their scripts with names of their own.
			found, err := Run([]string{path}, Options{})
			var names []string
			for _, f := range found {
				name, ok := strings.CutPrefix(f.Message, "undefined: ")
				if name, _, _ = strings.Cut(name, ":"); ok && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			if err == nil && names != nil {
				found, err = Run([]string{path}, Options{Names: names})
			}
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(chunk, "\n")
			for _, f := range found {
				// Tests may ignore a Result.
				if !strings.Contains(lines[f.Line-1], "###") && !strings.Contains(lines[f.Line-1], "assert.fails(") && !strings.Contains(f.Message, "not used, so") {
					t.Errorf("%s: %s\n%s", file, f, lines[f.Line-1])
				}
			}
		}
	}
}

// TestBuiltinsHaveSignatures checks that the host's functions have signatures.
func TestBuiltinsHaveSignatures(t *testing.T) {
	c := newChecker(Options{})
	for _, name := range []string{"print", "sleep", "exit", "die", "try_", "catch", "raise_", "finally_", "defer", "retry", "parallel", "wait_until",
		"flag", "fail", "assert_eq", "assert_raises", "error_class"} {
		if c.builtinSignature(name) == nil {
			t.Errorf("%s has no signature that can be read", name)
		}
	}
}

// TestFast checks 200 files, and logs the time.
func TestFast(t *testing.T) {
	dir := t.TempDir()
	src, err := os.ReadFile("../../scripts/tour.star")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for i := range 200 {
		path := filepath.Join(dir, fmt.Sprintf("f%d.star", i))
		text := string(src)
		if i > 0 {
			text = fmt.Sprintf("load(\"f%d.star\", \"clean_up\")\n", i-1) + text
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	start := time.Now()
	if _, err := Run(files, Options{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("200 files, %d KiB, in %v", 200*len(src)>>10, time.Since(start))
}

// long returns a script of at least 1,000 lines: the right scripts of the corpus, each in a function.
func long(t testing.TB) string {
	_, texts := chunks(t, "right.txt")
	var b strings.Builder
	lines := 0
	for i := 0; lines < 1000; i++ {
		text := texts[i%len(texts)]
		if strings.Contains(text, "load(") || strings.Contains(text, "flag(") {
			continue
		}
		fmt.Fprintf(&b, "def part%d():\n", i)
		for line := range strings.Lines(text) {
			b.WriteString("    " + line)
			lines++
		}
		fmt.Fprintf(&b, "\n    return 1\n\npart%d()\n", i)
	}
	path := filepath.Join(t.TempDir(), "long.star")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// BenchmarkLong measures the check of a script of 1,000 lines.
func BenchmarkLong(b *testing.B) {
	path := long(b)
	for b.Loop() {
		if _, err := Run([]string{path}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
