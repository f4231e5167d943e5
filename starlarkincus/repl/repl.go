// Package repl implements the prompt: it reads entries, runs them in a session of a host, and prints their values.
//
// [Run] runs it, at a terminal with editing, history and completion, and without them for a program on a pipe.
package repl

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
	"golang.org/x/term"
)

// Options configure a prompt.
type Options struct {
	// Host runs the entries.
	Host *host.Host
	// Stdin provides the entries. The line editor is used only for os.Stdin at a terminal.
	Stdin io.Reader
	// Stdout receives values and help, and Stderr errors.
	Stdout, Stderr io.Writer
	// HistoryFile stores the entries; empty for the default file, os.DevNull for none.
	HistoryFile string
	// Interrupts are the process's signals. Each os.Interrupt ends the running entry, or clears the typed one; a second
	// one ends clean-up; any other signal ends the prompt.
	Interrupts <-chan os.Signal
	// Cause returns the error of a prompt ended by a signal other than os.Interrupt; nil for host.ErrInterrupted.
	Cause func(os.Signal) error
	// Timeout limits the time of each typed entry, or of a program as a whole; 0 for no limit.
	Timeout time.Duration
	// Version is the program's version, for the greeting.
	Version string
	// Target is the server and project of the incus module, for the greeting and the prompt.
	Target Place
	// ReadOnly is whether nothing can be changed, for the prompt.
	ReadOnly bool
	// Trace turns the printing of requests on or off; nil if it can't be.
	Trace func(on bool)
	// Check returns the findings about a script, for :save; nil for none.
	Check func(path string) []string
	// Operations are those that the entries start; nil for none.
	Operations *Operations
}

// Run reads and runs entries until the input ends, exit() is called, or the context ends, and returns the process's
// exit status. Input that isn't typed at a terminal is a program, which ends at its first error.
func Run(ctx context.Context, o Options) int {
	p := &prompt{Options: o, session: o.Host.NewSession(), typed: isTerminal(o.Stdin), place: o.Target}
	for name, d := range p.own() {
		p.session.Set(name, d.Function())
	}
	if !p.typed {
		ctx, cancel := p.limited(ctx)
		defer cancel()
		p.Timeout = 0
		p.source = newPlain(&p.Options, nil)
		return p.end(ctx, p.program(ctx))
	}
	background, cancel := context.WithCancel(ctx)
	p.background = background
	seen := p.lookAround() // it answers while the rest is made ready
	p.open(ctx)
	defer p.source.close()
	defer p.live.close()
	defer p.aside.Wait()
	defer cancel()
	p.greet()
	seen()
	p.Operations.notify(background, &p.aside, p.notices.addUnless)
	return p.end(ctx, p.loop(ctx))
}

func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A prompt is a call of Run.
type prompt struct {
	Options
	session *host.Session
	source  source
	history history
	typed   bool
	paging  atomic.Bool // another program has the terminal, and handles Ctrl-C itself
	notices notices
	again   []string         // the lines of the next entry, to be kept or edited
	past    []string         // the entries of the history and of this prompt
	note    string           // about the error of the last entry
	values  []starlark.Value // of the last entries, the newest first
	worked  []worked
	failed  []string // the statements that failed after they may have done something
	live    *live    // nil without the line editor

	place      Place
	background context.Context // ends with the prompt
	aside      sync.WaitGroup  // of goroutines under background
}

// open opens the line editor with the history, or else a plain source of lines.
func (p *prompt) open(ctx context.Context) {
	if canEdit(p.Stdin) {
		p.live = newLive()
		complete := completer{get: p.session.Get, names: p.session.Names, live: p.live}
		editor, err := newEditor(p.completion(complete), &p.Options, &p.notices)
		if err == nil {
			p.source = editor
			p.notices.onLine(editor.wake)
			p.openHistory(ctx)
			return
		}
		p.warn("no line editing", err)
	}
	// Prompts go to standard error, because standard output may be redirected.
	p.source = newPlain(&p.Options, p.Stderr)
}

func (p *prompt) openHistory(ctx context.Context) {
	p.history.path = p.HistoryFile
	switch p.HistoryFile {
	case "":
		p.history.path = defaultHistory()
	case os.DevNull:
		p.history.path = ""
	}
	if p.history.path == "" {
		return
	}
	entries, err := p.history.load(ctx)
	if err != nil {
		p.warn("history", err)
	}
	for _, entry := range entries {
		p.source.remember(entry)
	}
	p.past = entries
}

