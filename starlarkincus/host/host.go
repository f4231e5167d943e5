// Package host runs Starlark scripts: it provides their names, loads their modules, catches their errors and stops them.
//
// [New] returns a [Host], which runs a script with [Host.RunFile] or [Host.RunSource], or the entries of a prompt with a
// [Session]. [Host.Report] writes the error that these return, and [ExitStatus] is the process's exit status for it. A
// caller that cancels the context gives a cause: [ErrInterrupted], [ErrTimeout], or an error that wraps one of them.
//
// All Starlark code of a Host runs under one lock, which builtins release while they wait (see [builtin.Binding]). So
// builtins must not call a Host's methods, and values that scripts share need neither freezing nor locking: the globals
// of a loaded module stay as mutable as the script's own.
//
// A function of the host is a [builtin.Decl], with its parameters and its help; builtin.go lists all of them. Errors are
// written by package report.
package host

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/report"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Options configure a Host. With the zero value scripts read nothing and print nothing.
type Options struct {
	// Stdin is the source of the script "-" of RunFile.
	Stdin io.Reader
	// Stdout takes the output of scripts, Stderr their log and the errors that are reported before their end.
	Stdout, Stderr io.Writer
	// Args is the script's command line, without its name. If it asks for the script's help, the help is printed on Stdout
	// and nothing runs.
	Args []string
	// CommandFlags are the flags of the command that runs scripts, for a hint if a script is given one of them.
	CommandFlags []string
	// Predeclared are further names of scripts. None may be one of the host's own.
	Predeclared starlark.StringDict
	// LibraryPath lists the folders that load searches after the loading file's own.
	LibraryPath []string
	// Warn, if set, is called for each file loaded from a folder of LibraryPath that other users can change.
	Warn func(message string)
	// Reloaded, if set, is called for each file that a session loads anew because it has changed.
	Reloaded func(path string)
	// LogLevel is the lowest level that log prints.
	LogLevel slog.Level
	// Color gives reports a terminal's colours.
	Color bool
	// JSON makes each report, and each line of the log, a JSON object in one line.
	JSON bool
	// Grace limits all clean-up together after an interrupt, a timeout or the step limit; 0 means 10 s. After exit()
	// clean-up has no limit.
	Grace time.Duration
	// MaxSteps limits the Starlark steps of a run, all its tasks together; 0 means no limit.
	MaxSteps uint64
	// Track returns the context of a run, in which its calls record the work that they start elsewhere; nil for calls that
	// start none.
	Track func(context.Context) (context.Context, builtin.Work)
	// Servers returns the servers for the names, patterns and clients that a script gave to fleet; nil for a host without any.
	Servers func(ctx context.Context, servers []starlark.Value) ([]builtin.Server, error)
	// ReadOnly makes run, and all that writes files, fail.
	ReadOnly bool
}

// A Host runs scripts that share modules and a lock. It may be used from several goroutines, which take turns.
type Host struct {
	options     Options
	predeclared starlark.StringDict
	sources     report.Sources

	// mu is held by running Starlark code.
	mu      sync.Mutex
	current *starlark.Thread      // the thread that runs; guarded by mu
	modules map[string]loadedFile // by file, without symbolic links; guarded by mu
	loads   map[string][]string   // the files that each loads, with repetitions; guarded by mu
	loaded  int                   // how many files were loaded; guarded by mu
	reloads int                   // how many of them because they had changed; guarded by mu

	runsMu sync.Mutex
	runs   map[*run]bool
}

// dialect allows all optional features of Starlark: scripts are programs here, not hermetic configuration.
var dialect = syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}

