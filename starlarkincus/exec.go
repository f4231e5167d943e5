package starlarkincus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// maxOutput is the largest output of a command to collect, in bytes.
const maxOutput = 256 << 20

// notRun maps the messages of failed operations to the exit statuses of a shell for commands that can't be run.
var notRun = map[string]int{"Command not found": 127, "Command not executable": 126}

// A command is a command in an instance.
type command struct {
	exec     *rest.Exec
	instance ref
	name     string // the first word
	method   string // of the request that started it
	path     string
	encoding string
	check    bool // whether a status other than 0 is an error
	reads    bool // whether it changes nothing
	input    *feed.Pipe
	lines    *value.Lines // of what was taken of its output
	release  func()       // tells the host that the command has ended
	misread  error        // failure to decode a line
	saved    *sink        // takes the standard output; nil for none

	end *execEnd // nil before the first wait
}

// An execEnd is the result and the error of a command, for later waits.
type execEnd struct {
	result *execResult
	err    error
}

// An execResult is the exit status and the output of a command.
type execResult struct {
	exitCode       int
	stdout, stderr []byte
	cause          *errors.Error // failure to start, or nil
}

// exec implements the method exec.
func exec(c *invocation) (starlark.Value, error) {
	body, err := c.commandBody()
	if err != nil {
		return nil, err
	}
	body["interactive"] = c.args.flag("tty", false)
	if err := checkSize(body); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	cmd := &command{name: body["command"].([]string)[0], encoding: value.AutoEncoding, check: c.args.flag("check", true), reads: c.args.flag("reads", false)}
	if c.args.has("encoding") {
		cmd.encoding = c.args.string("encoding")
	}
	if err := value.CheckEncoding("encoding", cmd.encoding); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	waits := c.args.flag("wait", true)
	stream, _ := c.args.local["stream"].(starlark.Callable)
	if stream != nil && !waits {
		return nil, fmt.Errorf("%s: stream= doesn't go with wait=False: a Command has lines()", c.name)
	}
	options := rest.ExecOptions{Terminal: c.args.flag("tty", false), MaxOutput: maxOutput, Advice: ": stdout_file= and stream= take more", Timeout: c.args.duration("timeout")}
	if !waits {
		options.Advice = ": lines() takes more"
	}
	if c.args.has("timeout") {
		options.Timeout = max(options.Timeout, time.Nanosecond) // 0 is no time, not all of it
	}
	if cmd.saved, err = c.outputFile(waits, stream != nil); err != nil {
		return nil, err
	}
	if cmd.saved != nil {
		defer cmd.saved.Discard()
		options.Stdout = cmd.saved
	}
	var supply *feed.Supplier
	if options.Stdin, supply, err = c.stdin(waits); err != nil {
		return nil, err
	}
	cmd.input, _ = options.Stdin.(*feed.Pipe)
	if err := c.ref.begin(c.ctx, cmd, "exec", body, options); err != nil {
		if closer, ok := options.Stdin.(io.Closer); ok {
			_ = closer.Close()
		}
		return nil, supply.Close(c.ctx, cmd.name, cmd.failed(err))
	}
	if !waits {
		return c.handle(cmd, body)
	}
	result, err := starlark.Value(nil), c.attend(cmd, stream, supply)
	if err == nil {
		result, err = cmd.result(c.ctx, nil, cmd.check)
	}
	reader := cmd.name
	if !cmd.check {
		reader = ""
	}
	if err := supply.Close(c.ctx, reader, err); err != nil {
		return nil, err
	}
	if cmd.saved != nil {
		builtin.Of(c.thread).Block(func() { err = cmd.saved.commit() })
		if err != nil {
			return nil, cmd.unsaved(err)
		}
	}
	return result, nil
}

// begin begins a command in the instance, or attaches to its console, by the request to path.
func (r ref) begin(ctx context.Context, cmd *command, path string, body map[string]any, options rest.ExecOptions) error {
	client, _, err := r.client.conn.client(ctx)
	if err != nil {
		return err
	}
	cmd.instance = r
	request := rest.Request{Method: "POST", Path: r.join(path).path, Query: r.query(0), Body: body}
	var reply *rest.Reply
	b := builtin.In(ctx)
	b.Block(func() { cmd.exec, reply, err = client.Exec(ctx, request, options) })
	if !cmd.reads {
		took(b, request, reply, err)
	}
	cmd.method, cmd.path, cmd.release = request.Method, request.Path, func() {}
	return err
}

// execute runs a command without input for at most limit. The body is that of the method exec.
func (r ref) execute(ctx context.Context, body map[string]any, limit time.Duration) (*command, *execResult, error) {
	cmd := &command{name: body["command"].([]string)[0], encoding: value.AutoEncoding}
	if err := r.begin(ctx, cmd, "exec", body, rest.ExecOptions{MaxOutput: maxOutput, Timeout: max(limit, time.Nanosecond)}); err != nil {
		return nil, nil, err
	}
	result, err := cmd.ended(ctx, nil)
	return cmd, result, err
}

