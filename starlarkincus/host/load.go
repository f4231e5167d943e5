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

// A loading is a file whose top level runs now, and the load statement that asked for it.
type loading struct {
	file, name string
	by         syntax.Position
}

// load is what a load statement calls. A module runs on the loading thread, so that a backtrace shows both, and once
// for the Host; one that failed is tried again by the next load, which matters at the prompt.
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
		return nil, errors.Plain(err.Error()) // no UsageError: the script that loads it has run already
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

// cycleOf says how the last file came to be loaded by itself; empty where it was not.
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

// find gives the file that a load statement in a source called from means. Its path is as the user would write it, but
// for a source that is reached by a symbolic link: what it loads is beside the file that the link leads to.
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

// fileKey tells files apart, whatever path or link they are reached by.
func fileKey(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}
