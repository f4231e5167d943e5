package host

import (
	"context"
	"io"
	"strings"
	"syscall"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
	"golang.org/x/term"
)

var printDecl = builtin.Decl{
	Name:    "print",
	Params:  []builtin.Param{builtin.Args("args", builtin.Any), builtin.Key("sep", builtin.String, `" "`)},
	Returns: builtin.None, Help: `Prints its arguments and a newline to standard output.`,
	Call: onTask(print),
}

var sleepDecl = builtin.Decl{
	Name:    "sleep",
	Params:  []builtin.Param{builtin.Need("seconds", builtin.Seconds)},
	Returns: builtin.None, Help: `Waits that many seconds, or for a duration such as time.parse_duration("1m30s") or 5 * time.minute. Other tasks go on
meanwhile.`,
	Call: onTask(sleep),
}

var exitDecl = builtin.Decl{
	Name:   "exit",
	Params: []builtin.Param{builtin.Opt("status", builtin.Int, "0")},
	Help: `Ends the script with that exit status, from 0 to 255. Clean-up (finally_) still runs; nothing can hold it.

Without an exit() a script's status is 0, or what its uncaught error's class says. die(message) says why as well.`,
	Call: onTask(exit),
}

var dieDecl = builtin.Decl{
	Name:   "die",
	Params: []builtin.Param{builtin.Need("message", builtin.Any), builtin.Opt("status", builtin.Int, "1")},
	Help: `Ends the script with a message on standard error and that exit status, from 1 to 255; without a backtrace.

    if not args:
        die("usage: web.star NAME", status=2)

Clean-up still runs; nothing can hold it. Where the caller may handle what went wrong, raise_ an error.`,
	Call: onTask(die),
}

func print(c *call) (starlark.Value, error) {
	text, err := joined(c)
	if err != nil {
		return nil, err
	}
	return starlark.None, c.print(c.Call, text)
}

// print writes lines for a call at once, so that those of several tasks or processes don't mix. When nobody takes them any
// more, the script ends; but clean-up goes on without its lines.
func (t *task) print(c *builtin.Call, text string) error {
	err := t.run.host.print(text)
	switch {
	case err == ErrOutputClosed:
		t.run.stop(ErrOutputClosed)
		return context.Cause(t.ctx)
	case err != nil:
		return c.Errorf("%w", err)
	}
	return nil
}

func (h *Host) print(text string) error {
	_, err := io.WriteString(h.options.Stdout, text+"\n")
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return ErrOutputClosed
	}
	return err
}

func sleep(c *call) (starlark.Value, error) {
	var arg starlark.Value
	if err := c.Unpack(&arg); err != nil {
		return nil, err
	}
	d, err := value.Duration("seconds", arg)
	if err != nil {
		return nil, c.Errorf("%w", err)
	}
	if err := wait(c.Thread, d); err != nil {
		return nil, err
	}
	return starlark.None, nil
}

// wait lets d go by, or less where the thread's context ends first: then it returns why.
func wait(thread *starlark.Thread, d time.Duration) error {
	b := builtin.Of(thread)
	ctx := b.Context
	b.Block(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	})
	return context.Cause(ctx)
}

func exit(c *call) (starlark.Value, error) {
	var arg starlark.Value = starlark.MakeInt(0)
	if err := c.Unpack(&arg); err != nil {
		return nil, err
	}
	if text, ok := arg.(starlark.String); ok {
		return nil, c.Errorf("status is %s, want an int from 0 to 255; die(%s) ends the script with a message", builtin.Described(arg), text)
	}
	return c.exit(arg, 0, "")
}

func die(c *call) (starlark.Value, error) {
	var message, status starlark.Value = nil, starlark.MakeInt(1)
	if err := c.Unpack(&message, &status); err != nil {
		return nil, err
	}
	text := strings.TrimRight(builtin.PlainText(message), "\n")
	if text == "" {
		return nil, c.Errorf("message is empty: exit(1) ends the script without one")
	}
	return c.exit(status, 1, text)
}

// exit ends the script with a status, which must be at least least.
func (c *call) exit(status starlark.Value, least int, message string) (starlark.Value, error) {
	n, err := starlark.AsInt32(status)
	if err != nil || n < least || n > 255 {
		return nil, c.Errorf("status is %s, want an int from %d to 255", builtin.Described(status), least)
	}
	e := &ExitError{Status: n, Message: message}
	c.stop(e)
	return nil, e
}

// terminalWidth is that of the terminal that w is; 0 where it is none.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(interface{ Fd() uintptr }); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}
