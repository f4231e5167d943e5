package host

import (
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// library is the module of a definition's members; types among them are known by their help only.
func (d *definition) library(h *Host) starlark.Value {
	module := &starlarkstruct.Module{Name: d.name, Members: make(starlark.StringDict, len(d.members))}
	for i := range d.members {
		m := &d.members[i]
		if v := m.make(h); v != nil {
			module.Members[strings.TrimPrefix(m.name, d.name+".")] = v
		}
	}
	if d.call != nil {
		return callableLibrary{module, starlark.NewBuiltin(d.name, d.invoke)}
	}
	return module
}

// A callableLibrary is a library that is a function too.
type callableLibrary struct {
	*starlarkstruct.Module
	fn *starlark.Builtin
}

var (
	_ starlark.Callable = callableLibrary{}
	_ starlark.HasAttrs = callableLibrary{}
)

func (l callableLibrary) Name() string { return l.fn.Name() }

func (l callableLibrary) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return l.fn.CallInternal(thread, args, kwargs)
}

// of is a function of one of Starlark's own libraries. Its errors get its full name in place of its own.
func of(module *starlarkstruct.Module, name string) func(*call) (starlark.Value, error) {
	fn := module.Members[name].(*starlark.Builtin)
	return func(c *call) (starlark.Value, error) {
		v, err := fn.CallInternal(c.thread, c.args, c.kwargs)
		if err != nil {
			return nil, c.errorf("%w", &renamed{err, fn.Name() + ": "})
		}
		return v, nil
	}
}

// parsing is of, for a function whose parameters are strings, the first a text from outside. That the text can't be
// read is no mistake in the script: such an error is one that try_ holds.
func parsing(module *starlarkstruct.Module, name string, params ...string) func(*call) (starlark.Value, error) {
	fn := of(module, name)
	return func(c *call) (starlark.Value, error) {
		var pairs []any
		for _, param := range params {
			pairs = append(pairs, param, new(string))
		}
		if err := c.unpack(pairs...); err != nil {
			return nil, err
		}
		v, err := fn(c)
		if err != nil {
			return nil, errors.New(errors.Base, "%s", strings.Replace(err.Error(), ": for parameter 1: ", ": ", 1))
		}
		return v, nil
	}
}

// constant is a value of one of Starlark's own libraries.
func constant(module *starlarkstruct.Module, name string) func(*Host) starlark.Value {
	return func(*Host) starlark.Value { return module.Members[name] }
}

// renamed is an error without the short name of a function in front.
type renamed struct {
	err    error
	prefix string
}

func (r *renamed) Error() string { return strings.TrimPrefix(r.err.Error(), r.prefix) }
func (r *renamed) Unwrap() error { return r.err }

// badData is an error about what a script was given to work on, which try_ holds.
func (c *call) badData(format string, args ...any) error {
	return errors.New(errors.Base, c.name+": "+format, args...)
}

// data is an argument that is a string or bytes.
func (c *call) data(name string, v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), nil
	case starlark.Bytes:
		return string(v), nil
	}
	return "", c.errorf("%s is %s, want a string or bytes", name, described(v))
}

// apart runs work that may wait for long and can't be told to stop, such as reading a pipe, and goes on without it when
// the thread's context ends.
func apart[T any](c *call, work func() (T, error)) (v T, err error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := work()
		done <- outcome{v, err}
	}()
	c.host().block(func() {
		select {
		case o := <-done:
			v, err = o.v, o.err
		case <-c.ctx.Done():
			err = causeOf(c.ctx)
		}
	})
	return v, err
}
