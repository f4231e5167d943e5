package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"incus-star/starlarkincus/host"
)

// A terminated is a signal from elsewhere that ends the script; its status is the one that shells give.
type terminated struct{ signal syscall.Signal }

func (t terminated) Error() string   { return t.signal.String() }
func (t terminated) ExitStatus() int { return 128 + int(t.signal) }

// causeOf is why a signal ends the script.
func causeOf(s os.Signal) error {
	if s, ok := s.(syscall.Signal); ok && s != syscall.SIGINT {
		return terminated{s}
	}
	return host.ErrInterrupted
}

// endings are the signals that end a script, but those that the process was told to ignore when it started: a shell
// does so for what runs in its background, and nohup for SIGHUP.
func endings() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
}

// A cleaner is what runs scripts, and their clean-up.
type cleaner interface {
	EndCleanup()
	Report(w io.Writer, err error)
}

// onSignals gives a context that the first Ctrl-C, SIGTERM or SIGHUP ends. A second one ends clean-up, which h does
// then; a third ends the process. Stop ends the watch.
func onSignals(ctx context.Context, h cleaner, stderr *os.File) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 3)
	if watched := endings(); len(watched) > 0 { // none would mean all
		signal.Notify(signals, watched...)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var first error
		for n := 1; ; n++ {
			s, open := <-signals
			switch {
			case !open:
				return
			case n == 1:
				first = causeOf(s)
				cancel(first)
			case n == 2:
				h.EndCleanup()
			default:
				h.Report(stderr, fmt.Errorf("%w: given up, clean-up was not finished", host.ErrInterrupted))
				os.Exit(statusOf(first))
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

func statusOf(cause error) int {
	if t, ok := cause.(terminated); ok {
		return t.ExitStatus()
	}
	return host.ExitStatus(cause)
}

// onClosedPipe makes a write to a closed pipe an error, until stop. Go would end the process there, without clean-up.
func onClosedPipe() (stop func()) {
	signals := make(chan os.Signal, 1) // nobody reads it: that it is asked for is enough
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}
