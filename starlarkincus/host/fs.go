package host

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/value"

	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

var fsDecl = builtin.Decl{
	Name: "fs",
	Help: `Local files and folders, beside read_file and write_file. Paths are relative to the working directory.

    for f in fs.list("backups"):
        if f.type == "file" and time.now() - f.mtime > 7 * 24 * time.hour:
            fs.remove(f.path)

A failure raises an Error, as in read_file, with path and missing. Under --read-only, functions that change files fail.`,
	Members: []builtin.Decl{{
		Name: "fs.list", Params: []builtin.Param{builtin.Opt("path", builtin.String, `"."`).As(builtin.Path), builtin.Opt("recursive", builtin.Bool, "False")},
		Returns: builtin.List.Of(builtin.Struct), Help: `Returns the files and folders in a folder, sorted by name, as structs like those of stat, whose type is "file",
"directory" (a folder), "symlink" or "other". recursive=True adds those in the folders
below, each after its folder. Symbolic links are not followed.`,
		Call: onTask(listFolder),
	}, {
		Name: "fs.stat", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path), builtin.Opt("follow", builtin.Bool, "False")},
		Returns: builtin.Struct, Help: `Returns a struct that describes a file or folder.

path    as it was given, in a list with the folder's in front
name    the last part of the path
type    "file", "directory" (a folder), "symlink" or "other"
size    in bytes
mode    the permissions, such as 0o644
mtime   the time of the last change, a time and not a string
target  the path in a symbolic link; None in others

follow=True returns what a symbolic link points at.`,
		Call: onTask(stat),
	}, {
		Name: "fs.exists", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path)},
		Returns: builtin.Bool, Help: `Reports whether there is a file or folder. A symbolic link counts if what it points at is there.`,
		Call: onTask(exists),
	}, {
		Name: "fs.mkdir", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path), builtin.Opt("parents", builtin.Bool, "False"), builtin.Opt("mode", builtin.Int|builtin.None, "None")},
		Returns: builtin.None, Help: `Makes a folder. parents=True also makes those above it, and is content with a folder that exists. mode sets the
permissions of a new folder; the default is 0o755 less the umask.`,
		Call: onTask(makeFolder),
	}, {
		Name: "fs.rename", Params: []builtin.Param{builtin.Need("old", builtin.String).As(builtin.Path), builtin.Need("new", builtin.String).As(builtin.Path)},
		Returns: builtin.None, Help: `Renames or moves a file, folder or symbolic link, at once, within one file system. It replaces a file or link with the new path;
a folder there is an error. With a slash at its end, new is the folder to move it to.`,
		Call: onTask(renamePath),
	}, {
		Name: "fs.remove", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path), builtin.Opt("recursive", builtin.Bool, "False")},
		Returns: builtin.None, Help: `Removes a file, an empty folder or a symbolic link, but never the target of a link. recursive=True also
removes the content of a folder. The root folder and paths that are empty, or end in . or .., are refused.`,
		Call: onTask(remove),
	}, {
		Name:    "fs.temp_dir",
		Returns: builtin.String, Help: `Makes a folder for temporary files, for this user only, and returns its path. Clean-up removes it at the script's end,
after all deferred calls, also after an error, a timeout, Ctrl-C or exit(), but not if a second Ctrl-C ends clean-up; at the prompt it does so at the
prompt's end.`,
		Call: onTask(makeTemporary),
	}, {
		Name: "fs.glob", Params: []builtin.Param{builtin.Need("pattern", builtin.String).As(builtin.Path)},
		Returns: builtin.List.Of(builtin.String), Help: `Returns the paths that match a pattern, sorted: fs.glob("conf/*.yaml"). * stands for any letters, ? for one, [a-z] for one
of those; none of them for a slash, nor for a dot at the beginning of a name. A part ** stands for any number of folders, also none, without
following symbolic links: fs.glob("conf/**/*.yaml"). At the end of a pattern it stands for everything below. \ takes away the meaning of what follows it, as escape does for all of a path.`,
		Call: onTask(glob),
	}, {
		Name: "fs.escape", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path)},
		Returns: builtin.String, Help: `Returns the pattern that matches just this path, for glob: fs.glob(fs.escape(folder) + "/*.yaml").`,
		Call: ofPath(escape),
	}, {
		Name: "fs.join", Params: []builtin.Param{builtin.Args("parts", builtin.String)},
		Returns: builtin.String, Help: `Joins parts to a path: fs.join("a", "b/", "../c") is "a/c". Empty parts are left out.`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			parts := make([]string, len(c.Args))
			for i, arg := range c.Args {
				var ok bool
				if parts[i], ok = starlark.AsString(arg); !ok {
					return nil, c.Errorf("part %d is %s, want a string", i+1, builtin.Described(arg))
				}
			}
			return starlark.String(filepath.Join(parts...)), nil
		},
	}, {
		Name: "fs.base", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path)},
		Returns: builtin.String, Help: `Returns the last part of a path: fs.base("a/b.txt") is "b.txt".`,
		Call: ofPath(filepath.Base),
	}, {
		Name: "fs.dir", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path)},
		Returns: builtin.String, Help: `Returns a path without its last part: fs.dir("a/b.txt") is "a".`,
		Call: ofPath(filepath.Dir),
	}, {
		Name: "fs.ext", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path)},
		Returns: builtin.String, Help: `Returns the end of a path's last part from its last dot on: fs.ext("a/b.txt") is ".txt"; "" if there is no dot.`,
		Call: ofPath(filepath.Ext),
	}, {
		Name: "fs.abs", Params: []builtin.Param{builtin.Need("path", builtin.String).As(builtin.Path)},
		Returns: builtin.String, Help: `Returns a path from the root folder on, without . and ..: fs.abs(".") is the working folder, to which other paths are relative.`,
		Call: absolute,
	}},
}

