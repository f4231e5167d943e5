// Package cli is the incus-star command: its flags, its signals, and its exit statuses. Main runs it.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/rest"

	"github.com/spf13/pflag"
	"go.starlark.net/starlark"
	"golang.org/x/term"
)

const usage = `usage: incus-star [flags] script.star [args]   run a script; - is standard input
       incus-star [flags] -c code [args]       run code
       incus-star [flags]                      the prompt

flags:
`

const statuses = `
exit status: 0; 1 a mistake in the script or an error of its own; 2 wrong usage, or the script doesn't parse; 3 the
server refused; 4 no connection; 5 an operation failed; 124 time or steps are used up; 130 interrupted; what exit() says
`

// usageStatus is the exit status of a wrong command line.
const usageStatus = 2

// flags are the command line, parsed.
type flags struct {
	remote, project string
	timeout         time.Duration
	maxSteps        uint64
	readOnly, trace bool
	version, help   bool
	code            string
	hasCode         bool
	args            []string
}

func parse(args []string) (*flags, string, error) {
	var f flags
	set := pflag.NewFlagSet("incus-star", pflag.ContinueOnError)
	set.SetInterspersed(false) // what follows the script is the script's
	set.SortFlags = false
	set.Usage = func() {}
	set.StringVarP(&f.code, "code", "c", "", "run this `code` instead of a file")
	set.StringVar(&f.remote, "remote", "", "the incus command's remote to work on, instead of its default")
	set.StringVar(&f.project, "project", "", "the project to work in")
	set.DurationVar(&f.timeout, "timeout", 0, "end the script after this long, such as 90s or 10m")
	set.Uint64Var(&f.maxSteps, "max-steps", 0, "end the script after this many steps of Starlark")
	set.BoolVar(&f.readOnly, "read-only", false, "send only GET requests")
	set.BoolVar(&f.trace, "trace", false, "print each request on standard error")
	set.BoolVar(&f.version, "version", false, "print the version")
	set.BoolVarP(&f.help, "help", "h", false, "print this")
	err := set.Parse(args)
	f.hasCode = set.Changed("code")
	f.args = set.Args()
	if err == nil && f.timeout < 0 {
		err = fmt.Errorf("--timeout: %v is negative", f.timeout)
	}
	return &f, usage + set.FlagUsages() + statuses, err
}

// Main runs the command and returns its exit status.
func Main(args []string, stdin, stdout, stderr *os.File) int {
	f, help, err := parse(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "incus-star: %v (incus-star --help lists the flags)\n", err)
		return usageStatus
	case f.help:
		fmt.Fprint(stdout, help)
		return 0
	case f.version:
		fmt.Fprintln(stdout, "incus-star", Version())
		return 0
	}
	client := starlarkincus.New(f.module(stderr))
	defer client.Close()
	options := host.Options{
		Stdin: stdin, Stdout: stdout, Stderr: stderr,
		Predeclared: starlark.StringDict{"incus": client},
		Color:       term.IsTerminal(int(stderr.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		MaxSteps:    f.maxSteps,
	}
	if !f.hasCode && len(f.args) == 0 {
		return f.prompt(options)
	}
	return f.run(options, stdin, stderr)
}

// module are the options of the incus module.
func (f *flags) module(stderr io.Writer) starlarkincus.Options {
	o := starlarkincus.Options{Remote: f.remote, Project: f.project, ReadOnly: f.readOnly, UserAgent: "incus-star/" + Version()}
	if f.trace {
		o.Trace = func(t rest.Trace) { fmt.Fprintln(stderr, traceLine(t)) }
	}
	return o
}

// traceLine is one request of --trace.
func traceLine(t rest.Trace) string {
	line := t.Method + " " + t.Path
	if query := t.Query.Encode(); query != "" {
		line += "?" + query
	}
	if t.Status != 0 {
		line += fmt.Sprintf(" %d", t.Status)
	}
	line += fmt.Sprintf(" %.1f ms", float64(t.Duration.Microseconds())/1000)
	if t.Err != nil {
		line += " " + strings.ReplaceAll(t.Err.Error(), "\n", " ")
	}
	return line
}

// run runs the script that the command line names.
func (f *flags) run(options host.Options, stdin, stderr *os.File) int {
	if f.hasCode {
		options.Args = f.args
	} else {
		options.Args = f.args[1:]
	}
	h := host.New(options)
	ctx, stop := onSignals(context.Background(), h, stderr)
	defer stop()
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, host.ErrTimeout)
		defer cancel()
	}
	var err error
	if f.hasCode {
		err = h.RunSource(ctx, "-c", []byte(f.code))
	} else {
		err = h.RunFile(ctx, f.args[0])
	}
	if err != nil {
		h.Report(stderr, err)
	}
	return host.ExitStatus(err)
}

// Version is the version of the module that the binary was built from.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
