package starlarkincus

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// commandBody returns the body of the request.
func (c *invocation) commandBody() (map[string]any, error) {
	body := c.body()
	path := "environment"
	if env := c.args.local["env"]; env != nil {
		if body["environment"] != nil {
			return nil, fmt.Errorf("%s: env= and environment= are the same: give one", c.name)
		}
		body["environment"], path = env, "env"
	}
	if err := value.CheckEnvironment(path, mapOf(body["environment"])); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if body["command"] == nil {
		body["command"] = loginShell
	}
	if err := checkCommand(body); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if env := mapOf(body["environment"]); env != nil {
		set := make(map[string]any, len(env))
		for name, v := range texts(env) { // None counts as not given, and would set an empty value
			set[name] = v
		}
		body["environment"] = set
	}
	return body, nil
}

// checkCommand returns an error for arguments that servers refuse late, or replace by others in silence.
func checkCommand(body map[string]any) error {
	if err := value.CheckCommand("command", body["command"].([]string)); err != nil {
		return err
	}
	for _, name := range []string{"user", "group"} {
		if id, given := body[name].(int64); given && (id < 0 || id > math.MaxInt32) {
			return fmt.Errorf("%s: %d is no id, which is from 0 to %d", name, id, math.MaxInt32)
		}
	}
	if cwd, given := body["cwd"].(string); given {
		if strings.Contains(cwd, "\x00") {
			return &value.TypeError{Path: "cwd", Got: "the string has a zero byte"}
		}
	}
	return nil
}

// checkSize returns an error for a size that no terminal can have, and that servers ignore or change.
func checkSize(body map[string]any) error {
	width, hasWidth := body["width"].(int64)
	height, hasHeight := body["height"].(int64)
	switch {
	case !hasWidth && !hasHeight:
		return nil
	case !hasWidth || !hasHeight:
		return errors.Plain("width= and height= go together")
	}
	for _, side := range []struct {
		name string
		size int64
	}{{"width", width}, {"height", height}} {
		if side.size < 1 || side.size > math.MaxUint16 {
			return fmt.Errorf("%s: %d is no size of a terminal, which is from 1 to %d", side.name, side.size, math.MaxUint16)
		}
	}
	return nil
}

// outputFile begins the file for the standard output; nil for none.
func (c *invocation) outputFile(waits, streams bool) (*sink, error) {
	switch {
	case !c.args.has("stdout_file"):
		return nil, nil
	case !waits:
		return nil, fmt.Errorf("%s: stdout_file= doesn't go with wait=False", c.name)
	case streams:
		return nil, fmt.Errorf("%s: stdout_file= and stream= exclude each other", c.name)
	}
	file, err := c.newSink(c.args.string("stdout_file"))
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		e.Outcome = errors.NotSent
	}
	return file, err
}

// unsaved returns the error of a file with the output of a command that has ended.
func (cmd *command) unsaved(err error) error {
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		e.Outcome = errors.Done
	}
	return err
}

// stdin returns the reader of the standard input, nil for none, and the supplier of the script's parts, nil for none.
func (c *invocation) stdin(waits bool) (io.Reader, *feed.Supplier, error) {
	given := c.args.local["stdin"]
	switch {
	case c.args.has("stdin_file"):
		limit := value.Forever
		if c.args.has("timeout") {
			limit = c.args.duration("timeout")
		}
		file, err := feed.Open(c.ctx, c.name, c.args.string("stdin_file"), limit)
		var late *errors.Error
		switch {
		case err == nil:
		case c.ctx.Err() != nil:
			return nil, nil, context.Cause(c.ctx)
		case errors.As(err, &late):
			return nil, nil, err
		default:
			e := errors.New(errors.Base, "%s: stdin_file: %v", c.name, err)
			e.Outcome = errors.NotSent
			return nil, nil, e
		}
		return file, nil, nil
	case given == nil && !waits:
		return feed.NewPipe(), nil, nil
	case given == nil:
		return nil, nil, nil
	}
	switch v := given.(type) {
	case starlark.String:
		return strings.NewReader(string(v)), nil, nil
	case starlark.Bytes:
		return strings.NewReader(string(v)), nil, nil
	}
	if !waits {
		return nil, nil, fmt.Errorf("%s: stdin= takes a string or bytes with wait=False: a Command has write()", c.name)
	}
	supply, err := feed.New(c.name, "stdin", given.(starlark.Value))
	if err != nil {
		return nil, nil, err
	}
	return supply.Pipe, supply, nil
}
