// Package suite runs tests that are written in Starlark: the functions test_* of the files *_test.star.
//
// Create a [Runner] with [New] and call its Run. Each test runs the file's top level anew, and has an Incus project of
// its own, which is created at the test's first request and removed after the test, however it ends. Test files run in
// parallel; the tests of one file run in order.
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

// Suffix ends the names of test files.
const Suffix = "_test.star"

// Exit statuses.
const (
	statusFailed = 1
	statusUsage  = 2
)

// Options select the tests to run, and configure the run.
type Options struct {
	// Paths are test files, and folders to search for files whose names end in Suffix.
	Paths []string
	// Match, if not nil, selects tests by name.
	Match *regexp.Regexp
	// Timeout limits the time of each test, including setup but not clean-up; 0 for no limit.
	Timeout time.Duration
	// Cleanup limits the time of a test's clean-up after an interrupt or a timeout; 0 for the default of
	// host.Options.Grace.
	Cleanup time.Duration
	// Parallel is the number of files to run at a time, at least 1.
	Parallel int
	// Verbose prints each test as it ends, with its output, instead of each file.
	Verbose bool
	// JUnit is the file for a JUnit report; empty for none.
	JUnit string
	// Stdout receives the results, and Stderr the errors of the run itself.
	Stdout, Stderr io.Writer
	// JSON writes each error on Stderr as one JSON object per line.
	JSON bool
	// Color enables terminal colours in reports.
	Color bool
	// Warn, LibraryPath and MaxSteps are passed to host.Options.
	Warn        func(message string)
	LibraryPath []string
	MaxSteps    uint64
	// Module returns the options of one test's incus module, which traces to output. Their Project is the base project,
	// whose profiles tests get copies of.
	Module func(output io.Writer) starlarkincus.Options
}

// A Runner runs tests once.
type Runner struct {
	options Options

	mu       sync.Mutex
	hosts    map[*host.Host]bool // of the running tests
	ending   bool                // EndCleanup was called
	projects map[string]bool     // existing test projects
	removals map[*project]context.CancelCauseFunc

	print sync.Mutex // serializes writes of results
}

// New returns a Runner.
func New(o Options) *Runner {
	return &Runner{options: o, hosts: make(map[*host.Host]bool), projects: make(map[string]bool), removals: make(map[*project]context.CancelCauseFunc)}
}

// EndCleanup ends the clean-up of the running tests after an interrupt, and the removal of projects that has begun. The
// projects of the tests whose clean-up it ends are still removed, if that takes a few seconds only.
func (r *Runner) EndCleanup() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = true
	for h := range r.hosts {
		h.EndCleanup()
	}
	for _, end := range r.removals {
		end(errHurried)
	}
}

var errHurried = errors.Plain("because a second signal ended the removal")

// remove removes a test's project.
func (r *Runner) remove(p *project) error {
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	limit := removeTimeout
	r.mu.Lock()
	if r.ending {
		limit = hurryTimeout
	}
	r.removals[p] = end
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.removals, p)
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("which was tried for %v", limit))
	defer cancel()
	return p.remove(ctx)
}

// Report writes the error of an abandoned run, with the names of the remaining projects.
func (r *Runner) Report(w io.Writer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.projects) > 0 {
		err = fmt.Errorf("%w\nremaining projects: %s", err, strings.Join(slices.Sorted(maps.Keys(r.projects)), " "))
	}
	r.report(w, err)
}

// report writes an error of the run itself.
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

// Run runs the tests, writes their results, and returns the process's exit status: 0 if all passed, 1 if one failed, 2
// if a file doesn't parse or there are no tests, and after an interrupt the status of its cause.
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

// statusOf returns the exit status of an interrupted run.
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

// nothing returns the error of a run without tests.
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
	unread  string // the report of an error that prevents it from running
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

// runFiles runs the files, Parallel at a time, and writes the results of each when it ends.
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

// write writes text to Stdout without interleaving.
func (r *Runner) write(text string) {
	r.print.Lock()
	defer r.print.Unlock()
	io.WriteString(r.options.Stdout, text)
}
