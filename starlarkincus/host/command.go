package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/internal/process"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// inputs are the types of a standard input.
const inputs = builtin.Text | builtin.List | builtin.Tuple | builtin.Callable | builtin.Other | builtin.None

var runDecl = builtin.Decl{
	Name: "run",
	Params: []builtin.Param{builtin.Need("command", builtin.List|builtin.Tuple|builtin.Set).As(builtin.Program), builtin.Opt("stdin", inputs, "None"), builtin.Opt("stdin_file", builtin.String|builtin.None, "None"),
		builtin.Opt("env", builtin.Mapping|builtin.None, "None"), builtin.Opt("cwd", builtin.String|builtin.None, "None"), builtin.Opt("check", builtin.Bool, "True"),
		builtin.Opt("timeout", builtin.Seconds|builtin.None, "None"), builtin.Opt("encoding", builtin.String, `"auto"`).Among("auto", "utf-8", "bytes"),
		builtin.Opt("stream", builtin.Callable|builtin.None, "None"), builtin.Opt("stdout_file", builtin.String|builtin.None, "None")},
	Returns: builtin.Struct, Help: `Runs a command on this machine, never through a shell, and returns a struct of exit_code, stdout and stderr, like exec in
an instance. Other tasks go on meanwhile.

    key = run(["ssh-keygen", "-y", "-f", "id_ed25519"]).stdout.strip()
    run(["zstd"], stdin=inst.export_stream(compression_algorithm="none"), stdout_file="web.tar.zst")

command     a list of the command and its arguments; ["sh", "-c", line] for a line of the shell
stdin       a string or bytes, a stream, a list or tuple of strings or bytes, or a function that returns the next part each
            time and None at the end; run waits for the function's last call, also after timeout. By default the standard
            input is empty, and never the script's
stdin_file  a local file to read standard input from; timeout also limits the wait for the writer of a named pipe
env         variables added to the environment; None removes one
cwd         the working directory, to which a command with a slash in its name is relative
check       False returns the result of a failed command instead of raising; the command of a stream has its own
timeout     seconds, or a duration, after which the command is ended
encoding    "auto" returns stdout and stderr as strings if they are UTF-8, else as bytes; "utf-8" requires strings, "bytes"
            returns bytes. str(bytes) is their text, with U+FFFD for what isn't UTF-8
stream      a function that is called with each line of both outputs as it comes, without its newline; one with two
            parameters gets "stdout" or "stderr" as the second. A line of more than 1 MiB comes as several, each cut after a
            whole character. The result has no output then
stdout_file a local file to write standard output to, as it is and of any size; the result's stdout is empty then. It
            appears under its name when the command has ended with status 0, or with check=False with any; until then, and
            after an error, an existing one stays

If the stream or the function fails, the command is ended, and the error goes on. A command that ends with status 0 before
it has read all of a stream raises an Error, unless check is False.

An exit status other than 0 raises an IncusExecError with exit_code, stdout and stderr, as in exec: 127 if the command
wasn't found, 126 if it can't be executed, 128 and the signal's number if a signal ended it. The end of timeout raises an
IncusOperationTimeoutError with the output until then. The timeout, Ctrl-C and the end of the task end the command and the
processes that it started, by SIGTERM and two seconds later by SIGKILL. The command has no terminal. Processes that it
leaves in the background when it ends by itself go on, and those that begin a session of their own in any case; what they
write to its outputs from then on is lost, and may end them, so redirect theirs. The limit is 256 MiB for each output. Under
--read-only every call fails.`,
	Call: onTask(runCommand),
}

const (
	// maxOutput bounds a command's output, in bytes each for stdout and stderr.
	maxOutput = input.Data
	// commandShare limits maxCommandGrace to a part of the time for clean-up, which comes after it.
	commandShare = 5
)

// maxCommandGrace is the time between SIGTERM and SIGKILL.
var maxCommandGrace = 2 * time.Second

// errCommandTimeout is the cause of a context that run's timeout= ended.
var errCommandTimeout = errors.Plain("the time for the command is over")

// A localCommand is a call of run.
type localCommand struct {
	process.Command
	check          bool
	timeout        time.Duration
	encoding       string
	stdout, stderr output
	stream         starlark.Callable // takes the lines; nil for none
	supply         *feed.Supplier    // of the input that a script yields; nil for none
	piped          bool              // the standard output is a stream
	saved          *atomicfile.File  // takes the standard output; nil for none
	savedPath      string            // of saved; empty for none
	lines          *value.Lines      // of the output, with a stream
	secrets        []string          // values of its environment that no error may show
}

// output collects the output of a command.
type output struct {
	name string
	bytes.Buffer
}

func (o *output) take(data []byte) error {
	if o.Len()+len(data) > maxOutput {
		return fmt.Errorf("%s: %w", o.name, &input.TooLarge{Limit: maxOutput})
	}
	_, err := o.Write(data)
	return err
}

