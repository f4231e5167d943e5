package starlarkincus

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/rest"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// maxOutput bounds the recorded stdout and stderr of a command, in bytes each.
const maxOutput = 1 << 30

// notRun maps the messages of Incus about commands that can't be run to the exit status of a shell.
var notRun = map[string]int{"Command not found": 127, "Command not executable": 126}

// An execResult is the result of a command.
type execResult struct {
	exitCode       int
	stdout, stderr string
	operation      string              // id
	method, path   string              // request that started it
	clean          func(string) string // removes secrets in the request from a text
	cause          *errors.Error       // failure to start, or nil
}

// exec runs a command, and reads and deletes the output that the server recorded.
func exec(c *invocation) (starlark.Value, error) {
	body := c.body()
	if env := c.args.local["env"]; env != nil {
		if body["environment"] != nil {
			return nil, fmt.Errorf("%s: env= and environment= are the same: give one", c.name)
		}
		body["environment"] = env
	}
	command := body["command"].([]string)
	if len(command) == 0 {
		return nil, fmt.Errorf("%s: command: the list is empty", c.name)
	}
	for name, v := range texts(body["environment"]) {
		if strings.ContainsAny(name, "=\x00") || strings.Contains(v, "\x00") {
			return nil, fmt.Errorf("%s: environment[%q]: a name has no = and nothing has a zero byte", c.name, name)
		}
	}
	result, going, err := c.ref.execute(c.ctx, body, c.patience())
	if going != nil || err != nil {
		return going, err
	}
	if result.exitCode != 0 && c.args.flag("check", true) {
		return nil, result.failure(command[0])
	}
	return starlarkstruct.FromStringDict(starlark.String("ExecResult"), starlark.StringDict{
		"exit_code": starlark.MakeInt(result.exitCode),
		"stdout":    starlark.String(result.stdout),
		"stderr":    starlark.String(result.stderr),
	}), nil
}

// execute runs a command in the instance, or returns the operation if w doesn't wait. The body is that of the method
// exec.
func (r ref) execute(ctx context.Context, body map[string]any, w patience) (*execResult, *Object, error) {
	out, err := r.act(ctx, "POST", "exec", body, w)
	if out.reply == nil || out.going != nil {
		return nil, out.going, err
	}
	began := out.reply.Operation
	at := r.join("exec").path
	if began == nil {
		return nil, nil, unreadable("POST", r.path, out.reply, fmt.Errorf("got no operation"))
	}
	result := &execResult{operation: began.ID(), clean: began.Clean, method: "POST", path: at}
	var failed *errors.Error
	switch {
	case errors.As(err, &failed) && notRun[failed.Message] != 0 && failed.Class == errors.Operation:
		return result, nil, r.notRun(ctx, result, failed)
	case err != nil:
		return nil, nil, err
	}
	return result, nil, r.output(ctx, out.state, result)
}

// failure returns the error for a status other than zero.
func (r *execResult) failure(command string) error {
	e := errors.New(errors.Exec, "%s ended with status %d", command, r.exitCode)
	if text := strings.TrimSpace(r.stderr); text != "" {
		e.Message += ": " + r.clean(text[strings.LastIndex(text, "\n")+1:])
	}
	e.OperationID, e.Method, e.Path = r.operation, r.method, r.path
	e.Object = errors.About(&errors.Request{Method: r.method, Path: r.path})
	e.Fields = map[string]any{"exit_code": r.exitCode, "stdout": r.clean(r.stdout), "stderr": r.clean(r.stderr)}
	e.Outcome = errors.Done
	if r.cause != nil {
		e.Outcome, e.Status, e.Response, e.Cause = r.cause.Outcome, r.cause.Status, r.cause.Response, r.cause
	}
	return e
}

// output reads the exit status and the output of a command that has ended.
func (r ref) output(ctx context.Context, state *rest.State, result *execResult) error {
	var metadata struct {
		Return *int              `json:"return"`
		Output map[string]string `json:"output"`
	}
	err := json.Unmarshal(state.Metadata, &metadata)
	if err != nil || metadata.Return == nil {
		return &errors.Error{Class: errors.Operation, Outcome: errors.Done, OperationID: state.ID, Status: state.StatusCode, Cause: err,
			Message: "the server doesn't say how the command ended"}
	}
	result.exitCode = *metadata.Return
	if result.stdout, err = r.recorded(ctx, metadata.Output["1"]); err == nil {
		result.stderr, err = r.recorded(ctx, metadata.Output["2"])
	}
	return result.lost(err)
}

// notRun handles an operation that failed because the command can't be run. Servers infer that from the exit status, so
// output means that the command did run and chose the status itself. Without output the two can't be told apart, as for
// sh -c "exit 127", and the outcome is unknown.
func (r ref) notRun(ctx context.Context, result *execResult, failed *errors.Error) error {
	result.exitCode = notRun[failed.Message]
	var err error
	if result.stdout, err = r.recorded(ctx, "exec_"+result.operation+".stdout"); err == nil {
		result.stderr, err = r.recorded(ctx, "exec_"+result.operation+".stderr")
	}
	if err != nil && !errors.Is(err, errors.NotFound) {
		return result.lost(err)
	}
	if result.stdout+result.stderr == "" {
		result.stderr, result.cause = failed.Message+"\n", failed
	}
	return nil
}

// lost returns the error for unreadable output of a command that has ended.
func (r *execResult) lost(err error) error {
	var e *errors.Error
	if !errors.As(err, &e) {
		return err
	}
	e.Outcome, e.OperationID = errors.Done, r.operation
	e.Fields = map[string]any{"exit_code": r.exitCode}
	return err
}

// recorded reads a recorded output and then deletes it. A failed deletion is harmless, because the file is deleted with
// the instance.
func (r ref) recorded(ctx context.Context, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	p := r.join("logs/exec-output").item(path.Base(file)) // use only the base name of the server's path
	data, _, err := r.client.raw(ctx, rest.Request{Method: "GET", Path: p.path, Query: p.query(0), MaxBytes: maxOutput})
	if err == nil {
		_, _ = r.client.sendAside(ctx, rest.Request{Method: "DELETE", Path: p.path, Query: p.query(0)})
	}
	return string(data), err
}
