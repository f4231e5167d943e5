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
)

var printDecl = builtin.Decl{
	Name:    "print",
	Params:  []builtin.Param{builtin.Args("args", builtin.Any), builtin.Key("sep", builtin.String, `" "`)},
	Returns: builtin.None, Help: `Prints the arguments, separated by sep, and a newline to standard output.`,
	Call: onTask(print),
}

var sleepDecl = builtin.Decl{
	Name:    "sleep",
	Params:  []builtin.Param{builtin.Need("seconds", builtin.Seconds)},
	Returns: builtin.None, Help: `Pauses the task for a number of seconds (an int or a float), or for a duration such as time.parse_duration("1m30s") or
5 * time.minute. Other tasks keep running.`,
	Call: onTask(sleep),
}

// highestStatus is the highest exit status of a process.
const highestStatus = 255

var exitDecl = builtin.Decl{
	Name:   "exit",
	Params: []builtin.Param{builtin.Opt("status", builtin.Int, "0").UpTo(highestStatus)},
	Help: `Ends the script with an exit status from 0 to 255. Clean-up (finally_ and defer) still runs, and try_ and catch don't
stop it.

Without exit() the status is 0, or that of the uncaught error's class. die(message) also prints a message.`,
	Call: onTask(exit),
}

var dieDecl = builtin.Decl{
	Name:   "die",
	Params: []builtin.Param{builtin.Need("message", builtin.Any), builtin.Opt("status", builtin.Int, "1").UpTo(highestStatus)},
	Help: `Prints a message on standard error, without a backtrace, and ends the script with an exit status from 1 to 255.

    if not args:
        die("usage: web.star NAME", status=2)

Clean-up (finally_ and defer) still runs, and try_ and catch don't stop it. Use raise_ for an error that a caller may handle.`,
	Call: onTask(die),
}

func print(c *invocation) (starlark.Value, error) {
	text, err := joined(c)
	if err != nil {
		return nil, err
	}
	return starlark.None, c.print(c.Call, text)
}

// print writes a text with one call of Write, so that the lines of several tasks or processes don't mix. If standard output
// is closed, it ends the script; clean-up continues without its lines.
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

func sleep(c *invocation) (starlark.Value, error) {
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

// wait waits for d. If the thread's context ends first, it returns the cause.
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

func exit(c *invocation) (starlark.Value, error) {
	var arg starlark.Value = starlark.MakeInt(0)
	if err := c.Unpack(&arg); err != nil {
		return nil, err
	}
	if text, ok := arg.(starlark.String); ok {
		return nil, c.Errorf("status is %s, want an int from 0 to 255; die(%s) ends the script with a message", builtin.Described(arg), text)
	}
	return c.exit(arg, 0, "")
}

func die(c *invocation) (starlark.Value, error) {
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

// exit ends the script with a status from least to 255.
func (c *invocation) exit(status starlark.Value, least int, message string) (starlark.Value, error) {
	n, err := starlark.AsInt32(status)
	if err != nil || n < least || n > highestStatus {
		return nil, c.Errorf("status is %s, want an int from %d to %d", builtin.Described(status), least, highestStatus)
	}
	e := &ExitError{Status: n, Message: message}
	c.stop(e)
	return nil, e
}