// ofPath returns the Call of a function of a path, without I/O.
func ofPath(fn func(string) string) func(*builtin.Call) (starlark.Value, error) {
	return func(c *builtin.Call) (starlark.Value, error) {
		var path string
		if err := c.Unpack(&path); err != nil {
			return nil, err
		}
		return starlark.String(fn(path)), nil
	}
}

// onFiles runs work on files, and returns its error for the script, about the path in the error or the given one.
func onFiles[T any](c *invocation, path string, work func() (T, error)) (T, error) {
	v, err := interruptible(c, work)
	if err != nil && !c.uncatchable(err) {
		err = c.fileError(pathOf(err, path), err)
	}
	return v, err
}

// changes returns an error under --read-only. What is the participle for the message, such as "written".
func (c *invocation) changes(path, what string) error {
	if c.host().options.ReadOnly {
		return builtin.ReadOnlyFile(c.Name, path, what)
	}
	return nil
}

// A fileInfo describes a file.
type fileInfo struct {
	path, target string
	fs.FileInfo
}

func lookAt(path string, follow bool) (fileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && follow {
		info, err = os.Stat(path)
	}
	f := fileInfo{path: path, FileInfo: info}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		f.target, err = os.Readlink(path)
	}
	return f, err
}

// value returns the struct for the script.
func (f fileInfo) value() starlark.Value {
	kind := "other"
	target := starlark.Value(starlark.None)
	switch f.Mode().Type() {
	case 0:
		kind = "file"
	case fs.ModeDir:
		kind = "directory"
	case fs.ModeSymlink:
		kind, target = "symlink", starlark.String(f.target)
	}
	return starlarkstruct.FromStringDict(starlark.String("FileInfo"), starlark.StringDict{
		"path": starlark.String(f.path), "name": starlark.String(filepath.Base(f.path)), "type": starlark.String(kind),
		"size": starlark.MakeInt64(f.Size()), "mode": starlark.MakeInt(value.SystemMode(f.Mode())), "mtime": startime.Time(f.ModTime()), "target": target,
	})
}

func stat(c *invocation) (starlark.Value, error) {
	var path string
	var follow bool
	if err := c.Unpack(&path, &follow); err != nil {
		return nil, err
	}
	f, err := onFiles(c, path, func() (fileInfo, error) { return lookAt(path, follow) })
	if err != nil {
		return nil, err
	}
	return f.value(), nil
}

