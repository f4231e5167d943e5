package cli_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"
)

// The blocks of the README and the pages of docs/ are run as tests. The words after a block's language select how:
//
//	python                a script, which is checked, and run on a real Incus
//	sh                    bash lines, run on a real Incus
//	console               commands after "$ ", and their output
//	text output           the output of the script or the lines above
//	python offline        run without Incus too; also for sh and console
//	python file=x.star    a file for the blocks below; any language
//	sh skip REASON        not run
//	text                  not run: a picture, a list
//
// In output, … matches any text, and alone on a line any lines. The blocks of a page run in order, in a folder and an
// Incus project for the page alone. The sections of the cookbook are run by TestRealCookbook.

// A block is a fenced block of a page.
type block struct {
	page, language string
	words          []string
	line           int
	text           string
	before         string // the text of the comment <!-- before … --> above it
	section        string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

func (b block) has(word string) bool {
	return slices.Contains(b.words, word)
}

// file returns the name in file=NAME.
func (b block) file() string {
	for _, w := range b.words {
		if name, ok := strings.CutPrefix(w, "file="); ok {
			return name
		}
	}
	return ""
}

// runs reports whether the block is to be run.
func (b block) runs() bool {
	switch b.language {
	case "python", "sh", "console":
		return b.file() == "" && !b.has("skip")
	}
	return false
}

func pages(t *testing.T) []string {
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(found) == 0 {
		t.Fatal("no pages in docs/", err)
	}
	return append([]string{"../../README.md"}, found...)
}

var (
	fence   = regexp.MustCompile("^```(.*)$")
	comment = regexp.MustCompile(`(?s)<!-- before\n(.*?)-->`)
)

func blocks(t *testing.T, page string) []block {
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	var open *block
	var prose strings.Builder
	section := ""
	for i, line := range strings.Split(string(data), "\n") {
		info := fence.FindStringSubmatch(line)
		switch {
		case info == nil && open == nil:
			if title, ok := strings.CutPrefix(line, "## "); ok {
				section = title
			}
			prose.WriteString(line + "\n")
		case info == nil:
			open.text += line + "\n"
		case open != nil:
			all = append(all, *open)
			open = nil
		default:
			open = &block{page: filepath.Base(page), line: i + 1, section: section}
			if words := strings.Fields(info[1]); len(words) > 0 {
				open.language, open.words = words[0], words[1:]
			}
			if m := comment.FindStringSubmatch(prose.String()); m != nil {
				open.before = m[1]
			}
			prose.Reset()
		}
	}
	if open != nil {
		t.Errorf("%s: the block has no end", open)
	}
	return all
}

// TestDocsMarkTheirBlocks checks that every block has a known kind, and a reason if it isn't run.
func TestDocsMarkTheirBlocks(t *testing.T) {
	counts := make(map[string]int)
	for _, page := range pages(t) {
		var last block
		for _, b := range blocks(t, page) {
			switch b.language {
			case "python", "sh", "console", "go", "text", "yaml":
			default:
				t.Errorf("%s: the block is of language %q", b, b.language)
			}
			for _, w := range b.words {
				if w == "skip" {
					break
				}
				if w != "offline" && w != "output" && !strings.HasPrefix(w, "file=") {
					t.Errorf("%s: unknown word %q", b, w)
				}
			}
			if n := len(b.words); n > 0 && b.words[n-1] == "skip" {
				t.Errorf("%s: isn't run, and doesn't say why", b)
			}
			if b.has("output") && (b.language != "text" || !last.runs() || last.language == "console") {
				t.Errorf("%s: the output of no block", b)
			}
			switch {
			case b.runs() && b.has("offline"):
				counts["run without Incus"]++
			case b.runs():
				counts["run beside Incus"]++
			case b.file() != "":
				counts["files"]++
			case b.has("output"):
				counts["outputs"]++
			case b.has("skip"):
				counts["skipped"]++
			default:
				counts["shown"]++
			}
			last = b
		}
	}
	t.Log(counts)
	if counts["skipped"] > 7 {
		t.Errorf("%d blocks are not run", counts["skipped"])
	}
}

// TestDocsCheck checks that incus-star check finds no mistake in the scripts of the pages.
func TestDocsCheck(t *testing.T) {
	dir := t.TempDir()
	for _, page := range pages(t) {
		folder := filepath.Join(dir, filepath.Base(page))
		for _, b := range blocks(t, page) {
			if b.language != "python" || b.has("skip") {
				continue
			}
			name := b.file()
			if name == "" {
				name = fmt.Sprintf("line%d.star", b.line)
			}
			write(t, filepath.Join(folder, name), b.text)
		}
	}
	out, err := exec.Command("incus-star", "check", dir).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestDocs runs the blocks that need no Incus.
func TestDocs(t *testing.T) {
	testPages(t, false)
}

// TestRealDocs runs all blocks of the pages with a block that needs an Incus.
func TestRealDocs(t *testing.T) {
	needsOneIncus(t)
	testPages(t, true)
}

func testPages(t *testing.T, real bool) {
	for _, page := range pages(t) {
		if filepath.Base(page) == "cookbook.md" {
			continue
		}
		all := blocks(t, page)
		if !slices.ContainsFunc(all, func(b block) bool { return b.runs() && b.has("offline") != real }) {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			s := newShelf(t, real)
			if real {
				s.makeProject(t, "docs-"+strings.ToLower(strings.TrimSuffix(filepath.Base(page), ".md")))
			}
			ran := 0
			for i, b := range all {
				if b.file() != "" {
					write(t, filepath.Join(s.dir, b.file()), s.own(b.text))
				}
				if !b.runs() || !real && !b.has("offline") {
					continue
				}
				ran++
				if b.language == "console" {
					s.console(t, b)
					continue
				}
				out := s.run(t, b)
				if i+1 < len(all) && all[i+1].has("output") {
					s.compare(t, all[i+1].String(), out, all[i+1].text)
				}
			}
			t.Logf("%d blocks ran", ran)
		})
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)

// TestDocsLinks checks that the README is short and links to every page, and that no link is broken.
func TestDocsLinks(t *testing.T) {
	linked := make(map[string]bool)
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		readme := filepath.Base(page) == "README.md"
		if n := strings.Count(string(data), "\n"); readme && n > 120 {
			t.Errorf("the README has %d lines", n)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			target := filepath.Join(filepath.Dir(page), m[1])
			if m[1] == "" {
				target = page
			}
			text, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: %v", page, err)
			}
			titles := strings.ReplaceAll(strings.ToLower(string(text)), " ", "-")
			if m[2] != "" && !strings.Contains(titles, "\n##-"+m[2]+"\n") {
				t.Errorf("%s: %s has no section %q", page, target, m[2])
			}
			linked[target] = linked[target] || readme
		}
	}
	for _, page := range pages(t)[1:] {
		if !linked[page] {
			t.Errorf("the README doesn't lead to %s", page)
		}
	}
}

