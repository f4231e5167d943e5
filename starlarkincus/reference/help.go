// Package reference writes the help of names and values, for the prompt's help() and for the command doc. Its source are the
// declarations: those of the incus module in package spec, those of all other names in packages host and builtin.
package reference

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Overview writes what there is at all: the text of help() and of a reference's first page.
func Overview(w io.Writer) {
	var t text
	t.para("The names below are available in scripts and at the prompt. help(x) describes a name, a member of it, or a value: " +
		"help(incus.instances), help(incus.instances.launch), help(try_), help(IncusNotFoundError). It also takes a name " +
		`in quotes, which may be that of an object's method: help("instance.exec").`)
	t.clientMembers("incus.")
	var functions [][]string
	var classes []string
	for _, class := range errors.Classes() {
		classes = append(classes, class.Name())
	}
	for _, name := range host.Names() {
		if !slices.Contains(classes, name) && !strings.Contains(name, ".") { // its module tells of that one
			functions = append(functions, []string{name, sentence(host.Declared(name).Help)})
		}
	}
	for _, name := range starlarkincus.BareMethods() {
		functions = append(functions, []string{name, "The same as incus." + name + "."})
	}
	slices.SortFunc(functions, slices.Compare)
	t.table("Functions and values", functions)
	t.heading("Error classes")
	t.indented("  ", strings.Join(classes, " "))
	t.heading("Starlark's own")
	own := slices.DeleteFunc(builtin.NativeNames(), func(name string) bool { return strings.Contains(name, ".") || host.Declared(name) != nil })
	t.indented("  ", strings.Join(own, " "))
	_, _ = io.WriteString(w, printable.Text(t.String()))
}

// Help writes the help of a value. It reads the value's attributes and calls nothing.
func Help(w io.Writer, v starlark.Value) {
	var t text
	switch v := v.(type) {
	case *starlarkincus.Client:
		t.client()
	case *starlarkincus.Collection:
		t.collection(v.Resource())
	case *starlarkincus.Object:
		t.object(v.Resource())
	case *starlarkincus.Method:
		t.method(v.Name(), v.Declaration())
	case *starlark.Function:
		t.function(v)
	case *starlark.Builtin:
		t.builtin(v)
	case *starlarkstruct.Module:
		t.module(v.Name, v)
	default:
		t.value(v)
	}
	_, _ = io.WriteString(w, printable.Text(t.String()))
}

// Tell writes the help of a name, or, of a word that is no name, what tells of it.
func Tell(w io.Writer, name string) error {
	err := HelpName(w, name)
	if err != nil && Search(w, name) {
		return nil
	}
	return err
}

// HelpName writes the help of a name: of what every script has, such as try_ and IncusNotFoundError, of Starlark's own,
// such as len and string.split, and of the incus module's, with or without incus in front: instances,
// instances.create, instance, instance.exec. An unknown one is an error with a suggestion.
func HelpName(w io.Writer, name string) error {
	var t text
	if !t.known(name) && !t.declared(name) {
		message := "there is no help for " + name
		if near := errors.Nearest(strings.TrimPrefix(name, "incus."), suggestions()); near != "" {
			message += fmt.Sprintf(" (did you mean %s?)", near)
		}
		return fmt.Errorf("%s", message)
	}
	_, _ = io.WriteString(w, printable.Text(t.String()))
	return nil
}

