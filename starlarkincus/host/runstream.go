package host

import (
	"context"
	"io"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

var streamDecl = builtin.Decl{
	Name: "stream",
	Help: `The content of a backup or an image, or the output of a command, while it is made: the result of export_stream and run_stream.

    s = inst.export_stream()
    run(["zstd"], stdin=s, stdout_file="web.tar.zst")
    print(s.size, s.sha256)

A stream is read once: by stdin= of run, run_stream or exec, by import_backup, import_iso or images.upload, or by a loop,
which gets the parts as bytes. It belongs to the script, or to the session of a prompt: a later entry, another task or a
deferred call may read it. What is behind it, a command or the backup on the server, ends at the stream's end, when the
reader fails or the loop is left, and at the end of the script. That of a task that is stopped ends with the task, and a
later read raises an IncusStateError. A loop with only break ends a stream that isn't needed.

size    the size in bytes, None before the end; only of export_stream
sha256  the SHA-256 in hexadecimal, None before the end; only of export_stream

A failure behind the stream is raised by the call that reads it. The message begins with the argument: "run: stdin: tar
ended with status 2" is about the command of the stream, also with check=False of the reader. The outcome of an import or
upload is then "not_sent", because nothing was made, and that of a command "unknown".`,
}

var runStreamDecl = builtin.Decl{
	Name: "run_stream",
	Params: []builtin.Param{builtin.Need("command", builtin.List|builtin.Tuple|builtin.Set), builtin.Opt("stdin", inputs, "None"), builtin.Opt("stdin_file", builtin.String|builtin.None, "None"),
		builtin.Opt("env", builtin.Mapping|builtin.None, "None"), builtin.Opt("cwd", builtin.String|builtin.None, "None"), builtin.Opt("check", builtin.Bool, "True"),
		builtin.Opt("timeout", builtin.Seconds|builtin.None, "None")},
	Returns: builtin.Other, Help: `Starts a command on this machine and returns its standard output as a stream, for the input of another command, of one in an
instance, or for what loads images and backups. A loop over it gets the parts as bytes.

    incus.instances.import_backup(run_stream(["zstd", "-dcq", "web.zst"]))

The parameters are those of run, which timeout= limits until the stream's end. A stream is read once, in any task or entry
of a prompt. At its end a command that failed raises an IncusExecError with exit_code and stderr, before its reader takes
the stream for whole; check=False ignores the status. If the reader fails or ends early, or the script ends, the command is
ended as by run. The failure of a command whose stream nothing reads is never raised.`,
	Call: onTask(runStream),
}

// A commandStream is the standard output of a running command.
type commandStream struct {
	builtin.OneReader
	*attendant
	binding *builtin.Binding
	hurry   context.CancelFunc // ends the time between SIGTERM and SIGKILL
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
	b.Sent++ // retry repeats nothing that a command may have done
	b.Done++
	s := &commandStream{binding: b}
	own := context.WithoutCancel(c.ctx) // the stream outlives the task
	var hurried context.Context
	hurried, s.hurry = context.WithCancel(own)
	l.Hurry = hurried.Done()
	s.attendant = l.attend(c, own)
	s.release = b.Keep(func(cleanup context.Context) { s.stop(cleanup, builtin.StreamOver()) })
	return s, nil
}

// stop ends the command for a cause, and waits for its end, which the end of cleanup hurries.
func (s *commandStream) stop(cleanup context.Context, cause error) {
	defer context.AfterFunc(cleanup, s.hurry)()
	s.cancel(cause)
	<-s.done
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
	if over := (*errors.Error)(nil); errors.As(s.err, &over) {
		return nil, over // what stop was called with
	}
	if _, err := s.ended(ctx, s.c, s.status, s.err); err != nil {
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
	defer s.hurry()
	b := builtin.In(ctx)
	cleanup := taskOf(b.Thread()).run.cleanupCtx
	b.Block(func() { s.stop(cleanup, nil) })
	s.release()
	return s.supply.Close(ctx, "", failure)
}
