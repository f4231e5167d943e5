package host

import (
	"context"
	"io"
	"math"
	"time"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/value"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
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
	}, {
		name: "args",
		help: `The script's command line: a list of strings, without the script's own name.`,
		value: func(h *Host) starlark.Value {
			args := make([]starlark.Value, len(h.options.Args))
			for i, arg := range h.options.Args {
				args[i] = starlark.String(arg)
			}
			return starlark.NewList(args)
		},
	}, {
		name: "struct",
		help: `struct(**fields) makes an immutable value with those fields: struct(name="web", cpu=2).name`,
		value: func(*Host) starlark.Value {
			return starlark.NewBuiltin("struct", starlarkstruct.Make)
		},
	}, {
		name: "json",
		help: `json.encode(x), json.encode_indent(x, prefix="", indent="\t"), json.decode(text, default=…), json.indent(text)`,
		value: func(*Host) starlark.Value {
			return json.Module
		},
	}})
}

func print(c *call) (starlark.Value, error) {
	text, err := joined(c)
	if err != nil {
		return nil, err
	}
	if err := c.host().print(text); err != nil {
		return nil, c.errorf("%w", err)
	}
	return starlark.None, nil
}

// print writes a line at once, so that the lines of several tasks or processes don't mix.
func (h *Host) print(text string) error {
	_, err := io.WriteString(h.options.Stdout, text+"\n")
	return err
}

func sleep(c *call) (starlark.Value, error) {
	var arg starlark.Value
	if err := c.unpack("seconds", &arg); err != nil {
		return nil, err
	}
	seconds, err := value.Seconds("seconds", arg)
	if err != nil {
		return nil, c.errorf("%w", err)
	}
	d := time.Duration(math.MaxInt64)
	if seconds < d.Seconds() {
		d = time.Duration(seconds * float64(time.Second))
	}
	if err := wait(c.thread, d); err != nil {
		return nil, err
	}
	return starlark.None, nil
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
