// Package repl is the prompt: it reads entries, runs them in a session of a host, and prints what they give.
//
// [Run] does all of it, at a terminal with editing, history and completion, and for a program on a pipe without them.
package repl

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/reference"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"golang.org/x/term"
)

// Options are what a prompt is made of.
type Options struct {
	// Host runs the entries.
	Host *host.Host
	// Stdin is where entries come from; the line editor is for os.Stdin at a terminal.
	Stdin io.Reader
	// Stdout takes values and help, Stderr errors.
	Stdout, Stderr io.Writer
	// HistoryFile keeps the entries; empty for the usual file, os.DevNull for none.
	HistoryFile string
	// Interrupts are the process's signals. Each os.Interrupt ends the entry that runs, or clears the one that is
	// typed; a second one ends clean-up; any other signal ends the prompt.
	Interrupts <-chan os.Signal
	// Cause gives the error of a prompt that a signal other than os.Interrupt ended; nil for host.ErrInterrupted.
	Cause func(os.Signal) error
	// Timeout bounds each entry that is typed, and a program as a whole; 0 for no bound.
	Timeout time.Duration
	// Version and Target are for the greeting: this program's version, and what the incus module will talk to.
	Version, Target string
}

// Run reads and runs entries until the input ends, until exit(), or until the context ends, and returns the process's
// exit status. What isn't typed at a terminal is a program: its first error ends it.
func Run(ctx context.Context, o Options) int {
	p := &prompt{Options: o, session: o.Host.NewSession(), typed: isTerminal(o.Stdin)}
	p.session.Set("help", p.help().Function())
	if !p.typed {
		ctx, cancel := p.limited(ctx)
		defer cancel()
		p.Timeout = 0
		p.source = newPlain(&p.Options, nil)
		return p.end(ctx, p.program(ctx))
	}
	p.open()
	defer p.source.close()
	p.greet()
	return p.end(ctx, p.loop(ctx))
}

func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A prompt is one run of entries.
type prompt struct {
	Options
	session *host.Session
	source  source
	history history
	typed   bool
}

// open makes the best source of lines that the terminal allows, with the history.
func (p *prompt) open() {
	if canEdit(p.Stdin) {
		complete := completer{get: p.session.Get, names: p.session.Names}
		editor, err := newEditor(complete.words, &p.Options)
		if err == nil {
			p.source = editor
			p.openHistory()
			return
		}
		p.warn("no line editing", err)
	}
	// Prompts go where a person sees them, which standard output may not be.
	p.source = newPlain(&p.Options, p.Stderr)
}

func (p *prompt) openHistory() {
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
	entries, err := p.history.load()
	if err != nil {
		p.warn("history", err)
	}
	for _, entry := range entries {
		p.source.remember(entry)
	}
}

func (p *prompt) warn(what string, err error) {
	fmt.Fprintf(p.Stderr, "incus-star: %s: %s\n", what, printable.Text(err.Error()))
}

// loop runs what a person types, and gives the error that ends the prompt.
func (p *prompt) loop(ctx context.Context) error {
	for {
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
		err = p.run(ctx, entry.code())
		var exit *host.ExitError
		var end *ending
		switch {
		case errors.As(err, &exit), errors.As(err, &end), err != nil && ctx.Err() != nil:
			return err
		case errors.Is(err, host.ErrInterrupted):
			fmt.Fprintln(p.Stderr) // the terminal shows ^C, and goes on in that line
		}
		p.report(err)
	}
}

// end makes the calls that entries deferred, and gives the exit status of a prompt that ended with err.
func (p *prompt) end(ctx context.Context, err error) int {
	ctx, expire := p.limited(ctx)
	defer expire()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var end *ending
	stopped := errors.Is(err, host.ErrInterrupted) || errors.As(err, &end)
	if stopped {
		cancel(err) // these calls are now clean-up, whose time is limited
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

// limited bounds the context with the prompt's timeout.
func (p *prompt) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, p.Timeout, fmt.Errorf("%w after %v", host.ErrTimeout, p.Timeout))
}

func (p *prompt) report(err error) { p.Host.Report(p.Stderr, err) }

// read gathers the lines of an entry. The end of the input within one ends the entry, not the prompt.
func (p *prompt) read(ctx context.Context) (*entry, error) {
	var e entry
	for {
		line, err := p.source.line(ctx, e.text)
		switch {
		case err == io.EOF && e.text != "":
			return &e, nil
		case err != nil:
			return nil, err
		}
		if e.add(line) {
			return &e, nil
		}
	}
}

