package repl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func load(t *testing.T, path string) []string {
	t.Helper()
	h := history{path: path}
	entries, err := h.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestHistoryKeepsEntries(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "incus-star", "history")
	entries := []string{
		"1 + 1", "def f():\n  return 'a\\nb'\n\nf()", strings.Repeat("x", 100_000), `\`, `\\n`, "\\\n\\n", "a\r\nb", "é␊", "  x  ",
	}
	h := history{path: path}
	for _, e := range entries {
		for range 2 { // a repetition is not stored
			if err := h.add(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := load(t, path); !slices.Equal(got, entries) {
		t.Errorf("got %q", got)
	}
}

func TestHistoryOfSeveralPrompts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	const prompts, each = 8, 50
	var wg sync.WaitGroup
	for n := range prompts {
		wg.Go(func() {
			h := history{path: path}
			for i := range each {
				if err := h.add(fmt.Sprintf("%d\n%d %s", n, i, strings.Repeat("x", i*200))); err != nil {
					t.Error(err)
				}
				if i == each/2 { // while others write
					if err := h.shorten(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	got := load(t, path)
	if len(got) != prompts*each {
		t.Fatalf("%d entries of %d", len(got), prompts*each)
	}
	next := make(map[int]int)
	for _, e := range got {
		var n, i int
		if _, err := fmt.Sscanf(e, "%d\n%d", &n, &i); err != nil || i != next[n] {
			t.Fatalf("prompt %d: entry %d where %d is next (%v)", n, i, next[n], err)
		}
		next[n]++
	}
}

func TestHistoryFileOfOtherHands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(path, []byte("a\r\n\n\xff b\nc\\x\ncut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := history{path: path}
	if err := h.add("next"); err != nil {
		t.Fatal(err)
	}
	if got := load(t, path); !slices.Equal(got, []string{"a", "\xff b", `c\x`, "cut off", "next"}) {
		t.Errorf("got %q", got)
	}
}

func TestHistoryIsShortened(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "history"), filepath.Join(dir, "link")
	var b strings.Builder
	for i := range 2*maxHistory + 1 {
		fmt.Fprintln(&b, i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	for range 2 {
		got := load(t, link)
		if len(got) != maxHistory || got[len(got)-1] != fmt.Sprint(2*maxHistory) {
			t.Errorf("%d entries, the last is %q", len(got), got[len(got)-1])
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Count(string(data), "\n") != maxHistory {
		t.Errorf("the file has %d lines (%v)", strings.Count(string(data), "\n"), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced (%v)", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".history-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestHistoryOfHugeEntriesIsShortened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	huge := strings.Repeat("x", maxHistoryBytes/3)
	if err := os.WriteFile(path, []byte(strings.Repeat(huge+"\n", 3)+"last\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load(t, path)
	if got := load(t, path); !slices.Equal(got, []string{huge, "last"}) {
		t.Errorf("%d entries are left", len(got))
	}
}

func TestHistoryWithoutAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := history{path: filepath.Join(file, "history")}
	if err := h.add("x"); err == nil {
		t.Error("no error")
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("HOME", "/home/somebody")
	if got := defaultHistory(); got != "/home/somebody/.local/state/incus-star/history" {
		t.Errorf("got %s", got)
	}
	t.Setenv("XDG_STATE_HOME", "/state")
	if got := defaultHistory(); got != "/state/incus-star/history" {
		t.Errorf("got %s", got)
	}
}
