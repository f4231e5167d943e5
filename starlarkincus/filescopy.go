package starlarkincus

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/files"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// watch returns a function that starts the meter of a push or a pull. The name of the instance or volume follows the label.
func (c *invocation) watch(label string) (func(total int64) files.Meter, error) {
	client, _, err := c.ref.client.conn.client(c.ctx)
	if err != nil {
		return nil, err
	}
	if owner, err := url.PathUnescape(path.Base(path.Dir(c.ref.path))); err == nil {
		label += owner
	}
	return func(total int64) files.Meter { return client.Transfer(label, total) }, nil
}

func pushFiles(c *invocation) (starlark.Value, error) {
	local := c.args.string("local")
	remote, err := c.copyPath("remote", local)
	if err != nil {
		return nil, err
	}
	a, err := c.fileAttributes()
	if err != nil {
		return nil, err
	}
	watch, err := c.watch("Pushing " + filepath.Base(local) + " to ")
	if err != nil {
		return nil, err
	}
	var out files.Transfer
	err = c.onFiles(func(f *files.Call) (err error) {
		if c.args.flag("parents", false) {
			if err := f.MakeParents(remote, a); err != nil {
				return err
			}
		}
		f.Watch = watch
		out, err = f.Push(local, remote, a)
		return err
	})
	return transferred(out, err)
}

func pullFiles(c *invocation) (starlark.Value, error) {
	remote, err := c.remotePath("remote")
	if err != nil {
		return nil, err
	}
	local, err := files.Into(remote, c.args.string("local"))
	if err != nil {
		return nil, fmt.Errorf("%s: remote: %w", c.name, err)
	}
	if err := c.folderOf(local); err != nil {
		return nil, err
	}
	watch, err := c.watch("Pulling " + path.Base(remote) + " from ")
	if err != nil {
		return nil, err
	}
	var out files.Transfer
	err = c.onFiles(func(f *files.Call) (err error) {
		f.Watch, f.Within, f.Parents = watch, c.args.string("within"), c.args.flag("parents", false)
		out, err = f.Pull(remote, local)
		return err
	})
	return transferred(out, err)
}

// folderOf returns the error for a missing folder of a local path to write, unless the call makes it.
func (c *invocation) folderOf(local string) error {
	if c.args.flag("parents", false) {
		return nil
	}
	local = filepath.Join(c.args.string("within"), local)
	if _, err := os.Stat(filepath.Dir(local)); errors.Is(err, fs.ErrNotExist) {
		return builtin.FileError(c.name, local, err)
	}
	return nil
}

// transferred returns the result of push and pull.
func transferred(out files.Transfer, err error) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	list := func(paths []string) *starlark.List {
		values := make([]starlark.Value, len(paths))
		for i, path := range paths {
			values[i] = starlark.String(path)
		}
		return starlark.NewList(values)
	}
	return starlarkstruct.FromStringDict(starlark.String("FileTransfer"), starlark.StringDict{
		"changed": starlark.Bool(len(out.Paths) > 0), "paths": list(out.Paths), "bytes": starlark.MakeInt64(out.Bytes), "vanished": list(out.Vanished),
	}), nil
}
