package builtin

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Make returns the value of the name; nil for a type.
func (d *Decl) Make() starlark.Value {
	switch {
	case d.Methods:
		return nil
	case d.Value != nil:
		return d.Value()
	case d.Members != nil:
		return d.library()
	case d.Call != nil:
		return d.Function()
	}
	return nil
}

// Function returns the function for scripts.
func (d *Decl) Function() *starlark.Builtin {
	return starlark.NewBuiltin(d.Name, func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (v starlark.Value, err error) {
		err = Of(thread).Guard(func() error {
			c := &Call{Decl: d, Thread: thread, Name: b.Name(), Receiver: b.Receiver(), Args: args, Kwargs: kwargs}
			if err = c.misnamed(); err == nil {
				v, err = d.Call(c)
			}
			return err
		})
		return v, err
	})
}

// misnamed returns the error for a named argument that the function doesn't have, with a suggestion; nil for none. Starlark's own
// such error suggests only the first parameters.
func (c *Call) misnamed() error {
	if len(c.Kwargs) == 0 {
		return nil
	}
	var names []string
	for _, p := range c.Decl.Params {
		switch p.Passing {
		case Keywords:
			return nil
		case ByPosition, Rest:
		default:
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	for _, item := range c.Kwargs {
		name := string(item[0].(starlark.String))
		if slices.ContainsFunc(c.Decl.Params, func(p Param) bool { return p.Name == name && p.Passing != Rest }) {
			continue // the function says if it isn't to be named
		}
		suggestion := ""
		if near := errors.Nearest(name, names); near != "" {
			suggestion = fmt.Sprintf(" (did you mean %s?)", near)
		}
		return c.Errorf("unexpected keyword argument %q%s", name, suggestion)
	}
	return nil
}

// Member returns the declaration of a member of a library, or of a method of a value; nil for an unknown name.
func (d *Decl) Member(name string) *Decl {
	for i := range d.Members {
		if m := &d.Members[i]; strings.TrimPrefix(m.Name, d.Name+".") == name {
			return m
		}
	}
	return nil
}

// library returns the module with the members, without types.
func (d *Decl) library() starlark.Value {
	module := &starlarkstruct.Module{Name: d.Name, Members: make(starlark.StringDict, len(d.Members))}
	for i := range d.Members {
		m := &d.Members[i]
		if v := m.Make(); v != nil {
			module.Members[strings.TrimPrefix(m.Name, d.Name+".")] = v
		}
	}
	if d.Call != nil {
		return callableLibrary{Library{module}, d.Function()}
	}
	return Library{module}
}

// A Library is a module whose error for a member that it lacks has its name.
type Library struct{ *starlarkstruct.Module }

// Attr returns a member.
func (l Library) Attr(name string) (starlark.Value, error) {
	v, err := l.Module.Attr(name)
	if v == nil && err == nil {
		err = starlark.NoSuchAttrError(fmt.Sprintf("%s has no .%s field or method", l.Module.Name, name))
	}
	return v, err
}

// A callableLibrary is a library that is also a function.
type callableLibrary struct {
	Library
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

// Forward returns a Call that calls a function of one of Starlark's libraries, and puts the full name into its errors.
func Forward(module *starlarkstruct.Module, name string) func(*Call) (starlark.Value, error) {
	fn := module.Members[name].(*starlark.Builtin)
	return func(c *Call) (starlark.Value, error) {
		v, err := fn.CallInternal(c.Thread, c.Args, c.Kwargs)
		if err != nil {
			return nil, c.Errorf("%w", &renamed{err, fn.Name() + ": "})
		}
		return v, nil
	}
}

// Parse is like Forward, for a function that parses a string. Errors about the string's content are not mistakes in the
// script, so try_ catches them.
func Parse(module *starlarkstruct.Module, name string) func(*Call) (starlark.Value, error) {
	fn := Forward(module, name)
	return func(c *Call) (starlark.Value, error) {
		variables := make([]any, len(c.Decl.Params))
		for i := range variables {
			variables[i] = new(string)
		}
		if err := c.Unpack(variables...); err != nil {
			return nil, err
		}
		v, err := fn(c)
		if err != nil {
			return nil, errors.New(errors.Base, "%s", strings.Replace(err.Error(), ": for parameter 1: ", ": ", 1))
		}
		return v, nil
	}
}

// Constant returns a Value with a constant of one of Starlark's libraries.
func Constant(module *starlarkstruct.Module, name string) func() starlark.Value {
	return func() starlark.Value { return module.Members[name] }
}

// renamed returns an error with the full name of a function instead of its short name.
type renamed struct {
	err    error
	prefix string
}

func (r *renamed) Error() string { return strings.TrimPrefix(r.err.Error(), r.prefix) }
func (r *renamed) Unwrap() error { return r.err }
