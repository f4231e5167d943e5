package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

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
// both. At a prompt it runs again if its file, or one that it loads, has changed. The next load of a module that failed tries again, which matters at the prompt.
func (r *run) load(thread *starlark.Thread, module string) (starlark.StringDict, error) {
	by := thread.CallFrame(0).Pos
	path, err := r.host.find(by.Filename(), module)
	if err != nil {
		return nil, err
	}
	file := fileKey(path)
	if n := len(r.loading); n > 0 {
		r.host.loads[r.loading[n-1].file] = append(r.host.loads[r.loading[n-1].file], file)
	}
	again := false
	if m, ok := r.host.modules[file]; ok {
		if again = r.line == nil && r.host.changed(file, nil); !again {
			return m.globals, nil
		}
	}
	asked := append(r.loading, loading{file, path, by})
	if cycle := cycleOf(asked); cycle != "" {
		return nil, errors.Plain(cycle)
	}
	stamp := stampOf(file)
	text, err := readSource(taskOf(thread).ctx, path)
	if isStop(err) {
		return nil, err
	}
	if err != nil {
		return nil, errors.Plain(err.Error()) // not a UsageError: the loading script runs already
	}
	r.host.loads[file] = nil
	r.loading = asked
	defer func() { r.loading = r.loading[:len(r.loading)-1] }()
	globals, err := r.host.exec(thread, path, text)
	if err != nil {
		return nil, err
	}
	r.host.loaded++
	r.host.modules[file] = loadedFile{globals, stamp, r.host.loaded}
	if again {
		r.host.reloads++
		if r.host.options.Reloaded != nil {
			r.host.options.Reloaded(path)
		}
	}
	return globals, nil
}

// Reloads returns the number of files that sessions loaded anew because they had changed.
func (h *Host) Reloads() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reloads
}

// A loadedFile is a module.
type loadedFile struct {
	globals starlark.StringDict
	stamp   stamp // of the file when it was read
	order   int   // greater than that of the files that it loads
}

// A stamp tells a version of a file from another one.
type stamp struct {
	time time.Time
	size int64
}

// stampOf returns the stamp of a file; the zero value if there is none.
func stampOf(file string) stamp {
	info, err := os.Stat(file)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// changed reports whether a loaded file, or one that it loads, has changed since, or was loaded anew. A file that is gone
// hasn't: what was loaded stays.
func (h *Host) changed(file string, seen map[string]bool) bool {
	if seen[file] {
		return false
	}
	if seen == nil {
		seen = make(map[string]bool)
	}
	seen[file] = true
	m, loaded := h.modules[file]
	if now := stampOf(file); !loaded || now != (stamp{}) && now != m.stamp {
		return true
	}
	for _, other := range h.loads[file] {
		if h.changed(other, seen) || h.modules[other].order > m.order {
			return true
		}
	}
	return false
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
