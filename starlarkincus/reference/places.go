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

// A placed resource is one with where it is.
type placed struct {
	*spec.Resource
	site   *spec.Site
	path   string // of the collection
	object string // of one object
	parent *placed
}

// places are all resources of the table.
var places = sync.OnceValue(func() []*placed {
	var out []*placed
	made := make(map[*spec.Site]*placed)
	for _, s := range spec.Sites() {
		made[s] = &placed{s.Resource, s, s.Collection, s.Object, made[s.Parent]}
		out = append(out, made[s])
	}
	return out
})

// one is the word for an object of the resource in names such as instance.exec.
func (p *placed) one() string { return p.Singular() }

// owner is the word for what a resource below another stands on: instance.snapshots, images.aliases.
func (p *placed) owner() string {
	if p.Stands == spec.OnCollection {
		return p.parent.Name
	}
	return p.parent.one()
}

// is says whether a name is that of an object of the resource: its type's, or the word for it.
func (p *placed) is(name string) bool { return strings.EqualFold(name, p.Kind) || name == p.one() }

// collections are all ways to write the collection, the shortest that is clear first: instance.backups, backups;
// cluster.members, incus.cluster.members, members.
func (p *placed) collections() []string {
	switch {
	case p.Name == "":
		return nil
	case p.parent == nil:
		return []string{p.Name, "incus." + p.Name}
	case p.Stands != spec.OnCollection:
		return []string{p.owner() + "." + p.Name, p.Name}
	}
	var ways []string
	for _, way := range p.parent.collections() {
		ways = append(ways, way+"."+p.Name)
	}
	return append(ways, p.Name)
}

// names are those that HelpName knows.
func (p *placed) names() []string {
	names := []string{p.one()}
	for _, m := range p.ObjectMethods() {
		names = append(names, p.one()+"."+m.Name)
	}
	for _, way := range p.collections() {
		names = append(names, way)
		for _, m := range p.CollectionMethods() {
			names = append(names, way+"."+m.Name)
		}
	}
	return names
}

// declared writes the help of a name of the incus module's.
func (t *text) declared(name string) bool {
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
	for _, p := range places() {
		ways := p.collections()
		for _, m := range p.CollectionMethods() {
			if way, ok := strings.CutSuffix(name, "."+m.Name); ok && slices.Contains(ways, way) {
				t.method(short, &m)
				return true
			}
		}
		switch {
		case slices.Contains(ways, name):
			t.collection(p.Resource)
			return true
		case !prefixed && p.is(short):
			t.object(p.Resource)
			return true
		}
		for _, m := range p.ObjectMethods() {
			if kind, name, _ := strings.Cut(short, "."); p.is(kind) && name == m.Name {
				t.method(p.one()+"."+m.Name, &m)
				return true
			}
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
}

func (t *text) methods(heading, prefix string, methods []spec.Method) {
	var rows [][]string
	for i := range methods {
		rows = append(rows, []string{prefix + methods[i].Name, sentence(methods[i].Doc)})
	}
	t.table(heading, rows)
}

// collection is all objects of a kind.
func (t *text) collection(r *spec.Resource) {
	t.line(r.Name + " (a collection)")
	t.para(r.Doc)
	t.rest(pathsOf(r, func(p *placed) string { return p.path }))
	t.methods("Methods", "", r.CollectionMethods())
	t.children(r, true)
	if r.Lists == spec.Single {
		t.fields("Fields of the result", spec.With(r.Fields, spec.Read))
		t.methods("Methods of the result", "", r.ObjectMethods())
		return
	}
	t.para(fmt.Sprintf("help(\"%s\") lists the fields and methods of %s.", r.Singular(), r.An()))
}

// object is one object of a kind.
func (t *text) object(r *spec.Resource) {
	t.line(r.Kind + " (an object)")
	if r.Name == "" || r.Lists == spec.Single {
		t.para(r.Doc)
	} else {
		t.para(fmt.Sprintf("One of %s. %s", r.Name, r.Doc))
	}
	t.rest(pathsOf(r, func(p *placed) string { return p.object }))
	t.fields("Fields", spec.With(r.Fields, spec.Read|spec.Derived))
	t.methods("Methods", "", r.ObjectMethods())
	t.children(r, false)
}

// children are the collections on each object, or those on the collection itself.
func (t *text) children(r *spec.Resource, ofAll bool) {
	var children [][]string
	for _, child := range r.Children {
		if (child.Stands == spec.OnCollection) == ofAll {
			children = append(children, []string{child.Name, sentence(child.Doc)})
		}
	}
	t.table("Collections", children)
}

// pathsOf are the paths of a resource, more than one where it occurs below several others.
func pathsOf(r *spec.Resource, path func(*placed) string) []string {
	paths := make(map[string]bool)
	for _, p := range places() {
		if p.Resource == r {
			paths[path(p)] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// method is a call, in full.
func (t *text) method(name string, m *spec.Method) {
	args := m.Arguments()
	var params []string
	for _, f := range args {
		switch {
		case f.Position && f.Required:
			params = append(params, f.Script())
		case f.Position:
			params = append(params, f.Script()+"=None")
		}
	}
	for _, f := range args {
		if !f.Position {
			params = append(params, f.Script()+"=")
		}
	}
	t.signature(name, params)
	t.para(m.Doc)
	t.fields("Arguments", args)
	t.sent(requests(name, m))
	if m.Background {
		t.para("The server may work in the background. The call waits for the end of the operation unless wait=False.")
	}
}

func (t *text) rest(requests []string) {
	for i, request := range requests {
		if i == 0 {
			t.gap()
		}
		t.indented("", "REST: "+request)
	}
}

// same compares declarations, which are made anew at each asking.
func same(a, b *spec.Method) bool {
	return a.Name == b.Name && a.Collection == b.Collection && a.HTTP == b.HTTP && a.Path == b.Path && reflect.DeepEqual(a.Args, b.Args)
}

// fields is a table of fields or arguments, with the keys of those that are dicts below them.
func (t *text) fields(heading string, fields []spec.Field) {
	t.table(heading, fieldRows("", fields))
}

func fieldRows(margin string, fields []spec.Field) [][]string {
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
		rows = append(rows, []string{name, shortTypes[f.Type], doc})
		if f.Type != spec.Filter && f.Type != spec.Conditions { // the help of the object has them
			rows = append(rows, fieldRows(margin+"  ", f.Fields)...)
		}
	}
	return rows
}

// shortTypes are the types in a column of a table.
var shortTypes = map[spec.Type]string{
	spec.Any: "any", spec.String: "str", spec.Name: "str", spec.Int: "int", spec.Bool: "bool", spec.Strings: "list of str",
	spec.Time: "time (str)", spec.Certificate: "PEM (str)", spec.Seconds: "seconds", spec.WholeSeconds: "seconds", spec.Config: "config (dict)", spec.Devices: "devices (dict)", spec.Object: "dict",
	spec.Objects: "list of dict", spec.Filter: "str or dict", spec.Conditions: "dict",
}
