package host

import (
	"context"
	"io"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

var runStreamDecl = builtin.Decl{
	Name: "run_stream",
	Params: []builtin.Param{builtin.Need("command", builtin.List|builtin.Tuple|builtin.Set), builtin.Opt("stdin", inputs, "None"), builtin.Opt("stdin_file", builtin.String|builtin.None, "None"),
		builtin.Opt("env", builtin.Mapping|builtin.None, "None"), builtin.Opt("cwd", builtin.String|builtin.None, "None"), builtin.Opt("check", builtin.Bool, "True"),
		builtin.Opt("timeout", builtin.Seconds|builtin.None, "None")},
	Returns: builtin.Other, Help: `Starts a command on this machine and returns its standard output as a stream, for the input of another command, of one in an
instance, or for what loads images and backups. A loop over it gets the parts as bytes.

    incus.instances.import_backup(run_stream(["zstd", "-dcq", "web.zst"]))

The parameters are those of run, which timeout= limits until the stream's end. A stream is read once. At its end a command
that failed raises an IncusExecError with exit_code and stderr, before its reader takes the stream for whole; check=False
ignores the status. If the reader fails or ends early, or the script ends, the command is ended as by run.`,
	Call: onTask(runStream),
}

// A commandStream is the standard output of a running command.
type commandStream struct {
	builtin.OneReader
	*attendant
	binding *builtin.Binding
	stop    context.CancelFunc // of the timeout
	release func()
	closed  bool
}

var _ builtin.Stream = (*commandStream)(nil)

func (s *commandStream) String() string        { return "<stream of " + s.Args[0] + ">" }
func (s *commandStream) Type() string          { return "stream" }
func (s *commandStream) Freeze()               {}
func (s *commandStream) Truth() starlark.Bool  { return true }
func (s *commandStream) Hash() (uint32, error) { return 0, builtin.Unhashable(s) }

// Iterate returns the only iterator.
func (s *commandStream) Iterate() starlark.Iterator { return builtin.Iterate(s, s.binding) }

func runStream(c *invocation) (starlark.Value, error) {
	l, err := c.localCommand()
	if err != nil {
		return nil, err
	}
	l.piped = true
	b := builtin.Of(c.Thread)
	b.Sent++
	s := &commandStream{binding: b}
	ctx, stop := context.WithTimeoutCause(c.ctx, l.timeout, errCommandTimeout)
	s.stop, s.attendant = stop, l.attend(c, ctx)
	s.release = b.Keep(func(context.Context) { s.cancel(); <-s.done })
	return s, nil
}

// Read returns the next part of the output.
func (s *commandStream) Read(ctx context.Context) ([]byte, error) {
	p, more, err := s.next(ctx)
	switch {
	case err != nil:
		return nil, err
	case more:
		return p.data, nil
	}
	if _, err := s.ended(s.c, s.status, s.err); err != nil {
		return nil, err
	}
	if err := s.closeInput(ctx, nil); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// Close ends the command.
func (s *commandStream) Close(ctx context.Context, failure error) error {
	if s.closed {
		return failure
	}
	s.closed = true
	defer s.stop()
	s.end(ctx)
	s.release()
	return s.supply.Close(ctx, "", failure)
}
