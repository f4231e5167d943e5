package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/owner"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A loading is a file with a running top level, and the load statement for it.
type loading struct {
	file, name string
	by         syntax.Position
}

// load implements the load statement. A module runs once for the Host, and on the loading thread, so that a backtrace shows
// both. The next load of a module that failed tries again, which matters at the prompt.
func (r *run) load(thread *starlark.Thread, module string) (starlark.StringDict, error) {
	by := thread.CallFrame(0).Pos
	path, err := r.host.find(by.Filename(), module)
	if err != nil {
		return nil, err
	}
	file := fileKey(path)
	if globals, ok := r.host.modules[file]; ok {
		return globals, nil
	}
	asked := append(r.loading, loading{file, path, by})
	if cycle := cycleOf(asked); cycle != "" {
		return nil, errors.Plain(cycle)
	}
	text, err := readSource(taskOf(thread).ctx, path)
	if isStop(err) {
		return nil, err
	}
	if err != nil {
		return nil, errors.Plain(err.Error()) // not a UsageError: the loading script runs already
	}
	r.loading = asked
	defer func() { r.loading = r.loading[:len(r.loading)-1] }()
	globals, err := r.host.exec(thread, path, text)
	if err != nil {
		return nil, err
	}
	r.host.modules[file] = globals
	return globals, nil
}

// cycleOf returns a message with the steps by which the last file loads itself; empty if it doesn't.
func cycleOf(files []loading) string {
	last := len(files) - 1
	for i := range last {
		if files[i].file != files[last].file {
			continue
		}
		var steps []string
		for _, l := range files[i+1:] {
			steps = append(steps, fmt.Sprintf("%s loads %s", l.by, l.name))
		}
		return "a cycle: " + strings.Join(steps, ", ")
	}
	return ""
}

// find returns the file for a load statement in the source from. The path is as the user would write it, except if from is
// a symbolic link: its modules are beside the file that the link leads to.
func (h *Host) find(from, module string) (string, error) {
	if module == "" {
		return "", errors.Plain("the name of the file is empty")
	}
	name := filepath.FromSlash(module)
	looked := []string{name}
	if !filepath.IsAbs(name) {
		if real, err := filepath.EvalSymlinks(from); err == nil {
			from = real
		}
		looked[0] = filepath.Join(filepath.Dir(from), name)
		for _, folder := range h.options.LibraryPath {
			looked = append(looked, filepath.Join(folder, name))
		}
	}
	for i, path := range looked {
		if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			if i > 0 && h.options.Warn != nil {
				if warning := owner.Trusted(h.options.LibraryPath[i-1], os.Geteuid()); warning != "" {
					h.options.Warn(warning)
				}
			}
			return path, nil
		}
	}
	return "", fmt.Errorf("no such file: looked for %s", strings.Join(looked, " and "))
}

// fileKey returns the same key for all paths and symbolic links to a file.
func fileKey(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}