// ended waits for the end of the command, for at most limit unless that is nil.
func (cmd *command) ended(ctx context.Context, limit *time.Duration) (*execResult, error) {
	if cmd.end != nil {
		return cmd.end.result, cmd.end.err
	}
	result := new(execResult)
	var err error
	cmd.exec.Collect()
	b := builtin.In(ctx)
	b.Block(func() {
		if limit != nil {
			result.exitCode, err = cmd.exec.WaitTimeout(ctx, *limit)
		} else {
			result.exitCode, err = cmd.exec.Wait(ctx)
		}
	})
	select {
	case <-cmd.exec.Done():
	default:
		return nil, err
	}
	if cmd.end != nil {
		return cmd.end.result, cmd.end.err // another task waited too
	}
	cmd.release()
	result.stdout, result.stderr = cmd.exec.Output()
	var failed *errors.Error
	if errors.As(err, &failed) && notRun[failed.Message] != 0 && failed.Class == errors.Operation {
		// A command that wrote something did run, and chose the status itself. For one without output the server can't
		// tell, as for sh -c "exit 127".
		result.exitCode, err = notRun[failed.Message], nil
		if len(result.stdout)+len(result.stderr) == 0 && !cmd.lines.Any() && (cmd.saved == nil || cmd.saved.size == 0) {
			result.stderr, result.cause = []byte(failed.Message+"\n"), failed
		}
	}
	if err == nil && !cmd.reads {
		b.Done++
	}
	cmd.end = &execEnd{result, err}
	return result, err
}

// result waits for the end of the command, and returns the script's view of the result.
func (cmd *command) result(ctx context.Context, limit *time.Duration, check bool) (starlark.Value, error) {
	result, err := cmd.ended(ctx, limit)
	if result == nil {
		return nil, cmd.failed(err)
	}
	if err != nil {
		return nil, cmd.withOutput(cmd.failed(err), result)
	}
	if cmd.misread != nil {
		return nil, cmd.unreadable(result, cmd.misread)
	}
	if result.exitCode != 0 && check {
		return nil, cmd.stopped(ctx, cmd.failure(result))
	}
	stdout, err := value.Output("stdout", result.stdout, cmd.encoding)
	if err != nil {
		return nil, cmd.unreadable(result, err)
	}
	stderr, err := value.Output("stderr", result.stderr, cmd.encoding)
	if err != nil {
		return nil, cmd.unreadable(result, err)
	}
	return value.ExecResult(result.exitCode, stdout, stderr), nil
}

// killed is the exit status of a command that SIGKILL ended.
const killed = 128 + 9

// stopped adds the stop of the instance to the error of a command that was killed, if the instance isn't running now, or was
// started after the command.
func (cmd *command) stopped(ctx context.Context, failure *errors.Error) error {
	if failure.Fields["exit_code"] != killed {
		return failure
	}
	var now struct {
		Status     string    `json:"status"`
		LastUsedAt time.Time `json:"last_used_at"`
	}
	if cmd.instance.readInto(ctx, cmd.instance.query(spec.Get), &now) != nil {
		return failure
	}
	var begun struct {
		CreatedAt time.Time `json:"created_at"` // by the server's clock too
	}
	if state := cmd.exec.Operation().State(); state == nil || json.Unmarshal(state.Raw, &begun) != nil {
		return failure
	}
	why := ""
	switch {
	case now.Status == "Stopped":
		why = "the instance has stopped"
	case !begun.CreatedAt.IsZero() && now.LastUsedAt.After(begun.CreatedAt):
		why = "the instance was started again meanwhile"
	default:
		return failure
	}
	failure.Message += ": " + why
	cause := errors.New(errors.State, "%s", why)
	cause.Object, failure.Cause = failure.Object, cause
	return failure
}

// outputs returns the output for an error, whatever the encoding requires.
func (cmd *command) outputs(r *execResult) (stdout, stderr starlark.Value) {
	encoding := cmd.encoding
	if encoding == value.TextEncoding {
		encoding = value.AutoEncoding
	}
	stdout, _ = value.Output("stdout", r.stdout, encoding)
	stderr, _ = value.Output("stderr", r.stderr, encoding)
	return stdout, stderr
}

// failure returns the error of a command with a status other than 0.
func (cmd *command) failure(r *execResult) *errors.Error {
	stdout, stderr := cmd.outputs(r)
	shown := stderr
	if last := cmd.lines.LastError(); last != nil {
		shown = last
	}
	e := value.ExecError(cmd.name, r.exitCode, stdout, shown, cmd.exec.Operation().Clean)
	e.Fields["stderr"] = value.CleanOutput(stderr, cmd.exec.Operation().Clean)
	e.OperationID, e.Method, e.Path = cmd.exec.Operation().ID(), cmd.method, cmd.path
	e.Object = errors.About(&errors.Request{Method: cmd.method, Path: cmd.path})
	if r.cause != nil {
		e.Outcome, e.Status, e.Response, e.Cause = r.cause.Outcome, r.cause.Status, r.cause.Response, r.cause
	}
	return e
}

// withOutput adds the output to an error.
func (cmd *command) withOutput(err error, r *execResult) error {
	var e *errors.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Fields == nil {
		e.Fields = make(map[string]any)
	}
	stdout, stderr := cmd.outputs(r)
	clean := cmd.exec.Operation().Clean
	e.Fields["stdout"], e.Fields["stderr"] = value.CleanOutput(stdout, clean), value.CleanOutput(stderr, clean)
	return err
}

// unreadable returns the error of output that can't be decoded.
func (cmd *command) unreadable(r *execResult, cause error) error {
	e := errors.New(errors.Exec, "%s: %s", cmd.name, cause)
	e.OperationID, e.Method, e.Path, e.Outcome = cmd.exec.Operation().ID(), cmd.method, cmd.path, errors.Done
	e.Fields = map[string]any{"exit_code": r.exitCode}
	return cmd.withOutput(e, r)
}

// failed returns an error of the command, adjusted if the command only reads.
func (cmd *command) failed(err error) error {
	var e *errors.Error
	if cmd.reads && errors.As(err, &e) {
		e.Reads = true
		if e.Outcome == errors.Unknown {
			e.Outcome = ""
		}
		if e.Class.IsA(errors.Connection) {
			e.OperationID = "" // what retry takes for a change
		}
	}
	return err
}
