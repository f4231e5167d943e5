package starlarkincus

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/files"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// filePool returns the pool of connections to files. Close of the client closes it.
func (c *connection) filePool() (*files.Pool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		pool := files.NewPool(func(ctx context.Context, place string) (io.ReadWriteCloser, error) {
			client, _, err := c.client(ctx)
			if err != nil {
				return nil, err
			}
			path, query, _ := strings.Cut(place, "?")
			values, err := url.ParseQuery(query)
			if err != nil {
				return nil, err
			}
			return client.Connect(ctx, path, values, "sftp")
		}, c.family.options.ReadOnly)
		if err := c.family.add(pool); err != nil {
			return nil, err
		}
		c.files = pool
	}
	return c.files, nil
}

// closeFiles closes the unused connections to files.
func (c *connection) closeFiles() {
	c.mu.Lock()
	pool := c.files
	c.mu.Unlock()
	if pool != nil {
		pool.CloseIdle()
	}
}

// onFiles calls fn with a connection to the files, while other threads run.
func (c *invocation) onFiles(fn func(*files.Call) error) error {
	pool, err := c.ref.client.conn.filePool()
	if err != nil {
		return err
	}
	ctx := c.ctx
	if c.args.has("timeout") {
		limit := c.args.duration("timeout")
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errors.New(errors.Timeout, "%s: it wasn't done within %s", c.name, limit))
		defer cancel()
	}
	place := c.ref.path + "?" + c.ref.query(spec.Get).Encode()
	var call *files.Call
	b := builtin.In(c.ctx)
	b.Block(func() {
		err = pool.Do(ctx, place, c.effect() != spec.Reads, func(f *files.Call) error { call = f; return fn(f) })
	})
	if call != nil && call.Changed() {
		if b.Sent++; err == nil {
			b.Done++
		}
	}
	var local *files.LocalError
	var broken *files.BrokenError
	switch {
	case errors.As(err, &broken):
		err = c.brokenFiles(broken.Err)
	case errors.As(err, &local):
		err = builtin.FileError(c.name, local.Path, local.Err)
	}
	var e *errors.Error
	if !errors.As(err, &e) || c.ctx.Err() != nil {
		return err
	}
	if local != nil {
		e.Outcome = local.Outcome
	} else if e.Method == "" {
		e.Method, e.Path = "GET", c.ref.path
	}
	return e
}

// remotePath returns the value of an argument with a remote path, without slashes at its end. A path to change that ends
// in . or .. is an error, because it may be another folder than the script's author thinks of.
func (c *invocation) remotePath(name string) (string, error) {
	path := c.args.string(name)
	switch {
	case strings.Contains(path, "\x00"):
		return "", fmt.Errorf("%s: %s: it has a zero byte", c.name, name)
	}
	if path = strings.TrimRight(path, "/"); path == "" {
		path = "/"
	}
	if c.effect() != spec.Reads && path != "/" && files.Unnamed(path) {
		return "", fmt.Errorf("%s: %s: %q ends in . or .., which isn't the name of a file to change", c.name, name, c.args.string(name))
	}
	return path, nil
}

// fileAttributes returns the values of the arguments mode, uid and gid.
func (c *invocation) fileAttributes() (a files.Attributes, err error) {
	if mode, ok := c.args.local["mode"].(fs.FileMode); ok {
		a.Mode = &mode
	}
	id := func(name string) *int {
		n, ok := c.args.local[name].(int64)
		if !ok {
			return nil
		}
		if n < 0 || n >= 1<<32-1 {
			err = fmt.Errorf("%s: %s: got %d, want an id from 0 to %d", c.name, name, n, int64(1<<32-2))
		}
		id := int(n)
		return &id
	}
	a.UID, a.GID = id("uid"), id("gid")
	return a, err
}

// notFolder returns an error if the argument path ends with a slash, which only the path of a folder may do.
func (c *invocation) notFolder() error {
	if path := c.args.string("path"); strings.HasSuffix(path, "/") && strings.Trim(path, "/") != "" {
		return fmt.Errorf("%s: path: %q ends with a slash, as only the path of a folder does", c.name, path)
	}
	return nil
}

// onFile calls fn with a connection and the values of the arguments path, mode, uid and gid. With parents=True it first
// creates the missing folders above the path.
func (c *invocation) onFile(fn func(f *files.Call, path string, a files.Attributes) error) error {
	path, err := c.remotePath("path")
	if err != nil {
		return err
	}
	a, err := c.fileAttributes()
	if err != nil {
		return err
	}
	return c.onFiles(func(f *files.Call) error {
		if c.args.flag("parents", false) {
			if err := f.MakeParents(path, a); err != nil {
				return err
			}
		}
		return fn(f, path, a)
	})
}

func readFile(c *invocation) (starlark.Value, error) {
	encoding := value.AutoEncoding
	if c.args.has("encoding") {
		encoding = c.args.string("encoding")
	}
	if err := value.CheckEncoding("encoding", encoding); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := c.notFolder(); err != nil {
		return nil, err
	}
	var data []byte
	err := c.onFile(func(f *files.Call, path string, _ files.Attributes) (err error) {
		data, err = f.ReadFile(path, input.Data)
		return err
	})
	if err != nil {
		return nil, err
	}
	v, err := value.Output(c.args.string("path"), data, encoding)
	if err != nil {
		return nil, errors.New(errors.Base, "%s: %s", c.name, err)
	}
	return v, nil
}