// New returns a Host. It panics if Options.Predeclared has one of the host's own names.
func New(options Options) *Host {
	if options.Stdout == nil {
		options.Stdout = io.Discard
	}
	if options.Stderr == nil {
		options.Stderr = io.Discard
	}
	if options.Track == nil {
		options.Track = func(ctx context.Context) (context.Context, builtin.Work) { return ctx, noWork{} }
	}
	if options.Grace <= 0 {
		options.Grace = 10 * time.Second
	}
	h := &Host{options: options, modules: make(map[string]loadedFile), loads: make(map[string][]string), runs: make(map[*run]bool)}
	h.predeclared = h.values()
	for name, v := range options.Predeclared {
		if h.predeclared.Has(name) {
			panic(fmt.Sprintf("host: the name %s is registered twice", name))
		}
		h.predeclared[name] = v
	}
	return h
}

// Run runs the script in a file with a new Host and reports its error on Options.Stderr. It returns the error, for
// [ExitStatus].
func Run(ctx context.Context, path string, options Options) error {
	h := New(options)
	err := h.RunFile(ctx, path)
	if err != nil {
		h.Report(h.options.Stderr, err)
	}
	return err
}

// RunFile runs the script in a file; "-" is standard input. It returns a [*UsageError] for a file that isn't a script.
func (h *Host) RunFile(ctx context.Context, path string) error {
	if path == "-" {
		src, err := h.readStdin(ctx)
		if err != nil {
			return err
		}
		return h.RunSource(ctx, "<stdin>", src)
	}
	text, err := readSource(ctx, path)
	if err != nil {
		return err
	}
	return h.execute(ctx, func(r *run, thread *starlark.Thread) error {
		r.loading = append(r.loading, loading{file: fileKey(path), name: path})
		return h.script(thread, path, text)
	})
}

// RunSource runs the script src. Name is its name in errors. The script's load statements are relative to name if that is a
// path, to the working directory otherwise.
func (h *Host) RunSource(ctx context.Context, name string, src []byte) error {
	text, err := checkSource(name, src)
	if err != nil {
		return err
	}
	return h.execute(ctx, func(_ *run, thread *starlark.Thread) error { return h.script(thread, name, text) })
}

// EndCleanup ends all clean-up that runs after an interrupt, as if its time were over. It is meant for a second interrupt.
func (h *Host) EndCleanup() {
	h.runsMu.Lock()
	defer h.runsMu.Unlock()
	for r := range h.runs {
		if r.callerCtx.Err() != nil {
			r.cancelCleanup(errCleanupEnded)
		}
	}
}

// script runs a script's text after reading its command line.
func (h *Host) script(thread *starlark.Thread, name, text string) error {
	file, program, err := h.compile(name, text)
	if err != nil {
		return err
	}
	r := taskOf(thread).run
	if helped, err := r.readCommandLine(file, text); helped || err != nil {
		return err
	}
	_, err = program.Init(thread, r.names)
	return err
}

// exec runs a file's text on a thread. It returns the globals, unfrozen; after an error those assigned so far.
func (h *Host) exec(thread *starlark.Thread, name, text string) (starlark.StringDict, error) {
	_, program, err := h.compile(name, text)
	if err != nil {
		return nil, err
	}
	return program.Init(thread, taskOf(thread).run.names)
}

func (h *Host) compile(name, text string) (*syntax.File, *starlark.Program, error) {
	h.sources.Add(name, text)
	options := dialect
	file, err := options.Parse(name, text, 0)
	if err != nil {
		return nil, nil, h.explain(err, nil, h.predeclared)
	}
	dots(file)
	program, err := starlark.FileProgram(file, h.predeclared.Has)
	if err != nil {
		return nil, nil, h.explain(err, file, h.predeclared)
	}
	return file, program, nil
}

// explain adds hints to the error of a script that doesn't parse or resolve. Names are the predeclared ones.
func (h *Host) explain(err error, file *syntax.File, names starlark.StringDict) error {
	return h.sources.Explain(err, file, append(names.Keys(), universe()...))
}

// noWork is the work of calls that start none.
type noWork struct{}

func (noWork) Abandoned() bool                           { return false }
func (noWork) Settle(context.Context, time.Duration)     {}
func (noWork) Running(context.Context) []builtin.Running { return nil }
func (noWork) Close()                                    {}
