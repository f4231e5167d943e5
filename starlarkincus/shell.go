package starlarkincus

import (
	"context"
	"io"
	"os"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/terminal"
	"incus-star/starlarkincus/rest"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// loginShell is the default command of shell: a login shell of root.
var loginShell = []string{"su", "-l"}

// shell runs a command on the user's terminal, and returns its exit status.
func shell(c *invocation) (starlark.Value, error) {
	body, err := c.commandBody()
	if err != nil {
		return nil, err
	}
	body["interactive"] = true
	if name := os.Getenv("TERM"); name != "" && texts(body["environment"])["TERM"] == "" {
		env := map[string]any{"TERM": name}
		for key, v := range mapOf(body["environment"]) {
			env[key] = v
		}
		body["environment"] = env
	}
	code, err := c.onTerminal("exec", body, func(t *terminal.Terminal) rest.ExecOptions {
		return rest.ExecOptions{Stdin: t, Terminal: true, Typed: true, MaxOutput: maxOutput}
	})
	if err != nil {
		return nil, err
	}
	return value.ExecResult(code, starlark.String(""), starlark.String("")), nil
}

// console connects the user's terminal with the instance's console.
func console(c *invocation) (starlark.Value, error) {
	_, err := c.onTerminal("console", c.body(), func(t *terminal.Terminal) rest.ExecOptions {
		_, _ = io.WriteString(t, "To detach from the console, press Ctrl-A and then q.\r\n")
		return rest.ExecOptions{Stdin: &detaching{input: t}, Terminal: true, Console: true, MaxOutput: maxOutput}
	})
	return starlark.None, err
}

// onTerminal connects the user's terminal with a command or a console, and restores it at the end. It returns the exit status.
func (c *invocation) onTerminal(path string, body map[string]any, options func(*terminal.Terminal) rest.ExecOptions) (code int, err error) {
	builtin.Of(c.thread).Typed++
	t, err := terminal.Take(os.Stdin, os.Stdout)
	if err != nil {
		e := errors.New(errors.Base, "%s needs a terminal: %s", c.name, err)
		e.Outcome = errors.NotSent
		return -1, e
	}
	defer t.Release()
	if width, height := t.Size(); width > 0 && height > 0 {
		body["width"], body["height"] = width, height
	}
	cmd := &command{encoding: value.AutoEncoding}
	if words, ok := body["command"].([]string); ok && len(words) > 0 {
		cmd.name = words[0]
	}
	if err := c.ref.begin(c.ctx, cmd, path, body, options(t)); err != nil {
		return -1, err
	}
	wrote := false
	builtin.Of(c.thread).Block(func() { wrote, code, err = converse(c.ctx, cmd.exec, t) })
	var failed *errors.Error
	if errors.As(err, &failed) && failed.Class == errors.Operation && notRun[failed.Message] != 0 {
		code, err = notRun[failed.Message], nil
		if !wrote { // else it did run, and chose the status itself
			err = cmd.failure(&execResult{exitCode: code, stderr: []byte(failed.Message + "\n"), cause: failed})
		}
	}
	if err == nil {
		builtin.Of(c.thread).Done++
	}
	return code, err
}

// converse copies the output of a command to a terminal and the size of the terminal to the command, until the end. It reports
// whether there was output, and returns the exit status.
func converse(ctx context.Context, e *rest.Exec, t *terminal.Terminal) (wrote bool, code int, err error) {
	ended := make(chan struct{})
	defer func() { <-ended }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(ended)
		for {
			select {
			case <-t.Resized():
				width, height := t.Size()
				_ = e.Resize(ctx, width, height)
			case <-e.Done():
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		piece, err := e.Next(ctx)
		if err != nil {
			break
		}
		wrote = wrote || len(piece.Data) > 0
		if _, err := t.Write(piece.Data); err != nil {
			e.End(ctx)
			break
		}
	}
	code, err = e.Wait(ctx)
	_ = t.Close()
	return wrote, code, err
}

// detachKey, followed by detachLetter, leaves a console.
const (
	detachKey    = 'a' & 0x1f // Ctrl-A
	detachLetter = 'q'
)

// A detaching reads the input of a console up to the keys that leave it.
type detaching struct {
	input   *terminal.Terminal
	pressed bool // the last key was detachKey
}

// Read returns io.EOF after the keys that leave the console. It passes on Ctrl-A followed by another key.
func (d *detaching) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	for {
		n, err := d.input.Read(p[1:])
		if err != nil {
			return 0, err
		}
		out := p[:0]
		for _, key := range append([]byte(nil), p[1:1+n]...) {
			switch {
			case d.pressed && key == detachLetter:
				return len(out), io.EOF
			case d.pressed:
				out = append(out, detachKey)
				d.pressed = key == detachKey
				if !d.pressed {
					out = append(out, key)
				}
			case key == detachKey:
				d.pressed = true
			default:
				out = append(out, key)
			}
		}
		if len(out) > 0 {
			return len(out), nil
		}
	}
}

// Close ends Read.
func (d *detaching) Close() error { return d.input.Close() }
