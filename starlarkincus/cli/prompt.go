package cli

import (
	"context"
	"os"
	"os/signal"
	"time"

	"incus-star/starlarkincus/check"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/repl"
)

// prompt reads and runs entries until the input ends, and returns the exit status.
func (f *flags) prompt(options host.Options) int {
	ctx, unwatch := f.maxMemory.watch(context.Background(), options.Stderr)
	defer unwatch()
	signals := make(chan os.Signal, 3)
	if watched := terminationSignals(); len(watched) > 0 {
		signal.Notify(signals, watched...)
	}
	distinct := distinct(signals)
	defer func() {
		signal.Stop(signals)
		close(signals)
		for range distinct { // its goroutine has ended after it
		}
	}()
	env := remote.OS()
	env.Warn = options.Warn
	brief, cancel := context.WithTimeout(ctx, time.Second) // the configuration may be a pipe, and is needed only for the greeting
	defer cancel()
	options.Reloaded = func(path string) { f.note(options.Stderr, "info", printable.Line(path)+" has changed: loaded anew") }
	operations := repl.NewOperations(&options)
	return repl.Run(ctx, repl.Options{
		Host:       host.New(options),
		Stdin:      options.Stdin,
		Stdout:     options.Stdout,
		Stderr:     options.Stderr,
		Interrupts: distinct,
		Cause:      causeOf,
		Timeout:    f.timeout,
		Version:    Version(),
		Target:     repl.Target(brief, env, f.remote, f.project),
		ReadOnly:   f.readOnly,
		Trace:      f.tracing.Store,
		Operations: operations,
		Check:      findings,
	})
}

// findings returns the findings of check about a script.
func findings(path string) []string {
	found, err := check.Run([]string{path}, check.Options{LibraryPath: libraryPath()})
	var lines []string
	for _, f := range found {
		lines = append(lines, f.String())
	}
	if err != nil {
		lines = append(lines, err.Error())
	}
	return lines
}