// TestDocsListAll checks that the page about the incus module lists all collections, and the README all error classes.
func TestDocsListAll(t *testing.T) {
	lists := func(page, name string) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks(t, page) {
			if b.language == "text" && slices.ContainsFunc(strings.Fields(b.text), func(word string) bool { return word == name || strings.HasSuffix(word, "."+name) }) {
				return
			}
		}
		if !strings.Contains(string(data), "`"+name+"`") {
			t.Errorf("%s: the list lacks %s", page, name)
		}
	}
	for _, s := range spec.Sites() {
		if s.Name != "" {
			lists("../../docs/incus.md", s.Name)
		}
	}
	for _, class := range errors.Classes() {
		lists("../../README.md", class.Name())
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// TestArchitectureNamesExist checks that the files, tests and declarations named in the architecture exist.
func TestArchitectureNamesExist(t *testing.T) {
	const page = "../../docs/architecture.md"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	err = filepath.WalkDir("../..", func(file string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".go") && filepath.Base(file) != "docs_test.go" {
			text, err := os.ReadFile(file)
			source.Write(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	all := source.String()
	words := make(map[string]bool)
	for word := range strings.FieldsFuncSeq(all, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		words[word] = true
	}
	for _, b := range blocks(t, page) {
		if b.language == "go" && !strings.Contains(all, b.text) {
			t.Errorf("%s: the code differs from the project's", b)
		}
	}
	prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(string(data), "")
	for _, m := range quoted.FindAllStringSubmatch(prose, -1) {
		for name := range strings.FieldsSeq(m[1]) {
			there := strings.Contains(string(module), name)
			for _, dir := range []string{"", "starlarkincus", "starlarkincus/spec"} {
				_, err := os.Stat(filepath.Join("../..", dir, name))
				there = there || err == nil
			}
			_, declared, _ := strings.Cut(name, ".")
			there = there || words[strings.TrimSuffix(name, "()")] || words[strings.TrimSuffix(declared, "()")]
			if !there && !strings.ContainsAny(name, "-~$…") && !strings.Contains(name, "...") {
				t.Errorf("%s names %s, which isn't there", page, name)
			}
		}
	}
}
