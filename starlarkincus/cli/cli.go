// Package cli implements the incus-star command: its flags, subcommands, signals and exit statuses. [Main] runs it.
package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/terminal"
	"incus-star/starlarkincus/rest"

	"github.com/spf13/pflag"
)

var usage = `usage: incus-star [flags] script.star [args]   run a script; - is standard input
       incus-star [flags] -c code [args]       run code
       incus-star [flags]                      the prompt
` + commandsHelp + `
flags:
`

const statuses = `
exit status: 0; 1 a mistake in the script, or an error of its own; 2 wrong usage or configuration, or a syntax
error; 3 the server refused; 4 no connection; 5 an operation failed; 124 the time, step or memory limit is reached; 129,
130, 131 and 143 after SIGHUP, Ctrl-C, SIGQUIT and SIGTERM; 141 the reader of standard output has gone; or the
argument of exit() or die()
`

// flags are the parsed command line.
type flags struct {
	remote, project string
	timeout         time.Duration
	cleanup         time.Duration
	maxSteps        uint64
	maxMemory       memoryLimit
	logLevel        slog.Level
	readOnly, trace bool
	tracing         *atomic.Bool // trace, which the prompt's :trace changes
	version, help   bool
	code            string
	hasCode         bool
	args            []string
	errorFormat     string
	progress        string
	names           []string // of the command's own flags
}

// defaultCleanup is the default of --cleanup-timeout.
const defaultCleanup = 10 * time.Second

const cleanupUsage = "the total time for finally_ and defer after Ctrl-C, a signal or a timeout"

