package host

import (
	"context"
	"errors"
	"io"
	"math"
	"syscall"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

func init() {
	register([]definition{{
		name:   "print",
		params: `*args, sep=" "`,
		help:   `Prints its arguments and a newline to standard output.`,
		call:   print,
	}, {
		name:   "sleep",
		params: "seconds",
		help:   `Waits that many seconds, an int or a float. Other tasks go on meanwhile.`,
		call:   sleep,
	}, {
		name:   "exit",
		params: "status=0",
		help: `Ends the script with that exit status, from 0 to 255. Clean-up (finally_) still runs; nothing can hold it.

Without an exit() a script's status is 0, or what its uncaught error's class says.`,
		call: exit,
	}})
}

func print(c *call) (starlark.Value, error) {
	text, err := joined(c)
	if err != nil {
		return nil, err
	}
	return starlark.None, c.print(text)
}

// print writes lines at once, so that those of several tasks or processes don't mix. When nobody takes them any more,
// the script ends; but clean-up goes on without its lines.
func (c *call) print(text string) error {
	err := c.host().print(text)
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		c.run.stop(errOutputClosed)
		return context.Cause(c.ctx)
	case err != nil:
		return c.errorf("%w", err)
	}
	return nil
}

func (h *Host) print(text string) error {
	_, err := io.WriteString(h.options.Stdout, text+"\n")
	return err
}

func sleep(c *call) (starlark.Value, error) {
	var arg starlark.Value
	if err := c.unpack("seconds", &arg); err != nil {
		return nil, err
	}
	d, err := duration("seconds", arg)
	if err != nil {
		return nil, c.errorf("%w", err)
	}
	if err := wait(c.thread, d); err != nil {
		return nil, err
	}
	return starlark.None, nil
}

const forever = time.Duration(math.MaxInt64)

// duration reads an argument that is a number of seconds.
func duration(name string, v starlark.Value) (time.Duration, error) {
	seconds, err := value.Seconds(name, v)
	if err != nil || seconds >= forever.Seconds() {
		return forever, err
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// wait lets d go by, or less where the thread's context ends first: then it returns why.
func wait(thread *starlark.Thread, d time.Duration) error {
	ctx := starlarkincus.Context(thread)
	starlarkincus.Block(thread, func() {
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
	if err := c.unpack("status?", &arg); err != nil {
		return nil, err
	}
	status, err := starlark.AsInt32(arg)
	if err != nil || status < 0 || status > 255 {
		return nil, c.errorf("status is %s, want an int from 0 to 255", described(arg))
	}
	e := &ExitError{status}
	c.stop(e)
	return nil, e
}