func (p *prompt) warn(subject string, err error) {
	fmt.Fprint(p.Stderr, wrapped(p.Stderr, fmt.Sprintf("incus-star: %s: %s\n", subject, printable.Text(err.Error()))))
}

// loop runs typed entries, and returns the error that ends the prompt.
func (p *prompt) loop(ctx context.Context) error {
	for {
		p.notices.print(p.Stdout)
		entry, err := p.read(ctx)
		switch {
		case errors.Is(err, errCleared):
			continue
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if strings.TrimSpace(entry.text) == "" {
			continue
		}
		p.remember(entry.text)
		if e, edits := p.source.(*editor); edits && e.interrupted() {
			fmt.Fprintln(p.Stderr, "^C")
			p.report(host.ErrInterrupted)
			continue
		}
		err = p.enter(ctx, entry.code())
		var exit *host.ExitError
		var end *ending
		switch {
		case errors.As(err, &exit), errors.As(err, &end), err != nil && ctx.Err() != nil:
			return err
		case errors.Is(err, host.ErrInterrupted):
			fmt.Fprintln(p.Stderr) // the terminal has printed ^C without a newline
			if quiet(entry.text) {
				continue
			}
		case errors.As(err, new(usageError)):
			fmt.Fprint(p.Stderr, wrapped(p.Stderr, printable.Text(err.Error())+"\n"))
			continue
		}
		p.report(err)
		if err != nil && p.note != "" {
			fmt.Fprint(p.Stderr, wrapped(p.Stderr, p.note+"\n"))
		}
		p.note = ""
		p.bringBack(entry, err)
	}
}

// end makes the deferred calls, and returns the exit status of a prompt that ended with err.
func (p *prompt) end(ctx context.Context, err error) int {
	if e, ok := p.source.(*editor); ok {
		e.keys.leave()
		e.yield()
	}
	ctx, expire := p.limited(ctx)
	defer expire()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var end *ending
	stopped := errors.Is(err, host.ErrInterrupted) || errors.As(err, &end)
	if stopped {
		cancel(err) // the calls are clean-up, whose time is limited
	}
	defer p.interruptible(cancel, stopped)()
	p.report(err)
	failed := p.session.Close(ctx)
	p.report(failed)
	if status := host.ExitStatus(err); status != 0 {
		return status
	}
	return host.ExitStatus(failed)
}

// limited returns a context with the prompt's timeout.
func (p *prompt) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, p.Timeout, fmt.Errorf("%w after %v", host.ErrTimeout, p.Timeout))
}

func (p *prompt) report(err error) {
	if !p.typed {
		p.Host.Report(p.Stderr, err)
		return
	}
	var text strings.Builder
	p.Host.Report(&text, err)
	fmt.Fprint(p.Stderr, wrapReport(p.Stderr, text.String()))
}

// remember adds an entry to the history, unless it begins with a space, like HISTCONTROL=ignorespace in bash.
func (p *prompt) remember(text string) {
	if strings.HasPrefix(text, " ") {
		return
	}
	text = strings.TrimRight(text, " \t\n")
	p.source.remember(text)
	p.past = append(p.past, text)
	if err := p.history.add(text); err != nil {
		p.warn("history", err)
		p.history.path = "" // warn only once
	}
}

// program runs a program statement by statement, and returns the error that ends it.
func (p *prompt) program(ctx context.Context) error {
	var s splitter
	for {
		line, err := p.source.line(ctx, question{})
		statements := s.add(line + "\n")
		if err == io.EOF {
			statements = append(statements, s.end())
		} else if err != nil {
			return err
		}
		for _, text := range statements {
			if err := p.run(ctx, text, false); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// write writes text in pieces, until the context ends.
func write(ctx context.Context, w io.Writer, text string) error {
	const piece = 32 << 10
	for len(text) > 0 {
		if ctx.Err() != nil {
			return causeOf(ctx)
		}
		n := min(len(text), piece)
		if _, err := io.WriteString(w, text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// interruptible cancels the running entry at a signal, until the returned function is called. The second signal, or
// already the first one if again is set, ends clean-up too.
func (p *prompt) interruptible(cancel context.CancelCauseFunc, again bool) func() {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case sig, open := <-p.Interrupts:
				switch {
				case !open:
					return
				case sig != os.Interrupt:
					cancel(p.endedBy(sig))
				case p.paging.Load():
					continue
				default:
					cancel(host.ErrInterrupted)
				}
				if again {
					p.Host.EndCleanup()
				}
				again = true
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-stopped
	})
}
