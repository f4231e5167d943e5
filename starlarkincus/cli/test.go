package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/suite"

	"github.com/spf13/pflag"
)

// Set by the flags of incus-star test.
type testFlags struct {
	match    string
	verbose  bool
	timeout  time.Duration
	parallel int
	junit    string
}

var testCommand = command{
	usage: `usage: incus-star test [flags] [paths]

Runs the functions test_* of the files *_test.star: those given, and those below the folders given, or below this one.

Each test begins anew: the file's top level is run for it, and its incus is a client of an Incus project of its own. The
project is made at the test's first call of Incus, and removed after the test with all that is in it, however the test
ended. It has copies of the base project's profiles, and sees the images and the networks of the default project; what
a test adds to those, to other projects or to other servers is for the test to remove: defer() does so.

setup() and teardown() run before and after each test, where the file has them; teardown also after a failure, but not
where setup failed. A file that tests load may use the tests' names too:

  assert_eq(got, want, msg="")          assert_ne(got, unwanted, msg="")
  assert_true(x, msg="")                assert_false(x, msg="")
  assert_in(x, where, msg="")           assert_contains(where, x, msg="")
  assert_raises(classes, fn, *args, **kwargs)   calls fn, which must fail so, and returns the error
  skip(reason="")

A failed assertion is an AssertionError, which stands under ScriptError: try_ doesn't hold it.
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
		set.BoolVarP(&t.verbose, "verbose", "v", false, "tell of each test as it ends, with what it printed")
		durationVar(set, &t.timeout, "timeout", 5*time.Minute, "end a test after this long; 0 for never")
		durationVar(set, &f.cleanup, "cleanup-timeout", f.cleanup, cleanupUsage)
		set.IntVarP(&t.parallel, "parallel", "p", min(runtime.NumCPU(), 4), "how many files to run at a time")
		set.StringVar(&t.junit, "junit", "", "write a JUnit report to this `file`")
		set.StringVar(&f.remote, "remote", f.remote, "the incus command's remote to work on, instead of its default")
		set.StringVar(&f.project, "project", f.project, "the base project, whose profiles tests start with")
		set.Uint64Var(&f.maxSteps, "max-steps", f.maxSteps, "end a test after this many steps of Starlark")
		set.BoolVar(&f.trace, "trace", f.trace, "tell of each request; implies -v")
	}
	testCommand.run = func(f *flags, set *pflag.FlagSet, args []string, stdio stdio) int {
		if f.timeout > 0 && !set.Changed("timeout") {
			t.timeout = f.timeout
		}
		return f.test(t, args, stdio)
	}
}

// test runs tests.
func (f *flags) test(t testFlags, paths []string, stdio stdio) int {
	var match *regexp.Regexp
	var err error
	switch {
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
		Stdout: stdio.out, Stderr: stdio.err, JSON: f.errorFormat == "json", Color: colored(stdio.out.file), MaxSteps: f.maxSteps, LibraryPath: libraryPath(), ReadOnly: f.readOnly,
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
