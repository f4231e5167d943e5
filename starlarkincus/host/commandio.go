package host

import (
	"io/fs"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/feed"

	"go.starlark.net/starlark"
)

// input sets the standard input.
func (l *localCommand) input(c *invocation, stdin, file starlark.Value) error {
	if file != starlark.None {
		path, ok := starlark.AsString(file)
		switch {
		case stdin != starlark.None:
			return c.Errorf("stdin= and stdin_file= exclude each other")
		case !ok || path == "" || strings.Contains(path, "\x00"):
			return c.Errorf("stdin_file is %s, want a file's path", builtin.Described(file))
		}
		f, err := feed.Open(builtin.Of(c.Thread).Context, c.Name, path, l.timeout)
		var late *errors.Error
		switch {
		case err == nil:
		case c.ctx.Err() != nil:
			return causeOf(c.ctx)
		case errors.As(err, &late):
			return err
		default:
			return c.fileError(path, err)
		}
		l.Stdin = f
		return nil
	}
	switch v := stdin.(type) {
	case starlark.NoneType:
	case starlark.String:
		l.Stdin = strings.NewReader(string(v))
	case starlark.Bytes:
		l.Stdin = strings.NewReader(string(v))
	default:
		var err error
		if l.supply, err = feed.New(c.Name, "stdin", stdin); err != nil {
			return err
		}
		l.Stdin = l.supply.Pipe
	}
	return nil
}

// savePath checks the path of the file for the standard output.
func (l *localCommand) savePath(c *invocation, file starlark.Value) error {
	if file == starlark.None {
		return nil
	}
	path, ok := starlark.AsString(file)
	switch {
	case !ok || path == "" || strings.Contains(path, "\x00"):
		return c.Errorf("stdout_file is %s, want a file's path", builtin.Described(file))
	case l.stream != nil:
		return c.Errorf("stdout_file= and stream= exclude each other")
	}
	l.savedPath = path
	return nil
}

// save makes the standard output go to the file at savedPath, if there is one.
func (l *localCommand) save(c *invocation) (err error) {
	if l.savedPath == "" {
		return nil
	}
	if l.saved, err = atomicfile.Create(l.savedPath, atomicfile.Mode{Perm: 0o666}); err != nil {
		return l.unsaved(c, err, errors.NotSent)
	}
	l.Stdout = func(data []byte) error {
		if _, err := l.saved.Write(data); err != nil {
			return l.unsaved(c, err, errors.Unknown)
		}
		return nil
	}
	return nil
}

// unsaved returns an error of the file for the standard output.
func (l *localCommand) unsaved(c *invocation, err error, outcome errors.Outcome) error {
	missing := errors.Is(err, fs.ErrNotExist)
	err = c.fileError(l.savedPath, err)
	if e := (*errors.Error)(nil); errors.As(err, &e) {
		if missing {
			e.Hint = builtin.MakesFolder(l.savedPath)
		}
		e.Outcome = outcome
	}
	return err
}
