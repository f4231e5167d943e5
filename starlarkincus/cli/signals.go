package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/terminal"
)

// A terminated is the error of a script ended by SIGTERM, SIGHUP or SIGQUIT. Its exit status is that of a shell.
type terminated struct{ signal syscall.Signal }

func (t terminated) Error() string   { return t.signal.String() }
func (t terminated) ExitStatus() int { return 128 + int(t.signal) }

// causeOf returns the error of a script ended by a signal.
func causeOf(s os.Signal) error {
	if s, ok := s.(syscall.Signal); ok && s != syscall.SIGINT {
		return terminated{s}
	}
	return host.ErrInterrupted
}

// terminationSignals returns the signals that end a script, except those ignored since the start of the process: a
// shell ignores Ctrl-C for background jobs, and nohup SIGHUP.
func terminationSignals() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}, signal.Ignored)
}

// A runner runs scripts and their clean-up.
type runner interface {
	EndCleanup()
	Report(w io.Writer, err error)
}

// twice is the time within which two signals are one: the command timeout sends its signal to the process, and then to the
// process's group.
const twice = 10 * time.Millisecond

// distinct passes on signals, except those that belong to the one before, until the channel is closed.
func distinct(signals <-chan os.Signal) <-chan os.Signal {
	out := make(chan os.Signal, cap(signals))
	go func() {
		defer close(out)
		var before time.Time
		for s := range signals {
			now := time.Now()
			if before.IsZero() || now.Sub(before) >= twice {
				out <- s
			}
			before = now
		}
	}()
	return out
}

// onSignals returns a context that ends at the first Ctrl-C, SIGTERM, SIGHUP or SIGQUIT. The second one ends the clean-up of h,
// the third the process. Stop ends the watch.
func onSignals(ctx context.Context, h runner, stderr io.Writer) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 3)
	if watched := terminationSignals(); len(watched) > 0 { // Notify without signals means all
		signal.Notify(signals, watched...)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var first error
		n := 0
		for s := range distinct(signals) {
			n++
			switch n {
			case 1:
				first = causeOf(s)
				cancel(first)
			case 2:
				h.EndCleanup()
			default:
				h.Report(stderr, fmt.Errorf("%w: given up, clean-up was not finished", host.ErrInterrupted))
				terminal.Restore()
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

// statusOf returns the exit status of a signal's cause.
func statusOf(cause error) int {
	if t, ok := cause.(terminated); ok {
		return t.ExitStatus()
	}
	return host.ExitStatus(cause)
}

// onClosedPipe makes a write to a closed pipe an error until stop is called. By default Go ends the process, without
// clean-up.
func onClosedPipe() (stop func()) {
	signals := make(chan os.Signal, 1) // never read: its registration suffices
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}
