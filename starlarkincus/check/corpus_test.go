package check

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// chunks writes the scripts of a corpus file to a folder with lib.star, which they may load, and returns their paths
// and texts.
func chunks(t testing.TB, name string) (paths, texts []string) {
	src, err := os.ReadFile(filepath.Join("testdata/corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	library, err := os.ReadFile("testdata/corpus/lib.star")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "lib.star"), library, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, chunk := range strings.Split(string(src), "\n---\n")[1:] {
		if strings.HasPrefix(chunk, "=== ") {
			continue
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.star", i))
		if err := os.WriteFile(path, []byte(chunk+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		paths, texts = append(paths, path), append(texts, chunk)
	}
	return paths, texts
}

// planted returns the line of a script's mistake, and the pattern of its finding.
func planted(text string) (line int, due *regexp.Regexp) {
	for i, code := range strings.Split(text, "\n") {
		if _, pattern, found := strings.Cut(code, "  ### "); found {
			return i + 1, regexp.MustCompile(pattern)
		}
	}
	return 0, nil
}

// TestCorpusMistakes checks that at least 95 % of the corpus's mistakes are found.
func TestCorpusMistakes(t *testing.T) {
	paths, texts := chunks(t, "mistakes.txt")
	found := 0
	for i, path := range paths {
		line, due := planted(texts[i])
		if due == nil {
			t.Errorf("no mistake is marked in\n%s", texts[i])
			continue
		}
		findings, err := Run([]string{path}, Options{})
		if err != nil {
			t.Errorf("%v\n%s", err, texts[i])
		}
		hit := false
		for _, f := range findings {
			if f.Line != line {
				t.Errorf("another finding: %s\n%s", f, texts[i])
			} else if due.MatchString(f.String()) {
				hit = true
			}
		}
		if hit {
			found++
		} else {
			t.Logf("not found, want %s, got %v\n%s", due, findings, texts[i])
		}
	}
	t.Logf("%d of %d mistakes are found", found, len(paths))
	if len(paths) < 130 || found*100 < len(paths)*95 {
		t.Errorf("%d of %d mistakes are found: fewer than 95 of 100", found, len(paths))
	}
}

// TestCorpusRight checks that the corpus's right scripts have no findings.
func TestCorpusRight(t *testing.T) {
	paths, texts := chunks(t, "right.txt")
	for i, path := range paths {
		findings, err := Run([]string{path}, Options{})
		if err != nil || len(findings) > 0 {
			t.Errorf("%v, %v\n%s", findings, err, texts[i])
		}
	}
	t.Logf("%d scripts are right", len(paths))
	if len(paths) < 60 {
		t.Errorf("there are just %d scripts", len(paths))
	}
}