func runCommand(c *invocation) (starlark.Value, error) {
	l, err := c.localCommand()
	if err != nil {
		return nil, err
	}
	if l.saved != nil {
		defer l.saved.Discard()
	}
	b := builtin.Of(c.Thread)
	b.Sent++ // retry repeats nothing that a command may have done
	var status int
	if l.stream != nil || l.supply != nil {
		status, err = l.attended(c)
	} else {
		c.host().block(func() { status, err = l.alone(c.ctx) })
	}
	if err == nil {
		b.Done++
	}
	result, err := l.ended(c.ctx, c, status, err)
	if err := l.closeInput(b.Context, err); err != nil {
		return nil, err
	}
	if l.saved != nil {
		c.host().block(func() { err = l.saved.Commit() })
		if err != nil {
			return nil, l.unsaved(c, err, errors.Done)
		}
	}
	return result, nil
}

// alone runs a command until its end, or that of ctx or of the time for it.
func (l *localCommand) alone(ctx context.Context) (status int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.timeout, errCommandTimeout)
	defer cancel()
	return process.Run(ctx, &l.Command)
}

// closeInput ends the use of what the input comes from. Failure is the command's error, or nil.
func (l *localCommand) closeInput(ctx context.Context, failure error) error {
	reader := l.Args[0]
	if !l.check {
		reader = ""
	}
	return l.supply.Close(ctx, reader, failure)
}

// ended returns the script's result for a command that ended with a status or an error. The context is that of the thread
// that waited for it.
func (l *localCommand) ended(ctx context.Context, c *invocation, status int, err error) (starlark.Value, error) {
	var failed *scriptFailure
	var misread *unreadable
	switch {
	case errors.As(err, &failed) && errors.As(err, &misread):
		return nil, l.misread(c, misread.err, nil)
	case errors.As(err, &failed):
		return nil, failed.err
	case err != nil && ctx.Err() != nil:
		return nil, causeOf(ctx)
	case err != nil:
		return l.failed(c, err)
	}
	return l.result(c, status)
}

// localCommand reads the arguments of run and run_stream.
func (c *invocation) localCommand() (*localCommand, error) {
	l := &localCommand{check: true, timeout: value.Forever, encoding: value.AutoEncoding}
	var command starlark.Value
	var stdin, file, env, cwd, timeout, stream, save starlark.Value = starlark.None, starlark.None, starlark.None, starlark.None, starlark.None, starlark.None, starlark.None
	variables := []any{&command, &stdin, &file, &env, &cwd, &l.check, &timeout, &l.encoding, &stream, &save}
	if err := c.Unpack(variables[:len(c.Decl.Params)]...); err != nil {
		return nil, err
	}
	var err error
	if cwd != starlark.None {
		dir, ok := starlark.AsString(cwd)
		if !ok || dir == "" || strings.Contains(dir, "\x00") {
			return nil, c.Errorf("cwd is %s, want a folder's path", builtin.Described(cwd))
		}
		l.Dir = dir
	}
	if err := l.environment(env); err != nil {
		return nil, c.Errorf("%w", err)
	}
	if timeout != starlark.None {
		if l.timeout, err = value.Duration("timeout", timeout); err != nil {
			return nil, c.Errorf("%w", err)
		}
	}
	if stream != starlark.None {
		var ok bool
		if l.stream, ok = stream.(starlark.Callable); !ok {
			return nil, c.Errorf("stream is %s, want a function", builtin.Described(stream))
		}
	}
	if err := l.savePath(c, save); err != nil {
		return nil, err
	}
	if err := value.CheckEncoding("encoding", l.encoding); err != nil {
		return nil, c.Errorf("%w", err)
	}
	switch stdin.(type) {
	case starlark.NoneType, starlark.String, starlark.Bytes:
	default:
		if err := feed.Check(c.Name, "stdin", stdin); err != nil {
			return nil, err
		}
	}
	if l.Args, err = arguments(command); err != nil { // last: check tries a call with an empty list
		return nil, c.Errorf("%w", err)
	}
	if c.host().options.ReadOnly {
		return nil, c.BadData("%s wasn't run: this run only reads (--read-only)", l.Args[0])
	}
	l.stdout.name, l.stderr.name = "stdout", "stderr"
	l.Stdout, l.Stderr = l.stdout.take, l.stderr.take
	if err := l.save(c); err != nil {
		return nil, err
	}
	if err := l.input(c, stdin, file); err != nil { // after all else that may fail, because it claims a stream
		if l.saved != nil {
			_ = l.saved.Discard()
		}
		return nil, err
	}
	l.Grace = min(maxCommandGrace, c.host().options.Grace/commandShare)
	l.Hurry = c.run.cleanupCtx.Done()
	return l, nil
}

// arguments reads a command. Arguments are names of files more often than text, so they need not be UTF-8.
func arguments(v starlark.Value) ([]string, error) {
	switch v.(type) {
	case *starlark.List, starlark.Tuple, *starlark.Set:
	default:
		return nil, &value.TypeError{Path: "command", Got: v.Type(), Want: "list of string"}
	}
	var args []string
	for elem := range starlark.Elements(v.(starlark.Iterable)) {
		s, ok := starlark.AsString(elem)
		if !ok {
			return nil, &value.TypeError{Path: value.Index("command", len(args)), Got: elem.Type(), Want: "string"}
		}
		args = append(args, s)
	}
	return args, value.CheckCommand("command", args)
}

