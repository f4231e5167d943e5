package repl

import (
	"fmt"
	"os"
	"os/signal"
	"reflect"

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
	_ = mode.ApplyMode()
	fmt.Fprint(e.out, marksOn)
	e.room(rows, row)
}

// resume takes the terminal again after the process was stopped from elsewhere, and a shell has had the terminal.
func (e *editor) resume() {
	if mode, err := liner.TerminalMode(); err != nil || !reflect.DeepEqual(mode, e.found) {
		return
	}
	_ = e.edited.ApplyMode()
	fmt.Fprint(e.out, "\r"+marksOn)
	e.room(e.drawn())
}

// notified returns a channel that gets the signals, if there are any. Stop ends that.
func notified(signals []os.Signal) (_ <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	if len(signals) > 0 {
		signal.Notify(c, signals...)
	}
	return c, func() { signal.Stop(c) }
}
