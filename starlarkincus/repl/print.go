package repl

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/terminal"
	values "incus-star/starlarkincus/show"

	"go.starlark.net/starlark"
)

// stateTime limits the request for the states of listed instances.
const stateTime = 2 * time.Second

// print prints the value of an entry, as text has it, how the entry asks for. The pager may run longer than ctx, until paging ends.
func (p *prompt) print(ctx, paging context.Context, v starlark.Value, how values.Style) error {
	text, err := p.text(ctx, v, how)
	if err != nil {
		return err
	}
	return p.page(ctx, paging, text)
}

// text returns the text of the value of an entry. A typed entry's is laid out for the terminal, in full or in one line if how says so; a
// program's is as repr writes it. It may send a request. During a script's call it runs with the lock, not inside of [builtin.Binding.Block].
func (p *prompt) text(ctx context.Context, v starlark.Value, how values.Style) (string, error) {
	if !p.typed {
		return printable.Text(v.String()) + "\n", nil
	}
	brief, cancel := context.WithTimeout(ctx, stateTime)
	v = starlarkincus.WithStates(brief, v)
	cancel()
	if ctx.Err() != nil {
		return "", causeOf(ctx)
	}
	style := p.style()
	style.All, style.OneLine = how.All, how.OneLine
	return values.Text(v, style) + "\n", nil
}

// style returns the style of the terminal.
func (p *prompt) style() values.Style {
	width, height := terminal.Size(p.Stdout)
	return values.Style{Width: width, Height: height, Color: terminal.Colored(p.Stdout)}
}

// pageWrapped prints a text to read, with its lines wrapped at words.
func (p *prompt) pageWrapped(ctx context.Context, text string) error {
	if p.typed {
		text = wrapped(p.Stdout, text)
	}
	return p.page(ctx, ctx, text)
}

// page prints a text, through a pager if it is longer than the screen.
func (p *prompt) page(ctx, paging context.Context, text string) error {
	command := p.pager(text)
	if command == "" {
		return write(ctx, p.Stdout, text)
	}
	input, output, err := os.Pipe()
	if err != nil {
		return err
	}
	var written sync.WaitGroup
	written.Go(func() {
		_, _ = output.WriteString(text) // the pager may end before it has read everything
		output.Close()
	})
	cmd := exec.Command("sh", "-c", command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	if os.Getenv("LESS") == "" {
		cmd.Env = append(cmd.Env, "LESS=FRX")
	}
	err = p.lend(paging, cmd)
	input.Close()
	_ = output.SetWriteDeadline(time.Now()) // a process in the background may still have the other end
	written.Wait()
	var failed *terminal.EndError
	switch {
	case paging.Err() != nil:
		return causeOf(paging)
	case err == nil:
		return nil
	case errors.As(err, &failed) && failed.Status > 128: // a signal ended it, such as that of Ctrl-C
		return write(ctx, p.Stdout, "\n")
	}
	return write(ctx, p.Stdout, text) // there is no such pager, or it failed
}

// lend runs a program that has the terminal, and handles Ctrl-C itself.
func (p *prompt) lend(ctx context.Context, cmd *exec.Cmd) error {
	p.paging.Store(true)
	defer p.paging.Store(false)
	return terminal.Run(ctx, cmd)
}

// pager returns the command of the pager for a text; empty if it is printed as a whole.
func (p *prompt) pager(text string) string {
	width, height := terminal.Size(p.Stdout)
	file, ok := p.Stdout.(interface{ Fd() uintptr })
	if !p.typed || !ok || file.Fd() != os.Stdout.Fd() || height < 2 || terminal.Dumb() || !longer(text, width, height-1) {
		return ""
	}
	if command, set := os.LookupEnv("PAGER"); set {
		return strings.TrimSpace(command)
	}
	if _, err := exec.LookPath("less"); err != nil {
		return ""
	}
	return "exec less -FRX"
}

// lazy returns a function that compiles a pattern at its first call, because compiling is slow, and running a script
// doesn't need the pattern.
func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// colors matches the escape sequences of colours.
var colors = lazy("\x1b\\[[0-9;]*m")

// longer reports whether a text has more rows than height on a terminal of that width.
func longer(text string, width, height int) bool {
	rows := 0
	for line := range strings.Lines(text) {
		rows++
		if n := len(line); n > width && width > 0 {
			rows += max(0, printable.Width(strip(colors(), strings.TrimSuffix(line, "\n")))-1) / width
		}
		if rows > height {
			return true
		}
	}
	return false
}

func strip(escapes *regexp.Regexp, line string) string {
	if !strings.Contains(line, "\x1b") {
		return line
	}
	return escapes.ReplaceAllString(line, "")
}