// content returns the argument content.
func (c *invocation) content() []byte {
	data, _ := c.args.local["content"].([]byte)
	return data
}

// fileChanged returns the result of a method that changes one file.
func fileChanged(changed bool, err error) (starlark.Value, error) {
	if err != nil {
		return nil, err
	}
	return starlarkstruct.FromStringDict(starlark.String("FileChange"), starlark.StringDict{"changed": starlark.Bool(changed)}), nil
}

func writeFile(c *invocation) (starlark.Value, error) {
	if err := c.notFolder(); err != nil {
		return nil, err
	}
	changed := false
	err := c.onFile(func(f *files.Call, path string, a files.Attributes) (err error) {
		changed, err = f.Write(path, c.content(), a)
		return err
	})
	return fileChanged(changed, err)
}

func appendFile(c *invocation) (starlark.Value, error) {
	if err := c.notFolder(); err != nil {
		return nil, err
	}
	return starlark.None, c.onFile(func(f *files.Call, path string, a files.Attributes) error {
		return f.Append(path, c.content(), a)
	})
}

// infoValue returns the struct that describes a file.
func infoValue(info files.Info) starlark.Value {
	kind, target := "other", starlark.Value(starlark.None)
	switch info.Mode.Type() {
	case 0:
		kind = "file"
	case fs.ModeDir:
		kind = "directory"
	case fs.ModeSymlink:
		kind = "symlink"
		if info.Target != "" {
			target = starlark.String(info.Target)
		}
	}
	return starlarkstruct.FromStringDict(starlark.String("FileInfo"), starlark.StringDict{
		"path": starlark.String(info.Path), "name": starlark.String(info.Name()), "type": starlark.String(kind),
		"size": starlark.MakeInt64(info.Size), "mode": starlark.MakeInt(value.SystemMode(info.Mode)),
		"uid": starlark.MakeInt(info.UID), "gid": starlark.MakeInt(info.GID), "mtime": startime.Time(info.ModTime), "target": target,
	})
}

func listFiles(c *invocation) (starlark.Value, error) {
	var found []files.Info
	err := c.onFile(func(f *files.Call, path string, _ files.Attributes) (err error) {
		found, err = f.List(path, c.args.flag("recursive", false))
		return err
	})
	if err != nil {
		return nil, err
	}
	values := make([]starlark.Value, len(found))
	for i, info := range found {
		values[i] = infoValue(info)
	}
	return starlark.NewList(values), nil
}

func statFile(c *invocation) (starlark.Value, error) {
	var info files.Info
	err := c.onFile(func(f *files.Call, path string, _ files.Attributes) (err error) {
		info, err = f.Stat(path, c.args.flag("follow", false))
		return err
	})
	if err != nil {
		return nil, err
	}
	return infoValue(info), nil
}

func fileExists(c *invocation) (starlark.Value, error) {
	there := false
	err := c.onFile(func(f *files.Call, path string, _ files.Attributes) error {
		var err error
		there, err = f.Exists(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return starlark.Bool(there), nil
}

func makeFolder(c *invocation) (starlark.Value, error) {
	path, err := c.remotePath("path")
	if err != nil {
		return nil, err
	}
	a, err := c.fileAttributes()
	if err != nil {
		return nil, err
	}
	changed := false
	err = c.onFiles(func(f *files.Call) (err error) {
		changed, err = f.Mkdir(path, c.args.flag("parents", false), a)
		return err
	})
	return fileChanged(changed, err)
}

func makeLink(c *invocation) (starlark.Value, error) {
	target := c.args.string("target")
	if target == "" || strings.Contains(target, "\x00") {
		return nil, fmt.Errorf("%s: target: it is empty or has a zero byte", c.name)
	}
	if err := c.notFolder(); err != nil {
		return nil, err
	}
	changed := false
	err := c.onFile(func(f *files.Call, path string, _ files.Attributes) (err error) {
		changed, err = f.Symlink(target, path)
		return err
	})
	return fileChanged(changed, err)
}

func renameFile(c *invocation) (starlark.Value, error) {
	from, err := c.remotePath("old")
	if err != nil {
		return nil, err
	}
	if from == "/" {
		return nil, fmt.Errorf("%s: old: the root folder can't be renamed", c.name)
	}
	to, err := c.copyPath("new", from)
	if err != nil {
		return nil, err
	}
	return starlark.None, c.onFiles(func(f *files.Call) error { return f.Rename(from, to, c.args.flag("parents", false)) })
}

// copyPath returns the value of an argument with the remote path of a copy of a source, or of the folder for it.
func (c *invocation) copyPath(name, source string) (string, error) {
	if _, err := c.remotePath(name); err != nil {
		return "", err
	}
	path, err := files.Into(source, c.args.string(name))
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.name, err)
	}
	if path = strings.TrimRight(path, "/"); path == "" {
		path = "/"
	}
	return path, nil
}

func deleteFile(c *invocation) (starlark.Value, error) {
	if path := c.args.string("path"); path != "" && strings.Trim(path, "/") == "" {
		return nil, fmt.Errorf("%s: path: the root folder can't be deleted", c.name)
	}
	return starlark.None, c.onFile(func(f *files.Call, path string, _ files.Attributes) error {
		return f.Delete(path, c.args.flag("recursive", false))
	})
}
