package suite

import (
	"fmt"
	"path/filepath"
	"strings"

	"incus-star/starlarkincus/internal/printable"
)

// titles are the names of outcomes in the results.
var titles = [outcomes]string{"PASS", "FAIL", "ERROR", "SKIP", "NOT RUN"}

// verbose returns a test's line, its output and its error.
func (t *result) verbose(path string) string {
	return t.title(path) + indented(t.output) + indented(t.report)
}

// title returns a test's line.
func (t *result) title(path string) string {
	line := fmt.Sprintf("--- %s: %s: %s", titles[t.outcome], shown(path), t.name)
	if t.outcome != notRun {
		line += fmt.Sprintf(" (%.2fs)", t.took.Seconds())
	}
	if t.outcome == skips && t.reason != "" {
		line += ": " + printable.Line(t.reason)
	}
	return line + "\n"
}

// shown returns a file's name for the results.
func shown(path string) string { return printable.Line(filepath.ToSlash(path)) }

func indented(text string) string {
	if text == "" {
		return ""
	}
	text = strings.TrimSuffix(text, "\n")
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}

// text returns a finished file's lines: its verdict and the failed tests. With verbose it returns only the error of a
// file that can't be run, because the tests are printed as they end.
func (f *file) text(verbose bool) string {
	if f.unread != "" {
		return fmt.Sprintf("FAIL  %s  can't be run\n", shown(f.path)) + indented(printable.Text(f.unread))
	}
	if verbose {
		return ""
	}
	var count [outcomes]int
	var details strings.Builder
	for i := range f.results {
		t := &f.results[i]
		count[t.outcome]++
		if t.outcome == failure || t.outcome == broken {
			details.WriteString(t.verbose(f.path))
		}
	}
	verdict := "ok  "
	switch {
	case count[failure]+count[broken] > 0:
		verdict = "FAIL"
	case count[notRun] == len(f.results):
		return ""
	}
	return fmt.Sprintf("%s  %s  %s in %.1fs\n", verdict, shown(f.path), &summary{count: count}, f.took.Seconds()) + details.String()
}

// A summary has the number of tests by outcome, and of files that can't be run.
type summary struct {
	count  [outcomes]int
	unread int
}

func summarize(files []*file) *summary {
	var s summary
	for _, f := range files {
		if f.unread != "" {
			s.unread++
		}
		for _, t := range f.results {
			s.count[t.outcome]++
		}
	}
	return &s
}

func (s *summary) String() string {
	parts := []string{fmt.Sprintf("%d passed", s.count[passed])}
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(s.count[failure], "failed", "failed")
	add(s.count[broken], "error", "errors")
	add(s.count[skips], "skipped", "skipped")
	add(s.count[notRun], "not run", "not run")
	add(s.unread, "file can't be run", "files can't be run")
	return strings.Join(parts, ", ")
}