// remember keeps an entry in the history, but for one that begins with a space, as shells can be told to.
func (p *prompt) remember(text string) {
	if strings.HasPrefix(text, " ") {
		return
	}
	text = strings.TrimRight(text, " \t\n")
	p.source.remember(text)
	if err := p.history.add(text); err != nil {
		p.warn("history", err)
		p.history.path = "" // once is enough
	}
}

// program runs what comes from elsewhere, statement by statement, and gives the error that ends it.
func (p *prompt) program(ctx context.Context) error {
	var s splitter
	for {
		line, err := p.source.line(ctx, "")
		statements := s.add(line + "\n")
		if err == io.EOF {
			statements = append(statements, s.end())
		} else if err != nil {
			return err
		}
		for _, text := range statements {
			if err := p.run(ctx, text); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// run runs an entry and prints its value. The value stays as _.
func (p *prompt) run(ctx context.Context, text string) error {
	ctx, expire := p.limited(ctx)
	defer expire()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := p.interruptible(cancel, false)
	defer stop()
	v, err := p.session.Eval(ctx, text)
	p.hintHelp(text, err)
	if err == nil && v != starlark.None {
		p.session.Set("_", v)
		shown := v.String()
		if b, ok := v.(*starlark.Builtin); ok && b.Name() == "exit" && strings.TrimSpace(text) == "exit" {
			shown = "exit() or Ctrl-D ends the prompt"
		}
		err = write(ctx, p.Stdout, printable.Text(shown)+"\n")
	}
	if stop(); err == nil && ctx.Err() != nil {
		return causeOf(ctx) // the interrupt came at the very end, and must not be lost
	}
	return err
}

// write stops in the middle of a long value when the context ends.
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

// interruptible makes signals end what runs, until the function that it gives is called. Those after the first one, or
// all where it came before, end clean-up too.
func (p *prompt) interruptible(cancel context.CancelCauseFunc, again bool) func() {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for ; ; again = true {
			select {
			case <-stop:
				return
			case sig, open := <-p.Interrupts:
				switch {
				case !open:
					return
				case sig != os.Interrupt:
					cancel(p.endedBy(sig))
				default:
					cancel(host.ErrInterrupted)
				}
				if again {
					p.Host.EndCleanup()
				}
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		<-stopped
	})
}

// helpEntry is an entry that asks for the help of a name without quotes.
var helpEntry = regexp.MustCompile(`^\s*help\(\s*([A-Za-z_][\w.]*)\s*\)\s*$`)

// hintHelp adds to the error of an entry such as help(instance), where no object of that name is at hand, that help takes
// the name in quotes.
func (p *prompt) hintHelp(entry string, err error) {
	var names resolve.ErrorList
	asked := helpEntry.FindStringSubmatch(entry)
	if asked == nil || !errors.As(err, &names) || newReference().HelpName(io.Discard, asked[1]) != nil {
		return
	}
	for i := range names {
		first, _, _ := strings.Cut(asked[1], ".")
		names[i].Msg = fmt.Sprintf("undefined: %s: write help(%q)", first, asked[1])
	}
}

func newReference() *reference.Reference {
	return reference.New(host.Declarations(), starlarkincus.BareMethods())
}

// help declares the prompt's help(x).
func (p *prompt) help() *builtin.Decl {
	return &builtin.Decl{
		Name: "help", Params: []builtin.Param{builtin.Opt("x", builtin.Any, "")}, Returns: builtin.None,
		Help: "Prints the help of x, a value or a name in quotes. help() lists all names.",
		Call: p.showHelp,
	}
}

func (p *prompt) showHelp(c *builtin.Call) (starlark.Value, error) {
	if len(c.Kwargs) > 0 || len(c.Args) > 1 {
		return nil, c.Errorf("want one value or name, or nothing")
	}
	if len(c.Args) == 0 {
		newReference().Overview(p.Stdout)
		return starlark.None, nil
	}
	name, ok := starlark.AsString(c.Args[0])
	fn, _ := c.Args[0].(*starlark.Builtin)
	switch {
	case fn != nil && fn.Name() == c.Name:
		fmt.Fprintln(p.Stdout, c.Decl.Text())
	case !ok:
		newReference().Help(p.Stdout, c.Args[0])
	default:
		if err := newReference().Tell(p.Stdout, name); err != nil {
			return nil, c.Errorf("%w", err)
		}
	}
	return starlark.None, nil
}
