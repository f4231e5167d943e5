// Package builtin declares the names available to scripts: functions, libraries, values and types.
//
// Each name has one [Decl], be it a name of the host, a library, the assertions of tests, the prompt, or Starlark
// itself ([Native]). Calls, help and check use the same declaration:
//
//	var sleep = builtin.Decl{
//		Name:    "sleep",
//		Params:  []builtin.Param{builtin.Need("seconds", builtin.Seconds)},
//		Returns: builtin.None,
//		Help:    "Pauses the script for a number of seconds.",
//		Call:    func(c *builtin.Call) (starlark.Value, error) { … c.Unpack(&seconds) … },
//	}
//
// Parameters and results are data. A [Param] has a name, a [Type], a default as Starlark source, and a [Passing]: by
// position, by name, or both. A Type is a set of Starlark's types, with the element types of collections; [Type.Allows]
// reports whether a parameter accepts a value of another type.
package builtin

import (
	"fmt"
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// A Decl declares a name. Call is set for a function, Value for a value, whose methods are the Members, Methods for a type, whose
// values have the Members as methods, and only Members for
// a library, which may have Call too. With none of them, it declares a type, which only has help, or a function of
// Starlark itself.
type Decl struct {
	Name    string // name in scripts; for a member of a library, its full name
	Params  []Param
	Usage   string // if set, the parameters as help prints them, instead of Params
	Loose   bool   // required parameters depend on other arguments
	Returns Type   // 0 for any value
	Help    string // for a person at the prompt
	Call    func(*Call) (starlark.Value, error)
	Value   func() starlark.Value
	Members []Decl
	Methods bool

	native bool // a function of Starlark itself
}

// A Passing is the way to pass an argument.
type Passing int

const (
	Either     Passing = iota // by position or by name
	ByPosition                // by position only
	ByName                    // by name only
	Rest                      // all other positional arguments: *args
	Keywords                  // all other named arguments: **kwargs
)

// A Param is a parameter of a function.
type Param struct {
	Name     string
	Type     Type
	Default  string // Starlark source; empty if there is none
	Required bool
	Passing  Passing
	Holds    Content
	Values   []string // of a string: all values that the function accepts
	Most     int      // of an int: the highest one that the function accepts; 0 for no limit
}

// Among returns the parameter as one that accepts these strings only.
func (p Param) Among(values ...string) Param {
	p.Values = values
	return p
}

// UpTo returns the parameter as one that accepts no higher int.
func (p Param) UpTo(most int) Param {
	p.Most = most
	return p
}

// A Content is the meaning of a parameter's strings, for completion.
type Content int

const (
	AnyText  Content = iota
	Path             // path of a local file
	Program          // a command and its arguments
	Variable         // name of an environment variable
	Remote           // name of a remote of the incus command
)

// As returns the parameter with the meaning of its strings.
func (p Param) As(c Content) Param {
	p.Holds = c
	return p
}

// Need returns a required parameter.
func Need(name string, t Type) Param { return Param{Name: name, Type: t, Required: true} }

// Opt returns an optional parameter.
func Opt(name string, t Type, value string) Param { return Param{Name: name, Type: t, Default: value} }

// Pos returns a required parameter that is passed by position only, as most of Starlark's own are.
func Pos(name string, t Type) Param {
	return Param{Name: name, Type: t, Required: true, Passing: ByPosition}
}

// OptPos returns an optional parameter that is passed by position only.
func OptPos(name string, t Type, value string) Param {
	return Param{Name: name, Type: t, Default: value, Passing: ByPosition}
}

// Key returns an optional parameter that is passed by name only.
func Key(name string, t Type, value string) Param {
	return Param{Name: name, Type: t, Default: value, Passing: ByName}
}

// Args returns the parameter for all other positional arguments.
func Args(name string, t Type) Param { return Param{Name: name, Type: t, Passing: Rest} }

// KwArgs returns the parameter for all other named arguments.
func KwArgs(name string, t Type) Param { return Param{Name: name, Type: t, Passing: Keywords} }

// String returns the parameter in the syntax of a def.
func (p Param) String() string {
	switch {
	case p.Passing == Rest:
		return "*" + p.Name
	case p.Passing == Keywords:
		return "**" + p.Name
	case p.Default != "" || p.Passing == ByName && !p.Required:
		return p.Name + "=" + p.Default
	}
	return p.Name
}

// Signature returns the parameters for help, without the parentheses.
func (d *Decl) Signature() string {
	if d.Usage != "" {
		return d.Usage
	}
	params := make([]string, len(d.Params))
	for i, p := range d.Params {
		params[i] = p.String()
	}
	return strings.Join(params, ", ")
}

// Callable reports whether the name is a function, or a library that is also a function.
func (d *Decl) Callable() bool { return d.Call != nil || d.native }

// title returns the name, with the parameters in parentheses if it is callable.
func (d *Decl) title() string {
	if d.Callable() {
		return d.Name + "(" + d.Signature() + ")"
	}
	return d.Name
}

// Text returns the title and the help.
func (d *Decl) Text() string { return d.title() + "\n\n" + d.Help }

// A Call is a script's call of a function.
type Call struct {
	Decl     *Decl
	Thread   *starlark.Thread
	Name     string         // full name of the function
	Receiver starlark.Value // of a method; nil for a function
	Args     starlark.Tuple
	Kwargs   []starlark.Tuple
}

// Unpack sets one variable for each parameter of the declaration, in order, from the call's arguments. The variable of
// a missing optional argument keeps its value. The parameters *args and **kwargs have no variables.
func (c *Call) Unpack(variables ...any) error {
	var pairs []any
	for _, p := range c.Decl.Params {
		switch {
		case p.Passing == Rest || p.Passing == Keywords:
			continue
		case len(pairs) == 2*len(variables):
			panic(fmt.Sprintf("%s: no variable for the parameter %s", c.Name, p.Name))
		}
		name := p.Name
		if !p.Required {
			name += "?"
		}
		pairs = append(pairs, name, variables[len(pairs)/2])
	}
	if len(pairs) != 2*len(variables) {
		panic(fmt.Sprintf("%s: %d variables for %d parameters", c.Name, len(variables), len(pairs)/2))
	}
	return starlark.UnpackArgs(c.Name, c.Args, c.Kwargs, pairs...)
}

// Errorf returns an error that starts with the function's name.
func (c *Call) Errorf(format string, args ...any) error {
	return fmt.Errorf(c.Name+": "+format, args...)
}

// BadData returns an error about data that the script processes, which try_ catches.
func (c *Call) BadData(format string, args ...any) error {
	return errors.New(errors.Base, c.Name+": "+format, args...)
}

// Data returns the content of a string or bytes argument.
func (c *Call) Data(name string, v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), nil
	case starlark.Bytes:
		return string(v), nil
	}
	return "", c.Errorf("%s is %s, want a string or bytes", name, Described(v))
}