// helpNames are the names that HelpName knows, with the words for objects in lower case.
func helpNames() []string {
	names := append(host.Names(), "incus")
	names = append(names, builtin.NativeNames()...)
	for i := range spec.ClientMethods {
		names = append(names, "incus."+spec.ClientMethods[i].Name)
	}
	for _, p := range places() {
		names = append(names, p.names()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// suggestions are the names that may be meant by one that isn't there: nobody asks for help about None.
func suggestions() []string {
	return slices.DeleteFunc(helpNames(), func(name string) bool { return name == "None" || name == "True" || name == "False" })
}

// lookup returns the declaration of a name of the host's, or of Starlark's own; nil for another.
func lookup(name string) *builtin.Decl {
	if d := host.Declared(name); d != nil {
		return d
	}
	return builtin.Native(name)
}

// known writes the help of a name that lookup knows.
func (t *text) known(name string) bool {
	d := lookup(name)
	if d != nil {
		t.prose(d.Text())
	}
	return d != nil
}

// module is something of the host's with members, which has help under its name and theirs under both.
func (t *text) module(name string, m starlark.HasAttrs) {
	if !t.known(name) {
		t.line(name + " (a module)")
	}
	var members [][]string
	for _, member := range m.AttrNames() {
		members = append(members, []string{name + "." + member, sentence(host.Declared(name + "." + member).Help)})
	}
	t.table("Members", members)
}

func (t *text) builtin(b *starlark.Builtin) {
	name := b.Name()
	if recv := b.Receiver(); recv != nil && !strings.Contains(name, ".") {
		name = recv.Type() + "." + name
	}
	if t.known(name) {
		return
	}
	t.line(name + "(…)")
}

// function is a def of the script's own.
func (t *text) function(f *starlark.Function) {
	var params []string
	n := f.NumParams()
	named := n // parameters but for *args and **kwargs, which come last
	if f.HasKwargs() {
		named--
	}
	if f.HasVarargs() {
		named--
	}
	for i := range named {
		name, _ := f.Param(i)
		if i == named-f.NumKwonlyParams() {
			if f.HasVarargs() {
				varargs, _ := f.Param(named)
				name = "*" + varargs + ", " + name
			} else {
				name = "*, " + name
			}
		}
		if v := f.ParamDefault(i); v != nil {
			name += "=" + v.String()
		}
		params = append(params, name)
	}
	if f.HasVarargs() && f.NumKwonlyParams() == 0 {
		name, _ := f.Param(named)
		params = append(params, "*"+name)
	}
	if f.HasKwargs() {
		name, _ := f.Param(n - 1)
		params = append(params, "**"+name)
	}
	t.signature(f.Name(), params)
	if doc := dedent(f.Doc()); doc != "" {
		t.prose(doc)
	}
	t.para("Defined at " + f.Position().String() + ".")
}

// value is any other value: its type, and what it has.
func (t *text) value(v starlark.Value) {
	if class, ok := v.(starlark.Callable); ok && v.Type() == "error_class" {
		t.class(class)
		return
	}
	if fn, ok := v.(starlark.Callable); ok && host.Declared(fn.Name()) != nil {
		if attrs, ok := v.(starlark.HasAttrs); ok {
			t.module(fn.Name(), attrs)
			return
		}
		t.known(fn.Name())
		return
	}
	t.line("a value of type " + v.Type())
	t.known(v.Type())
	if attrs, ok := v.(starlark.HasAttrs); ok {
		var methods [][]string
		var plain []string
		for _, name := range attrs.AttrNames() {
			if own := builtin.Native(v.Type() + "." + name); own != nil {
				methods = append(methods, []string{name + "(" + own.Signature() + ")", own.Help})
			} else {
				plain = append(plain, name)
			}
		}
		t.table("Methods", methods)
		if len(plain) > 0 {
			t.heading("Attributes")
			t.indented("  ", strings.Join(plain, " "))
		}
	}
}

// class is an error class: one of the host's, or a script's own.
func (t *text) class(class starlark.Callable) {
	if t.known(class.Name()) {
		return
	}
	t.signature(class.Name(), []string{"message", "**fields"})
	doc := "A class of errors of the script's own"
	if attrs, ok := class.(starlark.HasAttrs); ok {
		if base, _ := attrs.Attr("base"); base != nil && base != starlark.None {
			doc += " under " + base.String()
		}
	}
	t.para(doc + ".")
}
