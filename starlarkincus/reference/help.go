// Package reference writes the help of names and values, for the prompt's help() and the command doc.
//
// Its sources are declarations: of the incus module those of package spec, of all other names those that [New] is
// given.
package reference

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// A Reference knows the names that scripts have.
type Reference struct {
	declared map[string]*builtin.Decl
	bare     []string
	found    func() []named // all names that a search may find
}

// New returns a reference of the incus module, Starlark's own names and the declared ones: functions, error classes,
// libraries and their members. Bare are methods of the client that scripts may call without incus in front.
func New(declared map[string]*builtin.Decl, bare []string) *Reference {
	r := &Reference{declared: declared, bare: bare}
	r.found = sync.OnceValue(r.searched)
	return r
}

func (r *Reference) text() *text { return &text{ref: r} }

// names returns the declared names, sorted.
func (r *Reference) names() []string { return slices.Sorted(maps.Keys(r.declared)) }

// lookup returns the declaration of a declared name, or of Starlark's own; nil for another.
func (r *Reference) lookup(name string) *builtin.Decl {
	if d := r.declared[name]; d != nil {
		return d
	}
	return builtin.Native(name)
}

// Overview writes the list of all names: the text of help() without an argument.
func (r *Reference) Overview(w io.Writer) {
	t := r.text()
	t.para("The names below are available in scripts and at the prompt. help(x) describes a name, a member of it, or a value: " +
		"help(incus.instances), help(incus.instances.launch), help(try_), help(IncusNotFoundError). It also takes a name " +
		`in quotes, which may be that of an object's method: help("instance.exec").`)
	t.clientMembers("incus.")
	var functions [][]string
	var classes []string
	for _, class := range errors.Classes() {
		classes = append(classes, class.Name())
	}
	for _, name := range r.names() {
		if !slices.Contains(classes, name) && !strings.Contains(name, ".") { // members stand below their module
			functions = append(functions, []string{name, sentence(r.declared[name].Help)})
		}
	}
	for _, name := range r.bare {
		functions = append(functions, []string{name, "The same as incus." + name + "."})
	}
	slices.SortFunc(functions, slices.Compare)
	t.table("Functions and values", functions)
	t.heading("Error classes")
	t.indented("  ", strings.Join(classes, " "))
	t.heading("Starlark's own")
	own := slices.DeleteFunc(builtin.NativeNames(), func(name string) bool { return strings.Contains(name, ".") || r.declared[name] != nil })
	t.indented("  ", strings.Join(own, " "))
	t.print(w)
}

// The values of the incus module, by the methods that return their declarations.
type (
	incusMethod interface {
		Name() string
		Declaration() *spec.Method
	}
	incusCollection interface {
		Name() string
		Resource() *spec.Resource
	}
	incusObject interface {
		Resource() *spec.Resource
	}
)

// incusClient is the type of a client in scripts.
const incusClient = "incus"

// Help writes the help of a value. It reads the value's attributes and calls nothing.
func (r *Reference) Help(w io.Writer, v starlark.Value) {
	t := r.text()
	switch v := v.(type) {
	case incusMethod:
		t.method(v.Name(), v.Declaration())
	case incusCollection:
		t.collection(v.Resource())
	case incusObject:
		t.object(v.Resource())
	case *starlark.Function:
		t.function(v)
	case *starlark.Builtin:
		t.builtin(v)
	case builtin.Library:
		t.module(v.Name)
	case *starlarkstruct.Struct:
		if name, _ := starlark.AsString(v.Constructor()); name == "" || !t.known(name) && !t.incus(name) {
			t.value(v)
		}
	default:
		if v.Type() == incusClient {
			t.client()
		} else {
			t.value(v)
		}
	}
	t.print(w)
}

// Tell writes the help of a name or, for another word, the names that Search finds.
func (r *Reference) Tell(w io.Writer, name string) error {
	err := r.HelpName(w, name)
	if err != nil && r.Search(w, name) {
		return nil
	}
	return err
}

