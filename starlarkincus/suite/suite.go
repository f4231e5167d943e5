// Package suite runs tests that are written in Starlark: the functions test_* of the files *_test.star.
//
// Make a [Runner] with [New] and call its Run. Each test has the file's top level run anew for it, and an Incus project
// of its own, which is made when the test first uses incus and removed after the test, however that ended. Test files
// run side by side; the tests of one file run in their order.
package suite

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/input"

	"go.starlark.net/syntax"
)

// Suffix is how the names of test files end.
const Suffix = "_test.star"

// The statuses of a process that ran tests.
const (
	statusFailed = 1
	statusUsage  = 2
)

// Options say what to run, and how.
type Options struct {
	// Paths are files, and folders with files whose names end in Suffix.
	Paths []string
	// Match is what the names of tests must match; nil for all.
	Match *regexp.Regexp
	// Timeout ends one test, its setup included; 0 for never. Clean-up has its own time.
	Timeout time.Duration
	// Cleanup is the time that a test's clean-up has after an interrupt or a timeout; 0 means that of host.Options.Grace.
	Cleanup time.Duration
	// Parallel is how many files run at a time; at least 1.
	Parallel int
	// Verbose tells of each test as it ends, with what it printed, and not of files.
	Verbose bool
	// JUnit is the file to write a JUnit report to; empty for none.
	JUnit string
	// Stdout takes the results, Stderr what goes wrong with the run itself.
	Stdout, Stderr io.Writer
	// JSON makes what goes to Stderr one object a line.
	JSON bool
	// Color makes reports use terminal colours.
	Color bool
	// Warn, LibraryPath, MaxSteps and ReadOnly are those of host.Options.
	Warn        func(message string)
	LibraryPath []string
	MaxSteps    uint64
	ReadOnly    bool
	// Module gives the options of one test's incus module, which traces to output. Its Project is the one whose
	// profiles tests start with.
	Module func(output io.Writer) starlarkincus.Options
}

// A Runner runs tests once.
type Runner struct {
	options Options

	mu       sync.Mutex
	hosts    map[*host.Host]bool // of the tests that run
	ending   bool                // EndCleanup was called
	projects map[string]bool     // that are on the server

	print sync.Mutex // held while a file's or a test's results are written
}

// New makes a Runner.
func New(o Options) *Runner {
	return &Runner{options: o, hosts: make(map[*host.Host]bool), projects: make(map[string]bool)}
}

// EndCleanup ends what tests still clean up after an interrupt; their projects are removed all the same.
func (r *Runner) EndCleanup() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = true
	for h := range r.hosts {
		h.EndCleanup()
	}
}

// Report writes why the run is given up, and which projects that leaves on the server.
func (r *Runner) Report(w io.Writer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.projects) > 0 {
		err = fmt.Errorf("%w\nprojects that are left: %s", err, strings.Join(slices.Sorted(maps.Keys(r.projects)), " "))
	}
	r.report(w, err)
}

// report writes what goes wrong with the run itself.
func (r *Runner) report(w io.Writer, err error) {
	host.New(host.Options{JSON: r.options.JSON}).Report(w, &host.UsageError{Path: "incus-star test", Message: err.Error()})
}

func (r *Runner) noteProject(verb, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if verb == "removed" {
		delete(r.projects, name)
	} else {
		r.projects[name] = true
	}
}

// Run runs the tests and writes their results, and returns the process's exit status: 0 where all passed, 1 where one
// failed, 2 where a file doesn't parse or there is nothing to run, and after an interrupt that of its cause.
func (r *Runner) Run(ctx context.Context) int {
	start := time.Now()
	files, err := Files(r.options.Paths, Suffix)
	if err != nil {
		return r.usage(err)
	}
	var all []*file
	tests := 0
	for _, path := range files {
		f := r.read(ctx, path)
		tests += len(f.tests)
		if len(f.tests) > 0 || f.unread != "" {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return r.usage(r.nothing(files))
	}
	r.runFiles(ctx, all)
	sum := summarize(all)
	fmt.Fprintf(r.options.Stdout, "\n%s in %.1fs\n", sum, time.Since(start).Seconds())
	if r.options.JUnit != "" {
		if err := writeJUnit(r.options.JUnit, all, time.Since(start)); err != nil {
			return r.usage(fmt.Errorf("--junit: %w", err))
		}
	}
	switch cause := context.Cause(ctx); {
	case cause != nil:
		return statusOf(cause)
	case sum.unread > 0:
		return statusUsage
	case sum.count[failure]+sum.count[broken]+sum.count[notRun] > 0:
		return statusFailed
	}
	return 0
}

// statusOf is the exit status of a run that was ended from outside.
func statusOf(cause error) int {
	var own interface{ ExitStatus() int }
	if errors.As(cause, &own) {
		return own.ExitStatus()
	}
	return host.ExitStatus(cause)
}

func (r *Runner) usage(err error) int {
	r.report(r.options.Stderr, err)
	return statusUsage
}

// nothing is the error of a run without tests.
func (r *Runner) nothing(files []string) error {
	switch {
	case len(files) == 0:
		return fmt.Errorf("no tests found: no file below %q ends in %s", r.options.Paths, Suffix)
	case r.options.Match != nil:
		return fmt.Errorf("no tests found: no test's name matches %q", r.options.Match)
	}
	return fmt.Errorf("no tests found: no function test_* in %q", files)
}

// A file is a test file with its results.
type file struct {
	path    string
	tests   []string
	unread  string // why it can't be run
	results []result
	took    time.Duration
}

// read finds a file's tests.
func (r *Runner) read(ctx context.Context, path string) *file {
	f := &file{path: path}
	h := host.New(host.Options{Predeclared: r.names(nil), Color: r.options.Color})
	src, err := input.File(ctx, path, input.Script)
	var tree *syntax.File
	if err == nil {
		tree, err = h.Parse(path, src)
	} else {
		err = &host.UsageError{Path: path, Message: reason(err).Error()}
	}
	if err != nil {
		f.unread = reported(h, err)
		return f
	}
	f.tests = testsIn(tree, r.options.Match)
	return f
}

// runFiles runs the files, some at a time, and writes the results of each when it's done.
func (r *Runner) runFiles(ctx context.Context, files []*file) {
	var workers sync.WaitGroup
	next := make(chan *file)
	for range min(max(r.options.Parallel, 1), len(files)) {
		workers.Go(func() {
			for f := range next {
				r.runFile(ctx, f)
			}
		})
	}
	for _, f := range files {
		next <- f
	}
	close(next)
	workers.Wait()
}

func (r *Runner) runFile(ctx context.Context, f *file) {
	start := time.Now()
	for _, name := range f.tests {
		result := r.runTest(ctx, f.path, name)
		f.results = append(f.results, result)
		if r.options.Verbose {
			r.write(result.verbose(f.path))
		}
	}
	f.took = time.Since(start)
	if text := f.text(r.options.Verbose); text != "" {
		r.write(text)
	}
}

// write writes what belongs together.
func (r *Runner) write(text string) {
	r.print.Lock()
	defer r.print.Unlock()
	io.WriteString(r.options.Stdout, text)
}
