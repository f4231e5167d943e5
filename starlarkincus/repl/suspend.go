package repl

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"time"

	"github.com/peterh/liner"
)

// suspend stops the process, as Ctrl-Z does in other programs. The terminal has its original mode meanwhile.
func (e *editor) suspend() {
	mode, err := liner.TerminalMode()
	if err != nil {
		return
	}
	rows, row := e.drawn()
	if rows > row {
		fmt.Fprintf(e.out, "\x1b[%dB", rows-row)
	}
	fmt.Fprint(e.out, "\r\n"+marksOff)
	_ = e.found.ApplyMode()
	e.keys.stopProcess()
	if !e.front() {
		return
	}
	_ = mode.ApplyMode()
	fmt.Fprint(e.out, marksOn)
	e.room(rows, row)
}

// resume takes the terminal again after the process was stopped from elsewhere, and a shell has had the terminal.
func (e *editor) resume() {
	if !e.front() {
		return
	}
	if mode, err := liner.TerminalMode(); err != nil || !reflect.DeepEqual(mode, e.found) {
		return
	}
	_ = e.edited.ApplyMode()
	fmt.Fprint(e.out, "\r"+marksOn)
	e.room(e.drawn())
}

// front waits until the process has the terminal, and reports whether the prompt goes on.
func (e *editor) front() bool {
	for !e.keys.inFront() {
		time.Sleep(frontTime)
	}
	return !e.keys.left.Load()
}

// frontBefore waits until the process has the terminal, before a line. It returns the error of what ends the prompt before.
func (e *editor) frontBefore(ctx context.Context) error {
	for !e.keys.inFront() {
		select {
		case <-ctx.Done():
			return causeOf(ctx)
		case sig, open := <-e.options.Interrupts:
			if open && sig != os.Interrupt {
				return e.options.endedBy(sig)
			}
		case <-time.After(frontTime):
		}
	}
	return nil
}

// notified returns a channel that gets the signals, if there are any. Stop ends that.
func notified(signals []os.Signal) (_ <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	if len(signals) > 0 {
		signal.Notify(c, signals...)
	}
	return c, func() { signal.Stop(c) }
}
