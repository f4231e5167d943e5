package reference

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"incus-star/starlarkincus/spec"
)

// A site is a resource at a path of the API, with the names that it has in scripts.
type site struct {
	*spec.Site
	ofCollection, ofObject []spec.Method
}

// sites returns all sites of the table, which is put together once.
var sites = sync.OnceValue(func() []site {
	var out []site
	for _, s := range spec.Sites() {
		out = append(out, site{s, s.CollectionMethods(), s.ObjectMethods()})
	}
	return out
})

// CollectionMethods returns all methods of the collection, which are not to be changed.
func (s site) CollectionMethods() []spec.Method { return s.ofCollection }

// ObjectMethods returns all methods of an object, which are not to be changed.
func (s site) ObjectMethods() []spec.Method { return s.ofObject }

// owner returns the word before a resource below another: instance in instance.snapshots, images in images.aliases.
func (s site) owner() string {
	if s.Stands == spec.OnCollection {
		return s.Parent.Name
	}
	return s.Parent.Singular()
}

// is reports whether name is that of an object of the resource: the name of its type, or the word for it.
func (s site) is(name string) bool { return strings.EqualFold(name, s.Kind) || name == s.Singular() }

// collections returns the ways to write the collection, the shortest clear one first: instance.backups, backups;
// cluster.members, incus.cluster.members, members.
func (s site) collections() []string {
	switch {
	case s.Name == "":
		return nil
	case s.Parent == nil:
		return []string{s.Name, "incus." + s.Name}
	case s.Stands != spec.OnCollection:
		return []string{s.owner() + "." + s.Name, s.Name}
	}
	var ways []string
	for _, way := range (site{Site: s.Parent}).collections() {
		ways = append(ways, way+"."+s.Name)
	}
	return append(ways, s.Name)
}

// hasObjects reports whether objects of the resource are values in scripts, as files and logs aren't.
func (s site) hasObjects() bool { return hasFields(s.Resource) || s.ObjectMethods() != nil }

// told returns the fields that an object of the resource has.
func (s site) told() []spec.Field { return spec.With(s.Fields, spec.Read|spec.Derived) }

// names returns the names of the resource, and of its methods and fields.
func (s site) names() []string {
	names := []string{s.Singular()}
	for _, f := range s.told() {
		names = append(names, s.Singular()+"."+f.Script())
	}
	for _, m := range s.ObjectMethods() {
		names = append(names, s.Singular()+"."+m.Name)
	}
	for _, way := range s.collections() {
		names = append(names, way)
		for _, m := range s.CollectionMethods() {
			names = append(names, way+"."+m.Name)
		}
	}
	return names
}

// incus writes the help of a name of the incus module. It reports whether there is such a name.
func (t *text) incus(name string) bool {
	if name == "incus" {
		t.client()
		return true
	}
	short, prefixed := strings.CutPrefix(name, "incus.")
	for i, m := range spec.ClientMethods {
		if m.Name == short {
			t.method("incus."+m.Name, &spec.ClientMethods[i])
			return true
		}
	}
	for _, f := range spec.ClientFields {
		if prefixed && f.Name == short {
			t.line("incus." + f.Name + " (a field)")
			t.fields("Field", []spec.Field{f})
			return true
		}
	}
	for _, s := range sites() {
		ways := s.collections()
		for _, m := range s.CollectionMethods() {
			if way, ok := strings.CutSuffix(name, "."+m.Name); ok && slices.Contains(ways, way) {
				t.method(short, &m)
				return true
			}
		}
		switch {
		case slices.Contains(ways, name):
			t.collection(s.Resource)
			return true
		case !prefixed && s.is(short) && !s.hasObjects():
			t.collection(s.Resource)
			return true
		case !prefixed && s.is(short):
			t.object(s.Resource)
			return true
		}
		if kind, member, _ := strings.Cut(short, "."); s.is(kind) && t.member(s, member) {
			return true
		}
	}
	if r := spec.Structs()[name]; r != nil {
		t.structure(r)
		return true
	}
	return false
}

