package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

var readFileDecl = builtin.Decl{
	Name:    "read_file",
	Params:  []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path), builtin.Opt("binary", builtin.Bool, "False")},
	Returns: builtin.Text, Help: `Returns the content of a file as a string, or as bytes with binary=True. The path is relative to the working directory;
/dev/stdin is standard input. The limit is 256 MiB for a file and 1 MiB for a device.

    text, err = try_(read_file, "servers.txt")
    if err and err.missing:
        text = ""

A failure, including text that is not UTF-8, raises an Error, which try_ catches. Its attribute path is the file, and
missing reports whether the file doesn't exist.`,
	Call: onTask(readFile),
}

var writeFileDecl = builtin.Decl{
	Name:    "write_file",
	Params:  []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path), builtin.Need("data", builtin.Text), builtin.Opt("mode", builtin.Int|builtin.None, "None"), builtin.Opt("append", builtin.Bool, "False")},
	Returns: builtin.None, Help: `Writes a string or bytes to a file, replacing its content, or adding to it with append=True.

    write_file("token", text, mode=0o600)

The file is replaced atomically: readers see the old content or the new, and a failure leaves the old content. With append=True
it isn't replaced, and a failure, such as a full disk, may leave a part of what was to be added. mode sets the file's permissions; by default an existing file keeps its own, and a new one has 0o644 less the umask. A pipe, a device, or
a file that is open already, such as "/dev/stdout", isn't replaced: the data follows what was written there. A failure
raises an Error, as in read_file. Under --read-only every call fails.`,
	Call: onTask(writeFile),
}

// fileError returns the error of a call about a file.
func (c *invocation) fileError(path string, err error) error {
	failed := builtin.FileError(c.Name, path, err)
	if e := (*errors.Error)(nil); errors.As(failed, &e) && e.Hint == "" {
		e.Hint = fileAdvice(c.Name, path, err)
	}
	return failed
}

// fileAdvice returns advice on the failure of a function about a local file; empty for none.
func fileAdvice(function, path string, err error) string {
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case function == "fs.mkdir" && missing:
		return "parents=True makes missing folders above it"
	case function == "fs.remove" && errors.Is(err, syscall.ENOTEMPTY):
		return "recursive=True removes it with its content"
	case function == "fs.rename" && missing && strings.HasSuffix(path, "/"):
		return builtin.MakesFolder(path)
	case function == "write_file" && missing:
		return builtin.MakesFolder(path)
	case function == "run" && errors.Is(err, atomicfile.ErrNotReplaced):
		return builtin.StreamPrints
	case function == "write_file" && errors.Is(err, syscall.EISDIR):
		return fmt.Sprintf("name a file in the folder, as %q", filepath.Join(path, "name"))
	case function == "read_file" && errors.Is(err, syscall.EISDIR):
		return fmt.Sprintf("fs.list(%q) lists the folder", path)
	}
	return ""
}

func readFile(c *invocation) (starlark.Value, error) {
	var path string
	var binary bool
	if err := c.Unpack(&path, &binary); err != nil {
		return nil, err
	}
	// Reading a pipe may never end, and neither may opening it.
	data, err := interruptible(c, func() ([]byte, error) { return input.File(c.ctx, path, input.Data) })
	switch {
	case err != nil && c.uncatchable(err):
		return nil, err
	case err != nil:
		return nil, c.fileError(path, err)
	case binary:
		return starlark.Bytes(data), nil
	}
	if line, bad := value.InvalidLine(data); bad {
		return nil, c.fileError(path, fmt.Errorf("line %d is not UTF-8: read_file(path, binary=True) gives bytes", line))
	}
	return starlark.String(data), nil
}

func writeFile(c *invocation) (starlark.Value, error) {
	var path string
	var dataArg, modeArg starlark.Value = nil, starlark.None
	var appends bool
	if err := c.Unpack(&path, &dataArg, &modeArg, &appends); err != nil {
		return nil, err
	}
	data, err := c.Data("data", dataArg)
	if _, streams := dataArg.(builtin.Stream); streams {
		err = fmt.Errorf("%w: run(command, stdin=…, stdout_file=path) saves a stream, and export(path) an object", err)
	}
	if err != nil {
		return nil, err
	}
	w := writing{path: path, data: data, mode: 0o644}
	if mode, exact, err := c.fileMode(modeArg); err != nil {
		return nil, err
	} else if exact {
		w.mode, w.exact = mode, true
	}
	if err := c.changes(path, "written"); err != nil {
		return nil, err
	}
	info, statErr := os.Stat(path)
	w.opened, err = atomicfile.Opened(path)
	switch {
	case err != nil:
	case w.opened != nil || statErr == nil && !info.Mode().IsRegular():
		// A pipe or a device may have no reader, and the write may never end.
		_, err = interruptible(c, func() (any, error) { return nil, w.directly(os.O_WRONLY) })
	case appends:
		c.host().block(func() { err = w.directly(os.O_WRONLY | os.O_CREATE | os.O_APPEND) })
	default:
		c.host().block(func() { err = w.replace() })
	}
	switch {
	case err != nil && c.uncatchable(err):
		return nil, err
	case err != nil:
		return nil, c.fileError(path, err)
	}
	return starlark.None, nil
}

// A writing describes a call of write_file.
type writing struct {
	path, data string
	mode       fs.FileMode
	exact      bool     // whether the script gave the mode
	opened     *os.File // the file that path leads to, if that is open
}

// directly writes to the file itself, with one call of Write, so that the lines of several writers don't mix.
func (w *writing) directly(flags int) error {
	f, err := w.opened, error(nil)
	if f == nil {
		f, err = os.OpenFile(w.path, flags, w.mode)
	}
	if err != nil {
		return err
	}
	if w.exact {
		err = f.Chmod(w.mode)
	}
	if err == nil {
		_, err = f.WriteString(w.data)
	}
	return errors.Join(err, f.Close())
}

// replace writes a new file and renames it to the old one's name.
func (w *writing) replace() error {
	if _, err := os.Stat(w.path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(w.path); err == nil {
			return w.directly(os.O_WRONLY | os.O_CREATE | os.O_TRUNC) // a link to a file that isn't there yet
		}
	}
	return atomicfile.Write(w.path, w.data, atomicfile.Mode{Perm: w.mode, Exact: w.exact})
}

func absolute(c *builtin.Call) (starlark.Value, error) {
	var path string
	if err := c.Unpack(&path); err != nil {
		return nil, err
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, c.Errorf("%w", err) // the working folder was removed
	}
	return starlark.String(whole), nil
}
