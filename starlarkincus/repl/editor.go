package repl

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/terminal"

	"github.com/peterh/liner"
	"golang.org/x/term"
)

// An editor reads lines from a terminal, with editing, history and completion. From the first line on, the terminal belongs to it,
// also between lines, see [between], unless a program elsewhere takes it.
type editor struct {
	state   *liner.State
	keys    *keys
	found   liner.ModeApplier // the mode of the terminal before
	edited  liner.ModeApplier // within a line
	idle    liner.ModeApplier // between lines
	options *Options
	out     io.Writer
	before  string
	tabbed  string // the line at the last Tab, if that had several candidates
	ended   error
	revised *revision // set by a key that ends the line
	rows    int       // of the drawn line at its end, if that may be more than it has
	size    [2]int    // columns and rows of the terminal, when it last had some

	notices *notices
	mu      sync.Mutex
	reading bool // a line, so that keys can be injected

	holding sync.Mutex
	held    bool // the terminal is the editor's, between lines
}

// canEdit reports whether the line editor can work. It uses standard input and output, and needs a terminal with a
// known width.
func canEdit(in io.Reader) bool {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	return in == os.Stdin && term.IsTerminal(int(os.Stdin.Fd())) && err == nil && width > 0 && liner.TerminalSupported()
}

// newEditor opens the editor on standard input and output. Close must be called even after a panic.
func newEditor(complete func(text, tail string) (keep int, out []candidate), o *Options, n *notices) (*editor, error) {
	e := &editor{options: o, out: os.Stdout, notices: n}
	var err error
	if e.found, err = liner.TerminalMode(); err != nil {
		return nil, err
	}
	if e.keys, err = newKeys(os.Stdin); err != nil {
		return nil, err
	}
	e.keys.refused = func() { n.add("a paste of more than 1 MB is not taken: load a file instead") }
	e.keys.signalsAs(e.found, e.out)
	e.keys.resume, e.keys.suspend = e.own, e.suspendIdle
	stdin := os.Stdin
	os.Stdin = e.keys.file // the editor has no parameter for its input
	e.state = liner.NewLiner()
	os.Stdin = stdin
	e.ownSize()
	e.edited, err = liner.TerminalMode()
	if err == nil {
		e.idle, err = liner.TerminalMode()
	}
	if err == nil {
		withoutSignals(e.edited)
		withoutSignals(e.idle)
		withFlow(e.idle, e.found)
		err = e.found.ApplyMode()
	}
	if err != nil {
		e.close()
		return nil, err
	}
	e.state.SetCtrlCAborts(true)
	e.state.SetBeep(false)
	e.state.SetMultiLineMode(true)
	e.state.SetWordCompleter(func(line string, pos int) (string, []string, string) {
		runes := []rune(line)
		head, tail := string(runes[:pos]), string(runes[pos:])
		if text, marked := e.marked(head); marked {
			return "", []string{text}, tail
		}
		typed := unshow(head)
		keep, found := complete(e.before+typed, unshow(tail))
		if keep -= len(e.before); keep < 0 || keep > len(typed) {
			return head, nil, tail
		}
		return e.tab(typed, unshow(tail), keep, found)
	})
	terminal.Keep(&terminal.Keeper{Yield: e.yield, Typed: e.keys.give, Resume: e.resumed, Restore: e.restore})
	return e, nil
}

func (e *editor) line(ctx context.Context, q question) (string, error) {
	if e.ended != nil {
		return "", e.ended
	}
	e.before = q.before
	e.release()
	if e.ended = e.frontBefore(ctx); e.ended != nil {
		return "", e.ended
	}
	if e.edited.ApplyMode() != nil {
		e.ended = e.options.endedBy(syscall.SIGHUP) // the terminal is gone
		return "", e.ended
	}
	fmt.Fprint(e.out, marksOn)
	defer e.hold()
	indented := 0
	if strings.Trim(q.suggest, " ") == "" {
		if indented = len(q.suggest); e.keys.waiting() {
			q.suggest, indented = "", 0 // what was typed ahead has its own indentation
		}
	}
	text, first := e.begin(q.prompt, show(q.suggest))
	e.keys.start(first, indented, q.before != "")
	defer e.keys.stop()
	stopWatch := e.watch(ctx)
	defer stopWatch()
	e.revised, e.rows = nil, 0
	e.setReading(true)
	line, err := e.state.PromptWithSuggestion(q.prompt, text, -1)
	e.setReading(false)
	stopWatch()
	if e.ended == nil && (e.keys.gone() || errors.Is(err, syscall.EIO)) {
		e.ended = e.options.endedBy(syscall.SIGHUP)
	}
	if err == nil {
		e.joinRows(q.prompt, line)
	}
	switch {
	case e.ended != nil:
		if !e.keys.left.Load() {
			fmt.Fprintln(e.out)
		}
		return "", e.ended
	case errors.Is(err, liner.ErrPromptAborted), e.sizeless(err):
		return "", errCleared
	case err == io.EOF:
		fmt.Fprintln(e.out)
	case e.revised != nil:
		e.revised.line = unshow(line)
		return "", e.revised
	}
	return unshow(line), err
}

// watch ends the prompt when the context ends, and passes on interrupts that are not typed. The returned function ends
// the watch.
func (e *editor) watch(ctx context.Context) func() {
	stop, stopped := make(chan struct{}), make(chan struct{})
	resumed, unwatch := notified(continued)
	resized, unwatchSize := notified(resizes)
	go func() {
		defer close(stopped)
		defer unwatch()
		defer unwatchSize()
		for {
			select {
			case <-stop:
				return
			case <-resumed:
				e.keys.inject(resumeMark)
			case sig := <-resized:
				e.resized(sig)
			case <-ctx.Done():
				e.ended = causeOf(ctx)
				e.keys.leave()
				e.keys.end()
				return
			case sig, open := <-e.options.Interrupts:
				switch {
				case !open:
					return
				case sig == os.Interrupt:
					e.keys.interrupt()
				default:
					e.ended = e.options.endedBy(sig)
					e.keys.leave()
					e.keys.end()
					return
				}
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-stopped
	})
}

func (e *editor) remember(entry string) { e.state.AppendHistory(show(strings.TrimRight(entry, "\n"))) }

// close restores the terminal's original mode.
func (e *editor) close() {
	terminal.Keep(nil)
	e.keys.leave()
	if e.release() && !e.keys.left.Load() {
		fmt.Fprint(e.out, marksOff)
	}
	if e.state != nil {
		e.state.Close()
	}
	_ = e.found.ApplyMode()
	e.keys.close()
}
