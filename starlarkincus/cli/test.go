package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/internal/terminal"
	"incus-star/starlarkincus/suite"

	"github.com/spf13/pflag"
)

// testFlags are the flags of incus-star test.
type testFlags struct {
	match    string
	verbose  bool
	timeout  time.Duration
	parallel int
	junit    string
}

var testCommand = command{
	usage: `usage: incus-star test [flags] [paths]

Runs the functions test_* in *_test.star files: in the given files, and those below the given folders or, without
arguments, below the working directory.

Each test runs the file's top level anew, and has an Incus project of its own, which incus uses. The project is created
at the test's first call of Incus, and deleted with everything in it afterwards, however the test ends. It has
copies of the base project's profiles, and sees the images and networks of the default project. A test must remove its
additions to those, to other projects and to other servers itself, for example with defer().

If the file has setup() and teardown(), they run before and after each test: teardown even if the test fails, but not if
setup does. Files loaded by tests can use these functions too:

  assert_eq(got, want, msg="")          assert_ne(got, unwanted, msg="")
  assert_true(x, msg="")                assert_false(x, msg="")
  assert_in(x, where, msg="")           assert_contains(where, x, msg="")
  assert_raises(classes, fn, *args, **kwargs)   calls fn, which must raise one of the classes, and returns the error
  skip(reason="")

A failed assertion is an AssertionError, a kind of ScriptError: try_ lets it through.
`,
	after: `
exit status: 0; 1 a test failed; 2 wrong usage, a file doesn't parse, or there are no tests; 130 after Ctrl-C
`,
}

func init() {
	var t testFlags
	testCommand.flags = func(f *flags, set *pflag.FlagSet) {
		t = testFlags{}
		set.StringVar(&t.match, "run", "", "run only the tests whose names match this regular `expression`")
		set.BoolVarP(&t.verbose, "verbose", "v", false, "print each test as it ends, with its output")
		durationVar(set, &t.timeout, "timeout", 5*time.Minute, "end a test after this time; 0 for no limit")
		durationVar(set, &f.cleanup, "cleanup-timeout", f.cleanup, cleanupUsage)
		set.IntVarP(&t.parallel, "parallel", "p", min(runtime.NumCPU(), 4), "the number of files to run at a time")
		set.StringVar(&t.junit, "junit", "", "write a JUnit report to this `file`")
		set.StringVar(&f.remote, "remote", f.remote, "the remote of the incus command to use, instead of its default")
		set.StringVar(&f.project, "project", f.project, "the base project, whose profiles tests get copies of")
		set.Uint64Var(&f.maxSteps, "max-steps", f.maxSteps, "end a test after this many steps of Starlark")
		set.BoolVar(&f.trace, "trace", f.trace, "print each request; implies -v")
	}
	testCommand.run = func(f *flags, set *pflag.FlagSet, args []string, stdio stdio) int {
		if f.timeout > 0 && !set.Changed("timeout") {
			t.timeout = f.timeout
		}
		return f.test(t, args, stdio)
	}
}

// test runs the command test and returns its exit status.
func (f *flags) test(t testFlags, paths []string, stdio stdio) int {
	var match *regexp.Regexp
	var err error
	switch {
	case f.readOnly:
		err = errors.Plain("--read-only: tests create projects")
	case t.parallel < 1:
		err = fmt.Errorf("-p: %d is less than 1", t.parallel)
	case t.match != "":
		if match, err = regexp.Compile(t.match); err != nil {
			err = fmt.Errorf("--run: %w", err)
		}
	}
	if err != nil {
		return f.wrongCommand(stdio.err, "test", err)
	}
	warn := f.warner(stdio.err)
	runner := suite.New(suite.Options{
		Paths: orHere(paths), Match: match, Timeout: t.timeout, Parallel: t.parallel, Verbose: t.verbose || f.trace, JUnit: t.junit,
		Stdout: stdio.out, Stderr: stdio.err, JSON: f.errorFormat == "json", Color: terminal.Colored(stdio.out.file), MaxSteps: f.maxSteps, LibraryPath: libraryPath(),
		Cleanup: f.cleanup,
		Warn:    warn,
		Module:  func(output io.Writer) starlarkincus.Options { return f.module(output, warn) },
	})
	ctx, stop := onSignals(context.Background(), runner, stdio.err)
	defer stop()
	ctx, unwatch := stdio.out.watch(ctx)
	defer unwatch()
	return runner.Run(ctx)
}