// member writes the help of a method or a field of an object. It reports whether there is one of that name.
func (t *text) member(s site, name string) bool {
	for _, m := range s.ObjectMethods() {
		if m.Name == name {
			t.method(s.Singular()+"."+name, &m)
			return true
		}
	}
	for _, f := range s.told() {
		if f.Script() == name {
			t.line(s.Singular() + "." + name + " (a field)")
			t.fields("Field", []spec.Field{f})
			return true
		}
	}
	return false
}

func (t *text) client() {
	t.line("incus")
	t.para("A client of an Incus server, working in one project. It connects at its first call; reading its attributes sends nothing.")
	t.clientMembers("")
}

func (t *text) clientMembers(prefix string) {
	var collections [][]string
	for _, r := range spec.Collections {
		collections = append(collections, []string{prefix + r.Name, sentence(r.Doc)})
	}
	t.table("Collections", collections)
	t.methods("Functions", prefix, spec.ClientMethods)
	t.table("Fields", fieldRows(prefix, spec.ClientFields, false))
}

func (t *text) methods(heading, prefix string, methods []spec.Method) {
	var rows [][]string
	for i := range methods {
		rows = append(rows, []string{prefix + methods[i].Name, sentence(methods[i].Doc)})
	}
	t.table(heading, rows)
}

// collection writes the help of a collection.
func (t *text) collection(r *spec.Resource) {
	t.line(r.Name + " (a collection)")
	t.para(r.Doc)
	t.rest(pathsOf(r, func(s site) string { return s.Collection }))
	t.methods("Methods", "", r.CollectionMethods())
	t.children(r, true)
	if r.Lists == spec.Single {
		t.fields("Fields of the result", spec.With(r.Fields, spec.Read))
		t.methods("Methods of the result", "", r.ObjectMethods())
		return
	}
	var parts []string
	if hasFields(r) {
		parts = append(parts, "fields")
	}
	if r.ObjectMethods() != nil {
		parts = append(parts, "methods")
	}
	if parts != nil && spec.Structs()[r.Kind] == nil {
		t.para(fmt.Sprintf("help(%q) lists the %s of %s.", t.helpName(r), strings.Join(parts, " and "), r.An()))
		return
	}
	var results []string
	for _, m := range r.CollectionMethods() {
		if name := t.resultHelp(m.Returns); name != "" {
			results = append(results, fmt.Sprintf("help(%q)", name))
		}
	}
	slices.Sort(results)
	switch results = slices.Compact(results); len(results) {
	case 0:
	case 1:
		t.para(results[0] + " lists the fields of the results.")
	default:
		t.para(strings.Join(results, ", ") + " list the fields of the results.")
	}
}

// object writes the help of an object.
func (t *text) object(r *spec.Resource) {
	if r.Name == "" || r.Lists == spec.Single {
		t.line(r.Kind + " (an object)")
	} else {
		t.line(r.Kind + " (an object of the collection " + r.Name + ")")
	}
	t.para(r.Doc)
	t.rest(pathsOf(r, func(s site) string { return s.Object }))
	t.fields("Fields", spec.With(r.Fields, spec.Read|spec.Derived))
	t.methods("Methods", "", r.ObjectMethods())
	t.children(r, false)
}

// children lists the collections below each object or, if onCollection, below the collection itself.
func (t *text) children(r *spec.Resource, onCollection bool) {
	var children [][]string
	for _, child := range r.Children {
		if (child.Stands == spec.OnCollection) == onCollection {
			children = append(children, []string{child.Name, sentence(child.Doc)})
		}
	}
	t.table("Collections", children)
}

