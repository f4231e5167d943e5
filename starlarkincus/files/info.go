package files

import (
	"context"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"incus-star/errors"
)

// An Info describes a file.
type Info struct {
	Path     string
	Mode     fs.FileMode // with the type, and the special bits of package fs
	Size     int64
	UID, GID int
	ModTime  time.Time
	Target   string // of a symbolic link
}

// infoOf describes a file. An impossible size, which is negative here, is 0, which means unknown.
func infoOf(path string, info os.FileInfo) Info {
	out := Info{Path: path, Mode: info.Mode(), Size: max(0, info.Size()), ModTime: info.ModTime()}
	if stat, ok := info.Sys().(*sftp.FileStat); ok {
		out.UID, out.GID = int(stat.UID), int(stat.GID)
	}
	return out
}

// Name returns the last part of the path.
func (i Info) Name() string { return path.Base(i.Path) }

func (i Info) isDir() bool     { return i.Mode.IsDir() }
func (i Info) isRegular() bool { return i.Mode.IsRegular() }
func (i Info) isLink() bool    { return i.Mode.Type() == fs.ModeSymlink }

// bits are the permissions and the special bits of a mode.
const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// lstat describes a file without reading the target of a link.
func (c *Call) lstat(path string) (info Info, err error) {
	err = c.ask(path, func(client *sftp.Client) error {
		found, err := client.Lstat(path)
		if err == nil {
			info = infoOf(path, found)
		}
		return err
	})
	return info, err
}

// Stat describes a file. With follow, it describes the target of a symbolic link.
func (c *Call) Stat(path string, follow bool) (info Info, err error) {
	if !follow {
		if info, err = c.lstat(path); err == nil && info.isLink() {
			info.Target, err = c.readLink(path)
		}
		return info, err
	}
	err = c.ask(path, func(client *sftp.Client) error {
		found, err := client.Stat(path)
		if err == nil {
			info = infoOf(path, found)
		}
		return err
	})
	return info, err
}

// Exists reports whether there is a file. A symbolic link counts if its target exists.
func (c *Call) Exists(path string) (bool, error) {
	_, err := c.Stat(path, true)
	var e *errors.Error
	if errors.Is(err, errors.NotFound) || errors.As(err, &e) && strings.HasSuffix(e.Message, ": not a directory") {
		return false, nil
	}
	return err == nil, err
}

func (c *Call) readLink(path string) (target string, err error) {
	err = c.ask(path, func(client *sftp.Client) error {
		target, err = client.ReadLink(path)
		return err
	})
	return target, err
}

// readDir returns the files in a folder, sorted by name, without the targets of links.
func (c *Call) readDir(folder string) ([]Info, error) {
	var found []os.FileInfo
	err := c.ask(folder, func(client *sftp.Client) (err error) {
		found, err = client.ReadDir(folder)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]Info, len(found))
	for i, info := range found {
		out[i] = infoOf(below(folder, info.Name()), info)
	}
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Path, b.Path) })
	for i := range out {
		if i > 0 && out[i].Path == out[i-1].Path {
			return nil, errors.New(errors.Connection, "%s: the server lists the name %q twice", folder, out[i].Name())
		}
	}
	return out, nil
}

// maxListed is the largest number of files in the result of List.
const maxListed = 1_000_000

// List returns the files in a folder, sorted by name. With recursive, each folder is followed by its own files.
func (c *Call) List(folder string, recursive bool) ([]Info, error) {
	out, err := c.list(nil, folder, recursive)
	if err != nil {
		return nil, err
	}
	g := newGroup(c.ctx, workers)
	for i := range out {
		if out[i].isLink() {
			g.start(func(context.Context) (err error) {
				if out[i].Target, err = c.readLink(out[i].Path); errors.Is(err, errors.NotFound) {
					return nil // it has disappeared
				}
				return err
			})
		}
	}
	return out, g.wait()
}

func (c *Call) list(out []Info, folder string, recursive bool) ([]Info, error) {
	found, err := c.readDir(folder)
	if err != nil {
		return nil, err
	}
	if len(out)+len(found) > maxListed {
		return nil, errors.New(errors.Limit, "%s: there are more than %d files", folder, maxListed)
	}
	for _, info := range found {
		out = append(out, info)
		if recursive && info.isDir() {
			inner, err := c.list(out, info.Path, true)
			switch {
			case err == nil:
				out = inner
			case !errors.Is(err, errors.NotFound): // otherwise it has disappeared
				return nil, err
			}
		}
	}
	return out, nil
}

// below returns the path of a name in a folder.
func below(folder, name string) string { return strings.TrimRight(folder, "/") + "/" + name }

// parent returns the folder of a path. It doesn't resolve .. because the part before it may be a link.
func parent(path string) string {
	folder := path[:strings.LastIndexByte(strings.TrimRight(path, "/"), '/')+1]
	if folder = strings.TrimRight(folder, "/"); folder == "" {
		return "/"
	}
	return folder
}

// Unnamed reports whether a path doesn't end in a name: it is the root folder, or ends in . or .., and so may be a
// folder above the one before.
func Unnamed(file string) bool {
	last := path.Base(file)
	return last == "/" || last == "." || last == ".."
}

// maxLinks is the number of symbolic links to follow, as in the Linux kernel.
const maxLinks = 40

// resolve follows the symbolic links at the end of a path. It returns the final path, and its file, or nil if there is
// none.
func (c *Call) resolve(path string) (string, *Info, error) {
	for range maxLinks {
		info, err := c.lstat(path)
		switch {
		case errors.Is(err, errors.NotFound):
			return path, nil, nil
		case err != nil:
			return "", nil, err
		case !info.isLink():
			return path, &info, nil
		}
		target, err := c.readLink(path)
		if err != nil {
			return "", nil, err
		}
		if !strings.HasPrefix(target, "/") {
			target = below(parent(path), target)
		}
		path = target
	}
	return "", nil, errors.NewFile(path, 0, "too many levels of symbolic links")
}
