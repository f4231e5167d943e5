// Package builtin describes the names that scripts have: functions, libraries of them, values and types.
//
// One [Decl] says all about a name, whoever offers it: the host, a library, the assertions of tests, the prompt, and
// Starlark itself ([Functions] and [Methods]). Calls, help and check work with the same declaration:
//
//	var sleep = builtin.Decl{
//		Name:    "sleep",
//		Params:  []builtin.Param{builtin.Need("seconds", builtin.Seconds)},
//		Returns: builtin.None,
//		Help:    "Waits that many seconds.",
//		Call:    func(c *builtin.Call) (starlark.Value, error) { … c.Unpack(&seconds) … },
//	}
//
// Parameters and the result are data. A [Param] has a name, a [Type], its default as a script would write it, and a
// [Passing]: how it is given. A Type is a set of Starlark's types, and of lists and the like those of the elements;
// [Type.Allows] reports whether a parameter may be given a value of one.
package builtin

import (
	"fmt"
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// A Decl declares a name. Exactly one of Call, Value and Members says what it stands for, but that a library, which has
// Members, may be called too, and that the Members of a Value are its methods. One that has none of them is a type,
// known by its help only, or a function of Starlark's own.
type Decl struct {
	Name    string // as a script writes it; a member's without its library's
	Params  []Param
	Usage   string // the parameters in help, where a list of them can't say it
	Loose   bool   // which parameters are required depends on the others
	Returns Type   // 0 for any value
	Help    string // for a person at the prompt
	Call    func(*Call) (starlark.Value, error)
	Value   func() starlark.Value
	Members []Decl

	native bool // a function of Starlark's own
}

// A Passing is the way in which a parameter is given.
type Passing int

const (
	Either     Passing = iota // by its position or by its name
	ByPosition                // by its position only
	ByName                    // by its name only
	Rest                      // any further arguments without a name: *args
	Keywords                  // any further arguments with a name: **kwargs
)

// A Param is a parameter of a function.
type Param struct {
	Name     string
	Type     Type
	Default  string // as a script would write it; empty for none that can be written
	Required bool
	Passing  Passing
}

// Need returns a required parameter.
func Need(name string, t Type) Param { return Param{Name: name, Type: t, Required: true} }

// Opt returns an optional parameter.
func Opt(name string, t Type, value string) Param { return Param{Name: name, Type: t, Default: value} }

// Key returns an optional parameter that is given by its name only.
func Key(name string, t Type, value string) Param {
	return Param{Name: name, Type: t, Default: value, Passing: ByName}
}

// Args returns the parameter for any further arguments without a name.
func Args(name string, t Type) Param { return Param{Name: name, Type: t, Passing: Rest} }

// KwArgs returns the parameter for any further arguments with a name.
func KwArgs(name string, t Type) Param { return Param{Name: name, Type: t, Passing: Keywords} }

// String returns the parameter as a script's def would write it.
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

// Signature returns the parameters as help shows them, between the parentheses of a call.
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

// Callable reports whether the name is a function, or a library that is one too.
func (d *Decl) Callable() bool { return d.Call != nil || d.native }

// Title returns the name, as a call with the parameters where it can be called.
func (d *Decl) Title() string {
	if d.Callable() {
		return d.Name + "(" + d.Signature() + ")"
	}
	return d.Name
}

// Text returns the help under its title.
func (d *Decl) Text() string { return d.Title() + "\n\n" + d.Help }

// A Call is a script's call of a function.
type Call struct {
	Decl   *Decl
	Thread *starlark.Thread
	Name   string // of the function, in full
	Args   starlark.Tuple
	Kwargs []starlark.Tuple
}

// Unpack sets one variable for each parameter of the declaration, in its order, from the call's arguments. Those of
// optional parameters keep their values where there is no argument. Parameters for any further arguments have no
// variable.
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

// BadData returns an error about the data that a script was given to work on, which try_ holds.
func (c *Call) BadData(format string, args ...any) error {
	return errors.New(errors.Base, c.Name+": "+format, args...)
}

// Data returns an argument that is a string or bytes.
func (c *Call) Data(name string, v starlark.Value) (string, error) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), nil
	case starlark.Bytes:
		return string(v), nil
	}
	return "", c.Errorf("%s is %s, want a string or bytes", name, Described(v))
}
