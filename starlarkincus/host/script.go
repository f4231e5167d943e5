package host

import (
	"context"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A Script is a script after its top level has run, for a Go program that calls its functions. It must not be used after
// the function that RunWith called with it has returned.
type Script struct {
	// Globals are the names that the script assigned to.
	Globals starlark.StringDict

	run    *run
	thread *starlark.Thread
}

// RunWith runs the script in a file, as RunFile does, and calls body before the calls that the script deferred. An error of
// body counts as one of the script. Body runs under the host's lock.
func (h *Host) RunWith(ctx context.Context, path string, body func(*Script) error) error {
	text, err := readSource(ctx, path)
	if err != nil {
		return err
	}
	return h.execute(ctx, func(r *run, thread *starlark.Thread) error {
		r.loading = append(r.loading, loading{file: fileKey(path), name: path})
		file, program, err := h.compile(path, text)
		if err != nil {
			return err
		}
		if helped, err := r.readCommandLine(file, text); helped || err != nil {
			return err
		}
		globals, err := program.Init(thread, r.names)
		if err != nil {
			return err
		}
		return body(&Script{globals, r, thread})
	})
}

// Call calls a function of the script without arguments.
func (s *Script) Call(fn starlark.Callable) error {
	_, err := taskOf(s.thread).callFunction(s.thread, fn, nil, nil)
	return err
}

// Defer defers a call of fn, as a script does with defer(fn).
func (s *Script) Defer(fn starlark.Callable) {
	s.run.left.deferred = append(s.run.left.deferred, deferredCall{fn: fn})
}

// Parse parses a script and resolves its names, without running it. The error is a [*UsageError], a syntax.Error or a
// resolve.ErrorList; with the last it returns the file too.
func (h *Host) Parse(path string, src []byte) (*syntax.File, error) {
	text, err := checkSource(path, src)
	if err != nil {
		return nil, err
	}
	h.sources.Add(path, text)
	options := dialect
	file, err := options.Parse(path, text, 0)
	if err != nil {
		return nil, h.explain(err, nil, h.predeclared)
	}
	if err := resolve.File(file, h.predeclared.Has, starlark.Universe.Has); err != nil {
		return file, h.explain(err, file, h.predeclared)
	}
	return file, nil
}

// Find returns the file for a load statement in the file from.
func (h *Host) Find(from, module string) (string, error) { return h.find(from, module) }
