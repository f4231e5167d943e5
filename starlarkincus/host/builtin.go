package host

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"

	"go.starlark.net/starlark"
)

// A definition is a name that every script has: what it does when called, or the value that it stands for, and its
// help. One with neither is a type, known by its help only. One with members is a library, which may be called too,
// unless it has a value: then the members are that value's methods.
type definition struct {
	name    string
	params  string // as a script would write them; for functions
	help    string // for a person at the prompt
	call    func(*call) (starlark.Value, error)
	value   func(*Host) starlark.Value
	members []definition
}

var definitions = make(map[string]*definition)

// replaced are names of Starlark's own that the host gives more to.
var replaced = map[string]bool{"print": true, "fail": true, "hash": true}

// register adds names that every Host gives its scripts, and under library.member what libraries have. It panics on one
// that exists.
func register(table []definition) {
	for _, d := range table {
		if definitions[d.name] != nil || starlark.Universe.Has(d.name) && !replaced[d.name] {
			panic(fmt.Sprintf("host: the name %s is registered twice", d.name))
		}
		definitions[d.name] = &d
		for i := range d.members {
			d.members[i].name = d.name + "." + d.members[i].name
		}
		register(d.members)
	}
}

// A call is a script's call of one of the host's functions.
type call struct {
	*task
	thread *starlark.Thread
	name   string
	args   starlark.Tuple
	kwargs []starlark.Tuple
}

func (c *call) host() *Host { return c.run.host }

// unpack is starlark.UnpackArgs with the function's name.
func (c *call) unpack(pairs ...any) error {
	return starlark.UnpackArgs(c.name, c.args, c.kwargs, pairs...)
}

// errorf is an error that starts with the function's name.
func (c *call) errorf(format string, args ...any) error {
	return fmt.Errorf(c.name+": "+format, args...)
}

// names are what every script of the host has: the definitions and the error classes.
func (h *Host) names() starlark.StringDict {
	names := make(starlark.StringDict)
	for _, class := range errors.Classes() {
		names[class.Name()] = classValue{class}
	}
	for _, name := range preallocating {
		names[name] = bounded(name)
	}
	names["range"] = starlark.NewBuiltin("range", makeRange)
	for name, d := range definitions {
		if names.Has(name) {
			panic(fmt.Sprintf("host: the name %s is registered twice", name))
		}
		if v := d.make(h); v != nil && !strings.Contains(name, ".") {
			names[name] = v
		}
	}
	return names
}

// make is the value that a definition gives a host's scripts; nil for a type.
func (d *definition) make(h *Host) starlark.Value {
	switch {
	case d.value != nil:
		return d.value(h)
	case d.members != nil:
		return d.library(h)
	case d.call != nil:
		return starlark.NewBuiltin(d.name, d.invoke)
	}
	return nil
}

func (d *definition) invoke(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (v starlark.Value, err error) {
	t := taskOf(thread)
	if t == nil {
		return nil, fmt.Errorf("%s: called outside of a script", b.Name())
	}
	err = t.guard(func() error {
		v, err = d.call(&call{t, thread, b.Name(), args, kwargs})
		return err
	})
	return v, err
}

// Help is what there is to say about a name that scripts have, such as print or re.search, for a person at the prompt;
// empty for an unknown name.
func Help(name string) string {
	if d := definitions[name]; d != nil {
		title := name
		if d.call != nil {
			title += "(" + d.params + ")"
		}
		return title + "\n\n" + d.help
	}
	for _, class := range errors.Classes() {
		if class.Name() == name {
			return classHelp(class)
		}
	}
	return ""
}

// HelpNames lists, sorted, the names that Help knows.
func HelpNames() []string {
	var names []string
	for name := range definitions {
		names = append(names, name)
	}
	for _, class := range errors.Classes() {
		names = append(names, class.Name())
	}
	slices.Sort(names)
	return names
}

func classHelp(class *errors.Class) string {
	var above []string
	for base := class.Base(); base != nil; base = base.Base() {
		above = append(above, base.Name())
	}
	text := class.Name() + "(message, **fields)\n\n" + class.Doc()
	if above != nil {
		text += "\n\nA class of errors under " + strings.Join(above, ", ") + "."
	}
	return text
}
