package starlarkincus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// handle returns the script's view of a running command. The end of the script ends the command.
func (c *invocation) handle(cmd *command, body map[string]any) (starlark.Value, error) {
	cmd.release = builtin.Of(c.thread).Keep(cmd.exec.Release)
	cmd.lines = value.NewLines(cmd.encoding, c.args.flag("tty", false))
	op := cmd.exec.Operation()
	op.Detach()
	o := newObject(ref{client: c.ref.client, res: spec.Commands, path: op.Path()})
	o.command, o.begun = cmd, builtin.Of(c.thread).Changes
	v, err := value.FromGo(map[string]any{"id": op.ID(), "command": body["command"]})
	if err != nil {
		return nil, err
	}
	return o, o.set(v, "")
}

// exitCode returns the exit status, or None.
func (cmd *command) exitCode() starlark.Value {
	select {
	case <-cmd.exec.Done():
		if code, _ := cmd.exec.Wait(context.Background()); code >= 0 {
			return starlark.MakeInt(code)
		}
	default:
	}
	return starlark.None
}

// over returns the error of a call that needs a running command.
func (cmd *command) over(why string) error {
	e := errors.New(errors.State, "%s", why)
	e.OperationID, e.Outcome = cmd.exec.Operation().ID(), errors.NotSent
	return e
}

func writeInput(c *invocation) (starlark.Value, error) {
	cmd := c.obj.command
	if cmd.input == nil {
		return nil, cmd.over("its standard input was given to exec, and can't be written to")
	}
	data, _ := c.args.local["data"].([]byte)
	if len(data) == 0 {
		return c.obj, nil
	}
	var err error
	builtin.Of(c.thread).Block(func() { err = cmd.input.Write(c.ctx, string(data)) })
	switch {
	case c.ctx.Err() != nil:
		_, err := cmd.exec.Wait(c.ctx)
		return nil, err
	case err != nil:
		return nil, cmd.over("the command can't be written to: it has ended, or its standard input was closed")
	}
	return c.obj, nil
}

func closeInput(c *invocation) (starlark.Value, error) {
	if input := c.obj.command.input; input != nil {
		input.End()
	}
	return c.obj, nil
}

func sendSignal(c *invocation) (starlark.Value, error) {
	number, err := signalNumber(c.args.local["signal"])
	if err != nil {
		return nil, fmt.Errorf("%s: signal: %w", c.name, err)
	}
	builtin.Of(c.thread).Block(func() { err = c.obj.command.exec.Signal(c.ctx, number) })
	if err != nil {
		return nil, err
	}
	return c.obj, nil
}

// signals are the names of the signals of Linux, from number 1 on.
var signals = strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")

// maxSignal is the highest number of a signal.
const maxSignal = 64

func signalNumber(v any) (int, error) {
	switch v := v.(type) {
	case string:
		name := strings.TrimPrefix(strings.ToUpper(v), "SIG")
		for i, known := range signals {
			if name == known {
				return i + 1, nil
			}
		}
		if near := errors.Nearest(name, signals); near != "" {
			return 0, fmt.Errorf("unknown signal %q (did you mean %s?)", v, near)
		}
		return 0, fmt.Errorf("unknown signal %q", v)
	case json.Number:
		if n, err := v.Int64(); err == nil && n >= 1 && n <= maxSignal {
			return int(n), nil
		}
		return 0, fmt.Errorf("%s is no signal", v)
	}
	return 0, errors.Plain("want a name, such as 'TERM', or a number")
}

func waitCommand(c *invocation) (starlark.Value, error) {
	cmd := c.obj.command
	var limit *time.Duration
	if c.args.has("timeout") {
		d := c.args.duration("timeout")
		limit = &d
	}
	return cmd.result(c.ctx, limit, c.args.flag("check", cmd.check))
}

// A commandLines iterates over the output of a command.
type commandLines struct {
	cmd     *command
	stream  string           // stdout, stderr, or empty for both
	binding *builtin.Binding // of any thread of the script
}

var (
	_ starlark.Iterable = (*commandLines)(nil)
	_ starlark.Iterator = (*commandLines)(nil)
)

func lines(c *invocation) (starlark.Value, error) {
	stream := c.args.string("stream")
	return &commandLines{c.obj.command, stream, builtin.Of(c.thread)}, nil
}

func (l *commandLines) String() string             { return "<lines of " + l.cmd.name + ">" }
func (l *commandLines) Type() string               { return "lines" }
func (l *commandLines) Freeze()                    {}
func (l *commandLines) Truth() starlark.Bool       { return true }
func (l *commandLines) Hash() (uint32, error)      { return 0, fmt.Errorf("unhashable type: %s", l.Type()) }
func (l *commandLines) Iterate() starlark.Iterator { return l }

// Next waits for the next line. Failures end the iteration; wait returns them.
func (l *commandLines) Next(p *starlark.Value) bool {
	s, b := l.cmd.lines, l.binding.Running()
	for {
		if next, ok := s.Next(l.stream); ok {
			*p = next.Text
			return true
		}
		if s.Over() {
			return false
		}
		var piece rest.Piece
		var err error
		b.Block(func() { piece, err = l.cmd.exec.Next(b.Context) })
		switch {
		case err == nil:
			err = s.Add(streamNames[piece.Stream], piece.Data)
		case err != io.EOF:
			l.cmd.exec.Abandon(b.Context)
			b.Thread().Cancel(context.Cause(b.Context).Error()) // no line of the loop is to follow
			return false
		default:
			err = s.End()
		}
		if err != nil {
			s.GiveUp()
			l.cmd.misread = err
		}
	}
}

// Done keeps the rest for another loop, or for wait.
func (l *commandLines) Done() {}
