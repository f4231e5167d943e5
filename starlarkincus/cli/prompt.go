package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/remote"
	"incus-star/starlarkincus/repl"
)

// prompt reads and runs entries until the input ends.
func (f *flags) prompt(options host.Options) int {
	ctx := context.Background()
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, host.ErrTimeout)
		defer cancel()
	}
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	return repl.Run(ctx, repl.Options{
		Host:       host.New(options),
		Stdin:      options.Stdin,
		Stdout:     options.Stdout,
		Stderr:     options.Stderr,
		Interrupts: signals,
		Version:    Version(),
		Target:     repl.Target(remote.OS(), f.remote, f.project),
	})
}
