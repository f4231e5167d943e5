// Package host runs Starlark scripts: it gives them their names, loads their modules, holds their errors, stops them
// and says what went wrong.
//
// Make a [Host] with [New], give it a script with [Host.RunFile] or [Host.RunSource], or a prompt's entries with a
// [Session]. Show what they return with [Host.Report]; [ExitStatus] is the process's status for it. Whoever cancels
// the context says why with a cause: [ErrInterrupted], [ErrTimeout], or an error that wraps one of them.
//
// All Starlark code of a Host runs under one lock, which builtins release while they wait (builtin.Binding). So a
// Host's methods must not be called by a builtin, and values that scripts share need neither freezing nor locking:
// the globals of a loaded module stay as changeable as the script's own.
//
// A builtin of the host stands in one literal with its parameters and its help: see the tables given to register.
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

// Options are what a Host is made of. The zero value runs scripts that read nothing and print nothing.
type Options struct {
	// Stdin is where RunFile reads the script called "-".
	Stdin io.Reader
	// Stdout takes what scripts print, Stderr the errors that are reported while a script goes on.
	Stdout, Stderr io.Writer
	// Args is the script's command line, without its own name. Where it asks for the script's help, that is printed on
	// Stdout and nothing runs.
	Args []string
	// CommandFlags are the flags of the command that runs scripts, for a hint where a script is given one of them.
	CommandFlags []string
	// Predeclared are names that scripts have besides the host's own. None may be one of the host's.
	Predeclared starlark.StringDict
	// LibraryPath lists the folders where load looks after the loading file's own.
	LibraryPath []string
	// Warn is told of a folder of LibraryPath that other users could have changed, each time that a file in it is
	// loaded; nil for nothing.
	Warn func(message string)
	// LogLevel is the lowest level that log prints.
	LogLevel slog.Level
	// Color makes reports use terminal colours.
	Color bool
	// JSON makes each report one line, a JSON object, for machines.
	JSON bool
	// Grace is the time that clean-up has in all after an interrupt, a timeout or the step limit; 0 means 10 s. After
	// exit() clean-up has all the time that it needs.
	Grace time.Duration
	// MaxSteps ends a run after that many steps of Starlark, over all its tasks; 0 means no limit.
	MaxSteps uint64
	// Track makes the context under which what a run's calls begin elsewhere is noted; nil for calls that begin nothing.
	Track func(context.Context) (context.Context, builtin.Work)
	// ReadOnly refuses write_file.
	ReadOnly bool
}

// A Host runs scripts that share modules and a lock. It may be used from several goroutines, which take turns.
type Host struct {
	options     Options
	predeclared starlark.StringDict
	sources     report.Sources

	// mu is the lock that Starlark code holds.
	mu      sync.Mutex
	modules map[string]starlark.StringDict // by file, without symbolic links; guarded by mu

	runsMu sync.Mutex
	runs   map[*run]bool
}

// dialect allows all that Starlark has: scripts are programs here, not configuration that must be hermetic.
var dialect = syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}

// New makes a Host. It panics where Options.Predeclared has a name of the host's own.
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
	h := &Host{options: options, modules: make(map[string]starlark.StringDict), runs: make(map[*run]bool)}
	h.predeclared = h.values()
	for name, v := range options.Predeclared {
		if h.predeclared.Has(name) {
			panic(fmt.Sprintf("host: the name %s is registered twice", name))
		}
		h.predeclared[name] = v
	}
	return h
}

// Run runs the script in a file with a Host of its own and shows its error on Options.Stderr. It returns the error;
// [ExitStatus] is the process's status for it.
func Run(ctx context.Context, path string, options Options) error {
	h := New(options)
	err := h.RunFile(ctx, path)
	if err != nil {
		h.Report(h.options.Stderr, err)
	}
	return err
}

// RunFile runs the script in a file; "-" is standard input. A file that is no script gives a [*UsageError].
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

// RunSource runs a script that the caller has read. Name is what errors call it; load looks beside it where it is a
// path, and in the working directory where it is not.
func (h *Host) RunSource(ctx context.Context, name string, src []byte) error {
	text, err := checkSource(name, src)
	if err != nil {
		return err
	}
	return h.execute(ctx, func(_ *run, thread *starlark.Thread) error { return h.script(thread, name, text) })
}

// EndCleanup ends all clean-up that goes on after an interrupt, as if its time were over: what a second interrupt
// asks for.
func (h *Host) EndCleanup() {
	h.runsMu.Lock()
	defer h.runsMu.Unlock()
	for r := range h.runs {
		if r.callerCtx.Err() != nil {
			r.cancelCleanup(errCleanupEnded)
		}
	}
}

// script runs a script's text, once its command line has been read.
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

// exec runs one file's text on a thread, and gives its globals, unfrozen, also in part after an error.
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

// noWork is the work of calls that begin nothing.
type noWork struct{}

func (noWork) Abandoned() bool                           { return false }
func (noWork) Settle(context.Context)                    {}
func (noWork) Running(context.Context) []builtin.Running { return nil }
func (noWork) Close()                                    {}