// environment sets the variables, which are the process's and those given. The given ones, and those whose names say that
// they are secret, are kept out of errors.
func (l *localCommand) environment(given starlark.Value) error {
	variables := make(map[string]string)
	for _, pair := range os.Environ() {
		if name, v, _ := strings.Cut(pair, "="); name != "" {
			variables[name] = v
			if secret.Key(name) {
				l.secrets = append(l.secrets, v)
			}
		}
	}
	if l.Dir != "" {
		if dir, err := filepath.Abs(l.Dir); err == nil {
			variables["PWD"] = dir
		}
	}
	if given != starlark.None {
		env, err := value.Config("env", given)
		if err != nil {
			return err
		}
		if err := value.CheckEnvironment("env", env); err != nil {
			return err
		}
		for name, v := range env {
			if text, set := v.(string); set {
				variables[name] = text
				l.secrets = append(l.secrets, text)
			} else {
				delete(variables, name)
			}
		}
	}
	for name, v := range variables {
		l.Env = append(l.Env, name+"="+v)
	}
	slices.Sort(l.Env)
	return nil
}

// clean removes secrets from text for an error.
func (l *localCommand) clean(text string) string { return secret.Text(secret.Remove(text, l.secrets)) }

// result returns the script's value for a command that ended.
func (l *localCommand) result(c *invocation, status int) (starlark.Value, error) {
	stdout, err := value.Output("stdout", l.stdout.Bytes(), l.encoding)
	stderr, failed := value.Output("stderr", l.stderr.Bytes(), l.encoding)
	if err == nil {
		err = failed
	}
	switch {
	case status != 0 && l.check:
		if err != nil {
			stdout, stderr = l.written()
		}
		shown := stderr
		if last := l.lines.LastError(); last != nil {
			shown = last
		}
		e := value.ExecError(l.Args[0], status, stdout, shown, l.clean)
		e.Fields["stderr"] = value.CleanOutput(stderr, l.clean)
		return nil, e
	case err != nil:
		return nil, l.misread(c, err, status)
	}
	return value.ExecResult(status, stdout, stderr), nil
}

// misread returns the error of output that isn't in the encoding. ExitCode is nil for a command that was ended because of it.
func (l *localCommand) misread(c *invocation, err error, exitCode any) error {
	e := errors.New(errors.Base, "%s: %s: %v", c.Name, l.Args[0], err)
	if e.Outcome = errors.Done; exitCode == nil {
		e.Outcome = errors.Unknown
	}
	l.fields(e, exitCode)
	return e
}

// written returns the output as far as there is any.
func (l *localCommand) written() (stdout, stderr starlark.Value) {
	stdout, _ = value.Output("stdout", l.stdout.Bytes(), value.AutoEncoding)
	stderr, _ = value.Output("stderr", l.stderr.Bytes(), value.AutoEncoding)
	return stdout, stderr
}

// fields adds the known facts about a command to its error. ExitCode is nil if there is none.
func (l *localCommand) fields(e *errors.Error, exitCode any) {
	stdout, stderr := l.written()
	e.Fields = value.ExecError(l.Args[0], 0, stdout, stderr, l.clean).Fields
	e.Fields["exit_code"] = exitCode
}

// failed returns the result or the error of a command that didn't come to an end of its own.
func (l *localCommand) failed(c *invocation, err error) (starlark.Value, error) {
	var notRun *process.NotRunError
	var dir *process.DirError
	var large *input.TooLarge
	var e *errors.Error
	switch {
	case l.saved != nil && errors.As(err, &e):
		return nil, e
	case errors.As(err, &dir):
		return nil, c.fileError(l.Dir, dir.Err)
	case errors.As(err, &notRun) && notRun.Status != 0:
		text := starlark.String(notRun.Error() + "\n")
		if !l.check {
			return value.ExecResult(notRun.Status, starlark.String(""), text), nil
		}
		e = value.ExecError(l.Args[0], notRun.Status, starlark.String(""), text, l.clean)
		e.Outcome, e.Cause = errors.NotSent, notRun.Err
		return nil, e
	case errors.Is(err, errCommandTimeout):
		e = errors.New(errors.OperationTimeout, "%s didn't end in %v, and was ended", l.Args[0], l.timeout)
	case errors.As(err, &large):
		e = errors.New(errors.Operation, "%s was ended: its %s %v: stdout_file= and stream= take more", l.Args[0], strings.TrimSuffix(err.Error(), ": "+large.Error()), large)
	default:
		e = errors.New(errors.Operation, "%s can't be run: %v", l.Args[0], err)
		e.Outcome = errors.NotSent
		return nil, e
	}
	e.Outcome = errors.Unknown
	if large == nil {
		l.fields(e, nil)
	}
	return nil, e
}