// HelpName writes the help of a name: a declared one, such as try_ and IncusNotFoundError; Starlark's own, such as len
// and string.split; the incus module's, with or without incus in front: instances, instances.create, instance,
// instance.exec. The error of an unknown name has a suggestion.
func (r *Reference) HelpName(w io.Writer, name string) error {
	t := r.text()
	if !t.known(name) && !t.incus(name) {
		other := func(known string) bool { return known != name && strings.EqualFold(known, name) }
		if names := r.suggestions(); slices.ContainsFunc(names, other) { // such as fleet.map for Fleet.map
			return r.HelpName(w, names[slices.IndexFunc(names, other)])
		}
		message := "there is no help for " + name
		if near := errors.Nearest(strings.TrimPrefix(name, "incus."), r.suggestions()); near != "" {
			message += fmt.Sprintf(" (did you mean %s?)", near)
		}
		return fmt.Errorf("%s", message)
	}
	t.print(w)
	return nil
}

// helpNames returns the names that HelpName knows, with the words for objects in lower case.
func (r *Reference) helpNames() []string {
	names := append(r.names(), "incus")
	names = append(names, builtin.NativeNames()...)
	for i := range spec.ClientMethods {
		names = append(names, "incus."+spec.ClientMethods[i].Name)
	}
	for _, f := range spec.ClientFields {
		names = append(names, "incus."+f.Name)
	}
	for _, s := range sites() {
		names = append(names, s.names()...)
	}
	names = slices.AppendSeq(names, maps.Keys(spec.Structs()))
	slices.Sort(names)
	return slices.Compact(names)
}

// suggestions returns the names to suggest for an unknown one: nobody asks for help about None.
func (r *Reference) suggestions() []string {
	return slices.DeleteFunc(r.helpNames(), func(name string) bool { return name == "None" || name == "True" || name == "False" })
}

// known writes the help of a name that lookup knows, and lists its members. It reports whether it does.
func (t *text) known(name string) bool {
	d := t.ref.lookup(name)
	if d == nil {
		return t.ownType(name)
	}
	t.prose(d.Text())
	t.table("Members", members(d))
	if d.Value != nil && d.Returns == builtin.Error {
		t.errorMembers()
	}
	return true
}

// ownType writes the help of a type of Starlark's own that isn't a function, such as string. It reports whether there is one.
func (t *text) ownType(name string) bool {
	var rows [][]string
	for _, method := range builtin.NativeNames() {
		if strings.HasPrefix(method, name+".") {
			rows = append(rows, []string{method, sentence(builtin.Native(method).Help)})
		}
	}
	if rows == nil {
		return false
	}
	t.line(name + " (a type)")
	t.table("Methods", rows)
	return true
}

// members returns the rows of a table of a name's members.
func members(d *builtin.Decl) [][]string {
	var rows [][]string
	for i := range d.Members {
		m := &d.Members[i]
		rows = append(rows, []string{m.Name, sentence(m.Help)})
	}
	slices.SortFunc(rows, slices.Compare)
	return rows
}

// errorMembers lists the fields and methods of the errors of a class.
func (t *text) errorMembers() {
	if d := t.ref.lookup(errorType); d != nil {
		t.table("Members of its errors", members(d))
	}
}

// errorType is the type of errors in scripts.
const errorType = "error"

// module writes the help of a module.
func (t *text) module(name string) {
	if !t.known(name) {
		t.line(name + " (a module)")
	}
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

// function writes the help of a def or lambda of a script.
func (t *text) function(f *starlark.Function) {
	var params []string
	n := f.NumParams()
	named := n // the number of parameters before *args and **kwargs
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

// value writes the help of any other value: its type and its attributes.
func (t *text) value(v starlark.Value) {
	if class, ok := v.(starlark.Callable); ok && v.Type() == "error_class" {
		t.class(class)
		return
	}
	if fn, ok := v.(starlark.Callable); ok && t.ref.declared[fn.Name()] != nil {
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
			} else if t.ref.declared[v.Type()+"."+name] == nil { // otherwise known has listed it
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

// class writes the help of an error class, declared or a script's own.
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
	t.errorMembers()
}