// pathsOf returns the paths of a resource: several if it occurs below several others.
func pathsOf(r *spec.Resource, path func(site) string) []string {
	paths := make(map[string]bool)
	for _, s := range sites() {
		if s.Resource == r {
			paths[path(s)] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// method writes the help of a method.
func (t *text) method(name string, m *spec.Method) {
	args := m.Arguments()
	var params []string
	for _, f := range args {
		switch {
		case f.Positional && f.Required:
			params = append(params, f.Script())
		case f.Positional:
			params = append(params, f.Script()+"=None")
		}
	}
	for _, f := range args {
		if !f.Positional {
			params = append(params, f.Script()+"=")
		}
	}
	t.signature(name, params)
	t.para(m.Doc)
	if name := t.resultHelp(m.Returns); name != "" {
		of := "the result"
		switch m.Returns.Shape {
		case spec.ListOf, spec.StructList, spec.Stream:
			of = "each element"
		}
		t.para(fmt.Sprintf("help(%q) lists the fields of %s.", name, of))
	}
	t.takes(m)
	t.arguments(args)
	t.sent(requests(name, m))
	if m.Background {
		now := m.ReturnsNow()
		t.para("The server may work in the background. The call waits for the end of the operation unless wait=False.")
		if name := t.resultHelp(now); name != "" && now != m.Returns {
			t.para(fmt.Sprintf("help(%q) lists the fields of what wait=False returns.", name))
		}
	}
}

// takes writes which objects a method deletes along with the one.
func (t *text) takes(m *spec.Method) {
	var names []string
	for _, r := range m.Takes {
		names = append(names, strings.ReplaceAll(r.Name, "_", " "))
	}
	switch n := len(names); {
	case n == 0:
		return
	case n > 1:
		names = append(names[:n-2], names[n-2]+" and "+names[n-1])
	}
	if m.TakesWith != "" {
		t.para("With " + m.TakesWith + "=True, also deletes its " + strings.Join(names, ", ") + ".")
		return
	}
	t.para("Also deletes its " + strings.Join(names, ", ") + ".")
}

func (t *text) rest(requests []string) {
	for i, request := range requests {
		if i == 0 {
			t.gap()
		}
		t.indented("", "REST: "+request)
	}
}

// same reports whether two declarations, each made anew by every call, are of the same method.
func same(a, b *spec.Method) bool {
	return a.Name == b.Name && a.Collection == b.Collection && a.HTTP == b.HTTP && a.Path == b.Path && reflect.DeepEqual(a.Args, b.Args)
}

// fields writes a table of fields, those that are dicts with their keys below them.
func (t *text) fields(heading string, fields []spec.Field) {
	t.table(heading, fieldRows("", fields, false))
}

// arguments writes a table of arguments.
func (t *text) arguments(args []spec.Field) { t.table("Arguments", fieldRows("", args, true)) }

func fieldRows(margin string, fields []spec.Field, arguments bool) [][]string {
	var rows [][]string
	for _, f := range fields {
		doc := f.Doc
		if f.Required {
			doc += "; required"
		}
		if f.Extension != "" {
			doc += "; requires the API extension " + f.Extension
		}
		name := f.Script()
		if margin != "" {
			name = margin + f.Name
		}
		short := shortTypes[f.Type]
		if f.Type == spec.Time && arguments {
			short = "str or time"
		}
		if f.Names {
			short = "list of str or dict"
		}
		rows = append(rows, []string{name, short, doc})
		if f.Type != spec.Filter && f.Type != spec.Conditions { // the help of the object has them
			rows = append(rows, fieldRows(margin+"  ", f.Fields, arguments)...)
		}
	}
	return rows
}

// shortTypes are the names of types in a column.
var shortTypes = map[spec.Type]string{
	spec.Any: "any", spec.String: "str", spec.Name: "str", spec.Int: "int", spec.Bool: "bool", spec.Strings: "list of str",
	spec.Time: "time (str)", spec.Certificate: "PEM (str)", spec.Raw: "str or bytes", spec.FileMode: "int or octal str", spec.Seconds: "seconds", spec.WholeSeconds: "seconds", spec.Config: "config (dict)", spec.Devices: "devices (dict)", spec.Object: "dict",
	spec.Input: "str, bytes, list, stream or function", spec.Callable: "function", spec.LocalPath: "path (str)", spec.LocalInput: "path (str), stream, list or function", spec.OtherServer: "client",
	spec.Objects: "list of dict", spec.Filter: "str or dict", spec.Conditions: "dict",
}
