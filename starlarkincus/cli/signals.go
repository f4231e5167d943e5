package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"incus-star/starlarkincus/host"
)

// errTerminated is SIGTERM; its status is the one that shells give.
var errTerminated error = terminated{}

type terminated struct{}

func (terminated) Error() string   { return "terminated" }
func (terminated) ExitStatus() int { return 128 + int(syscall.SIGTERM) }

// onSignals gives a context that the first Ctrl-C or SIGTERM ends. A second one ends clean-up, which h does then; a
// third ends the process. Stop ends the watch.
func onSignals(ctx context.Context, h *host.Host, stderr io.Writer) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n := 0
		for s := range signals {
			switch n++; n {
			case 1:
				if s == os.Interrupt {
					cancel(host.ErrInterrupted)
				} else {
					cancel(errTerminated)
				}
			case 2:
				h.EndCleanup()
			default:
				fmt.Fprintln(stderr, "incus-star: given up, clean-up was not finished")
				os.Exit(host.ExitStatus(host.ErrInterrupted))
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		<-done
		cancel(nil)
	}
}