// namesOf returns the names of all flags in a set.
func namesOf(set *pflag.FlagSet) []string {
	var names []string
	set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// parse parses the command line, and returns it with the help text.
func parse(args []string) (*flags, string, error) {
	f := flags{tracing: new(atomic.Bool)}
	set := pflag.NewFlagSet("incus-star", pflag.ContinueOnError)
	set.SetInterspersed(false) // arguments after the script are the script's
	set.SortFlags = false
	set.Usage = func() {}
	set.StringVarP(&f.code, "code", "c", "", "run this `code` instead of a file")
	set.StringVar(&f.remote, "remote", "", "the remote of the incus command to use, instead of its default")
	set.StringVar(&f.project, "project", "", "the project to work in")
	durationVar(set, &f.timeout, "timeout", 0, "end the script after this time, such as 90s or 10m; at the prompt, end each entry")
	durationVar(set, &f.cleanup, "cleanup-timeout", defaultCleanup, cleanupUsage)
	set.Uint64Var(&f.maxSteps, "max-steps", 0, "end the script after this many steps of Starlark")
	set.Var(&f.maxMemory, "max-memory", "end the script when it uses more memory than this, such as 512MiB or 2GiB")
	set.BoolVar(&f.readOnly, "read-only", false, "send only GET requests to / and below /1.0, and write no file")
	set.BoolVar(&f.trace, "trace", false, "print each request on standard error")
	level := set.String("log-level", "info", "the lowest `level` that log prints: debug, info, warning or error")
	set.StringVar(&f.progress, "progress", "auto", "how long operations and transfers are shown: auto, as lines that change if standard error is a terminal; plain, as a line every few seconds; or never")
	set.StringVar(&f.errorFormat, "error-format", "text", "the format of errors: text, or json for one object a line")
	set.BoolVar(&f.version, "version", false, "print the version")
	set.BoolVarP(&f.help, "help", "h", false, "print this")
	err := set.Parse(args)
	f.hasCode = set.Changed("code")
	f.args = set.Args()
	f.names = namesOf(set)
	if err == nil {
		if f.logLevel, err = host.LogLevel(*level); err != nil {
			err = fmt.Errorf("--log-level: %w", err)
		}
	}
	if err == nil && f.errorFormat != "text" && f.errorFormat != "json" {
		err = fmt.Errorf("--error-format: %q is neither text nor json", f.errorFormat)
	}
	if err == nil && !slices.Contains(progressModes, f.progress) {
		err = fmt.Errorf("--progress: %q is neither auto, plain nor never", f.progress)
	}
	return &f, usage + set.FlagUsages() + statuses, err
}

// Main runs the command and returns its exit status.
func Main(args []string, stdin, stdout, stderr *os.File) int {
	defer onClosedPipe()()
	log.SetOutput(io.Discard) // net/http logs there, for example unexpected data from a server
	out := newOutput(stdout)
	f, help, err := parse(args)
	switch {
	case err != nil:
		return f.wrongUsage(stderr, misplaced(err, args))
	case f.help:
		fmt.Fprint(out, help)
		return out.end(f, 0, stderr)
	case f.version:
		fmt.Fprintln(out, "incus-star", Version())
		return out.end(f, 0, stderr)
	}
	if status, ok := f.command(stdio{stdin, out, stderr}); ok {
		return out.end(f, status, stderr)
	}
	progress, text, errs := f.showProgress(stdout, stderr)
	defer progress.close()
	warn := f.warner(errs)
	module := f.module(errs, warn)
	if progress != nil {
		module.Progress = progress
	}
	client := starlarkincus.New(module)
	defer client.Close()
	options := host.Options{
		Stdin: stdin, Stdout: text, Stderr: errs,
		Predeclared:  client.Names(),
		Track:        starlarkincus.Track,
		Servers:      client.Servers,
		CommandFlags: f.names,
		Grace:        f.cleanup,
		Color:        terminal.Colored(stderr),
		JSON:         f.errorFormat == "json",
		MaxSteps:     f.maxSteps,
		LogLevel:     f.logLevel,
		LibraryPath:  libraryPath(),
		Warn:         warn,
		ReadOnly:     f.readOnly,
	}
	if !f.hasCode && len(f.args) == 0 {
		out.to, options.Stdout = text, out
		if status := f.prompt(options); status != 0 {
			return status
		}
		return out.end(f, 0, stderr)
	}
	return f.run(options)
}

// wrongUsage reports a wrong command line, in the format set by the part that was parsed, and returns the exit status.
func (f *flags) wrongUsage(stderr io.Writer, err error) int {
	usage := &host.UsageError{Path: "incus-star", Message: err.Error() + " (incus-star --help lists the flags)"}
	return f.report(usage, stderr)
}

// report writes an error in the format of --error-format, and returns its exit status.
func (f *flags) report(err error, stderr io.Writer) int {
	host.New(host.Options{JSON: f.errorFormat == "json"}).Report(stderr, err)
	return host.ExitStatus(err)
}

// module returns the options of the incus module.
func (f *flags) module(stderr io.Writer, warn func(string)) starlarkincus.Options {
	o := starlarkincus.Options{Remote: f.remote, Project: f.project, ReadOnly: f.readOnly, Warn: warn, Ask: askSecret, Show: showMessage, UserAgent: "incus-star/" + Version()}
	if f.errorFormat != "json" {
		o.Tell = func(text string) { _, _ = io.WriteString(stderr, text) }
	}
	f.tracing.Store(f.trace)
	if prompt := !f.hasCode && len(f.args) == 0; f.trace || prompt {
		o.Trace = func(t rest.Trace) {
			if f.tracing.Load() {
				f.note(stderr, "trace", traceLine(t))
			}
		}
	}
	return o
}

// note writes one line to standard error, in the format of --error-format.
func (f *flags) note(stderr io.Writer, level, line string) {
	if f.errorFormat == "json" {
		object, _ := json.Marshal(map[string]string{"level": level, "message": line})
		line = string(printable.JSON(object))
	} else if level != "trace" {
		line = "incus-star: " + level + ": " + line
	}
	_, _ = io.WriteString(stderr, line+"\n")
}

// warner returns a function that writes each warning once.
func (f *flags) warner(stderr io.Writer) func(message string) {
	var said sync.Map
	return func(message string) {
		if _, again := said.LoadOrStore(message, true); !again {
			f.note(stderr, "warning", printable.Line(message))
		}
	}
}

// traceLine returns the line of --trace for a request.
func traceLine(t rest.Trace) string {
	line := t.Method + " " + t.Path
	if query := t.Query.Encode(); query != "" {
		line += "?" + query
	}
	if t.Status != 0 {
		line += fmt.Sprintf(" %d", t.Status)
	}
	line += fmt.Sprintf(" %.1f ms", float64(t.Duration.Microseconds())/1000)
	if t.Remote != "" {
		line += " (remote " + t.Remote + ")"
	}
	if t.Err != nil {
		line += " " + strings.ReplaceAll(t.Err.Error(), "\n", " ")
	}
	return printable.Line(line)
}

// run runs the script of the command line and returns the exit status.
func (f *flags) run(options host.Options) int {
	stderr := options.Stderr
	if f.hasCode {
		options.Args = f.args
	} else {
		options.Args = f.args[1:]
	}
	h := host.New(options)
	ctx, stop := onSignals(context.Background(), h, stderr)
	defer stop()
	ctx, unwatch := f.maxMemory.watch(ctx, stderr)
	defer unwatch()
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, fmt.Errorf("%w after %v", host.ErrTimeout, f.timeout))
		defer cancel()
	}
	var err error
	if f.hasCode {
		err = h.RunSource(ctx, "-c", []byte(f.code))
	} else {
		err = h.RunFile(ctx, f.args[0])
	}
	if err != nil {
		h.Report(stderr, f.meant(err))
	}
	return host.ExitStatus(err)
}

// misplaced adds a hint to the error of an unknown flag before a script's name: a script's own flags follow the name.
func misplaced(err error, args []string) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	for _, arg := range args {
		if strings.HasSuffix(arg, scriptSuffix) && !strings.HasPrefix(arg, "-") {
			return fmt.Errorf("%w: a script's flags stand behind its name, as in %s --%s …", err, arg, unknown.GetSpecifiedName())
		}
	}
	return err
}

// meant adds a suggestion to the error of a missing script: a command, or how to run a line if the name is but a word.
func (f *flags) meant(err error) error {
	var usage *host.UsageError
	if f.hasCode || !errors.As(err, &usage) || usage.Path != f.args[0] {
		return err
	}
	if _, missing := os.Stat(usage.Path); !errors.Is(missing, fs.ErrNotExist) {
		return err
	}
	if near := errors.Nearest(usage.Path, slices.Sorted(maps.Keys(commands))); near != "" {
		return &host.UsageError{Path: usage.Path, Message: fmt.Sprintf("%s (did you mean the command %s?)", usage.Message, near)}
	}
	if !strings.ContainsAny(usage.Path, `./\`) {
		return &host.UsageError{Path: usage.Path, Message: usage.Message + ": it would be a script; incus-star -c 'print(incus.instances.names())' runs a line, incus-star --help lists the commands"}
	}
	return err
}

// Version returns the version of the module that the binary was built from, or "(devel)".
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