func exists(c *invocation) (starlark.Value, error) {
	var path string
	if err := c.Unpack(&path); err != nil {
		return nil, err
	}
	there, err := onFiles(c, path, func() (bool, error) {
		_, err := os.Stat(path)
		if isMissing(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	return starlark.Bool(there), nil
}

// maxListed is the largest number of results of list and glob.
const maxListed = 1_000_000

var errTooMany = errors.Plain("there are more than " + printable.Count(maxListed))

func listFolder(c *invocation) (starlark.Value, error) {
	path := "."
	var recursive bool
	if err := c.Unpack(&path, &recursive); err != nil {
		return nil, err
	}
	files, err := onFiles(c, path, func() ([]fileInfo, error) { return list(c.ctx, nil, path, recursive) })
	if err != nil {
		return nil, err
	}
	values := make([]starlark.Value, len(files))
	for i, f := range files {
		values[i] = f.value()
	}
	return starlark.NewList(values), nil
}

// list appends the files in a folder. It ignores files that disappear meanwhile.
func list(ctx context.Context, files []fileInfo, folder string, recursive bool) ([]fileInfo, error) {
	if ctx.Err() != nil {
		return nil, causeOf(ctx)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		f, err := lookAt(path, false)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		case len(files) == maxListed:
			return nil, &fs.PathError{Op: "list", Path: folder, Err: errTooMany}
		}
		files = append(files, f)
		if recursive && f.IsDir() {
			below, err := list(ctx, files, path, true)
			switch {
			case err == nil:
				files = below
			case !errors.Is(err, fs.ErrNotExist):
				return nil, err
			}
		}
	}
	return files, nil
}

func glob(c *invocation) (starlark.Value, error) {
	var pattern string
	if err := c.Unpack(&pattern); err != nil {
		return nil, err
	}
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, c.Errorf("pattern is %s, in which a bracket or a \\ has no end", builtin.Described(starlark.String(pattern)))
	}
	parts := slices.CompactFunc(strings.Split(pattern, "/"), func(a, b string) bool { return a == "**" && b == "**" })
	paths, err := onFiles(c, pattern, func() ([]string, error) { return match(c.ctx, nil, "", parts) })
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	return stringList(slices.Compact(paths)), nil
}

// special are the characters with a meaning in a pattern.
const special = `*?[\`

// escape returns a path with a \ before each special character.
func escape(path string) string {
	var out strings.Builder
	for i := range len(path) {
		if strings.IndexByte(special, path[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(path[i])
	}
	return out.String()
}

// match appends the paths that consist of a prefix and matches of the parts of a pattern.
func match(ctx context.Context, paths []string, prefix string, parts []string) (_ []string, err error) {
	if ctx.Err() != nil {
		return nil, causeOf(ctx)
	}
	if len(parts) == 0 {
		if len(paths) == maxListed {
			return nil, &fs.PathError{Op: "glob", Path: prefix, Err: errTooMany}
		}
		return append(paths, prefix), nil
	}
	part, rest := parts[0], parts[1:]
	slash := "/"
	if len(rest) == 0 {
		slash = ""
	}
	if part == "**" {
		if slash == "" { // everything below
			rest = []string{"*"}
		}
		return matchBelow(ctx, paths, prefix, rest)
	}
	if !strings.ContainsAny(part, special) {
		if part != "" { // as in /a or a//b, or at the end
			if _, err := os.Lstat(prefix + part + slash); err != nil {
				return paths, unlessMissing(err)
			}
		}
		if prefix+part+slash == "" {
			return paths, nil
		}
		return match(ctx, paths, prefix+part+slash, rest)
	}
	folder := prefix
	if folder == "" {
		folder = "."
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return paths, unlessMissing(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if matched, _ := filepath.Match(part, name); !matched || name[0] == '.' && strings.TrimPrefix(part, `\`)[0] != '.' {
			continue
		}
		if slash != "" {
			if info, err := os.Stat(prefix + name); err != nil || !info.IsDir() {
				continue
			}
		}
		if paths, err = match(ctx, paths, prefix+name+slash, rest); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// matchBelow appends the matches of the parts in a folder and in all folders below it but the hidden ones.
func matchBelow(ctx context.Context, paths []string, prefix string, parts []string) ([]string, error) {
	paths, err := match(ctx, paths, prefix, parts)
	if err != nil {
		return nil, err
	}
	folder := prefix
	if folder == "" {
		folder = "."
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return paths, unlessMissing(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() && name[0] != '.' {
			if paths, err = matchBelow(ctx, paths, prefix+name+"/", parts); err != nil {
				return nil, err
			}
		}
	}
	return paths, nil
}

// isMissing reports whether an error means that the path doesn't exist.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFolder)
}

func unlessMissing(err error) error {
	if isMissing(err) {
		return nil
	}
	return err
}
