package repl

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"incus-star/errors"
	"incus-star/starlarkincus/host"
)

// A source returns the lines of entries, without line ends. Its errors are errCleared after Ctrl-C, a *revision for an
// entry that is to be edited, io.EOF at the end, and errors that end the prompt.
type source interface {
	line(ctx context.Context, q question) (string, error)
	remember(entry string)
	close()
}

// errCleared is the error after Ctrl-C at the prompt, which drops the entry.
var errCleared = errors.Plain("the entry was cleared")

// An ending is the error of a prompt ended by a signal such as SIGTERM.
type ending struct{ cause error }

func (e *ending) Error() string   { return e.cause.Error() }
func (e *ending) Unwrap() error   { return e.cause }
func (e *ending) ExitStatus() int { return host.ExitStatus(e.cause) }

// endedBy returns the error for a signal that ends the prompt.
func (o *Options) endedBy(sig os.Signal) error {
	if o.Cause == nil {
		return &ending{host.ErrInterrupted}
	}
	return &ending{o.Cause(sig)}
}

// causeOf returns the host's error for an ended context.
func causeOf(ctx context.Context) error {
	switch cause := context.Cause(ctx); cause {
	case context.Canceled:
		return host.ErrInterrupted
	case context.DeadlineExceeded:
		return host.ErrTimeout
	default:
		return cause
	}
}

// A plain source reads lines of any length from a file, a pipe, or a terminal without editing. It reads in a goroutine,
// which outlives the source if no line comes, because reading a file can't be cancelled.
type plain struct {
	options    *Options
	in         *bufio.Reader
	prompts    io.Writer // nil for a program
	interrupts <-chan os.Signal
	reading    chan plainLine // nil while nothing is read
}

type plainLine struct {
	text string
	err  error
}

func newPlain(o *Options, prompts io.Writer) *plain {
	return &plain{options: o, in: bufio.NewReader(o.Stdin), prompts: prompts, interrupts: o.Interrupts}
}

func (p *plain) line(ctx context.Context, q question) (string, error) {
	if p.prompts != nil {
		fmt.Fprint(p.prompts, q.prompt)
	}
	if p.reading == nil { // otherwise the read that Ctrl-C interrupted continues
		reading := make(chan plainLine, 1)
		p.reading = reading
		go func() {
			text, err := p.in.ReadString('\n')
			reading <- plainLine{text, err}
		}()
	}
	for {
		select {
		case read := <-p.reading:
			p.reading = nil
			if p.prompts != nil && read.err == io.EOF && !isTerminal(p.options.Stdin) {
				return "", p.options.endedBy(syscall.SIGHUP) // the same, also within a line
			}
			if read.err == io.EOF && read.text != "" {
				return read.text, nil // the next read returns io.EOF again
			}
			if errors.Is(read.err, syscall.EIO) {
				return "", p.options.endedBy(syscall.SIGHUP) // the terminal is gone
			}
			if p.prompts != nil && read.err != nil {
				fmt.Fprintln(p.prompts)
			}
			return strings.TrimSuffix(strings.TrimSuffix(read.text, "\n"), "\r"), read.err
		case <-ctx.Done():
			return "", causeOf(ctx)
		case sig, open := <-p.interrupts:
			switch {
			case !open:
				p.interrupts = nil
			case sig == syscall.SIGQUIT && p.prompts != nil:
				fmt.Fprint(p.prompts, "\n"+q.prompt) // it is Ctrl-\, at which the terminal drops the line
			case sig != os.Interrupt:
				return "", p.options.endedBy(sig)
			case p.prompts == nil:
				return "", host.ErrInterrupted
			default:
				fmt.Fprintln(p.prompts)
				return "", errCleared
			}
		}
	}
}

func (p *plain) remember(string) {}
func (p *plain) close()          {}
