package starlarkincus

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"incus-star/errors"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A Collection is the set of all objects of a kind, such as incus.instances. Calling a collection with a single object
// reads that object.
type Collection struct {
	ref
	kind *kind
}

var (
	_ starlark.HasAttrs = (*Collection)(nil)
	_ starlark.Callable = (*Collection)(nil)
)

// A kind is the declaration of a resource, indexed by name.
type kind struct {
	one                string // word for an object in messages: storage_pool
	collection, object map[string]*spec.Method
	children           map[string]*spec.Resource
	times              []starlark.Value // names of the fields with a time
	progress           bool             // reports whether a field holds an operation's progress
}

// kinds caches the kinds of the resources in use.
var kinds sync.Map // of *spec.Resource to *kind

func kindOf(r *spec.Resource) *kind {
	if k, ok := kinds.Load(r); ok {
		return k.(*kind)
	}
	k := &kind{r.Singular(), methods(r.CollectionMethods()), methods(r.ObjectMethods()), make(map[string]*spec.Resource), nil, false}
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Type == spec.Time && f.Use&spec.Read != 0 {
			k.times = append(k.times, starlark.String(f.Name))
		}
		k.progress = k.progress || r.Fields[i].Made == spec.Progress
	}
	for _, child := range r.Children {
		k.children[child.Name] = child
	}
	kinds.Store(r, k)
	return k
}

// childNames returns the names of the child collections with that standing.
func (k *kind) childNames(on spec.Standing) []string {
	var out []string
	for _, name := range names(k.children) {
		if k.children[name].Stands == on {
			out = append(out, name)
		}
	}
	return out
}

func newCollection(p ref) *Collection { return &Collection{p, kindOf(p.res)} }

// Name returns the name in messages.
func (c *Collection) Name() string          { return c.name }
func (c *Collection) String() string        { return "<collection " + c.name + ">" }
func (c *Collection) Type() string          { return "collection" }
func (c *Collection) Freeze()               {}
func (c *Collection) Truth() starlark.Bool  { return true }
func (c *Collection) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: %s", c.Type()) }

// Resource returns the declaration.
func (c *Collection) Resource() *spec.Resource { return c.res }

// Attr returns a method, or a collection below this one.
func (c *Collection) Attr(name string) (starlark.Value, error) {
	if decl := c.kind.collection[name]; decl != nil {
		return &Method{c.name + "." + name, decl, c.ref, nil}, nil
	}
	if r := c.kind.children[name]; r != nil && r.Stands == spec.OnCollection {
		return newCollection(c.sub(r)), nil
	}
	if c.res.Lists == spec.Single && c.kind.object[name] != nil {
		return nil, missing(fmt.Sprintf("%s has no .%s: read it first, %s().%s(…)", c.name, name, c.res.Reach(), name))
	}
	if c.kind.collection["get"] != nil && c.res.Lists != spec.Single && (c.kind.children[name] != nil || c.kind.object[name] != nil) {
		return nil, missing(fmt.Sprintf("%s has no .%s: %s has one, %s.get(…).%s", c.name, name, c.res.An(), c.name, name))
	}
	err := noAttr(c.name, name, c.AttrNames(), c.kind.collection)
	if c.kind.collection["get"] != nil && c.res.Lists != spec.Single {
		err = namedOne(err, name)
	}
	return nil, err
}

// namedOne adds to the error for an unknown attribute, if it has no suggestion, that it may be the name of an object.
func namedOne(err missing, name string) missing {
	if strings.HasSuffix(string(err), ")") {
		return err
	}
	return missing(string(err) + NamedOne(name))
}

// NamedOne returns the end of the error for an attribute of a collection that may be the name of an object.
func NamedOne(name string) string { return fmt.Sprintf(": get(%q) reads one", name) }

// noAttr returns the error for an unknown attribute of an owner with methods.
func noAttr(owner, name string, names []string, methods map[string]*spec.Method) missing {
	text := fmt.Sprintf("%s has no .%s", owner, name)
	if near := errors.NearestReading(name, names, func(name string) bool { return methods[name] != nil && methods[name].Effect != spec.Reads }); near != "" {
		text += fmt.Sprintf(" (did you mean .%s?)", near)
	}
	return missing(text)
}

// missing is the error of Attr for an unknown attribute. It isn't starlark.NoSuchAttrError, to which Starlark would add a
// second suggestion.
type missing string

func (m missing) Error() string { return string(m) }

// AttrNames returns the names of the methods, and of the collections below this one.
func (c *Collection) AttrNames() []string {
	all := append(names(c.kind.collection), c.kind.childNames(spec.OnCollection)...)
	slices.Sort(all)
	return all
}

// CallInternal reads the object of a collection with a single object.
func (c *Collection) CallInternal(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if c.res.Lists != spec.Single {
		list := names(c.kind.collection)
		hint := "get"
		if !slices.Contains(list, hint) {
			hint = list[0]
		}
		return nil, fmt.Errorf("%s is a collection, not a function: call one of its methods, such as %s.%s(…)", c.name, c.name, hint)
	}
	return starlark.Call(thread, &Method{c.name, c.kind.collection["get"], c.ref, nil}, args, kwargs)
}
