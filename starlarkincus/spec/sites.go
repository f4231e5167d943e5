package spec

import (
	"cmp"
	"strings"
	"sync"
)

// A Site is an occurrence of a resource in the API, with its paths. Names of objects in the paths are in braces.
type Site struct {
	*Resource
	Collection string // path of the collection
	Object     string // path of an object
	Parent     *Site  // nil for a resource of the client
}

// Sites returns the sites of all resources, each parent before its children.
var Sites = sync.OnceValue(func() []*Site {
	var out []*Site
	var add func(r *Resource, path string, parent *Site)
	add = func(r *Resource, path string, parent *Site) {
		s := &Site{r, path, path, parent}
		if r.Segment != nil {
			s.Object += "/{" + r.Segment.Name + "}"
		}
		if r.Lists != Single && r.Key != "" && r.KeyQuery == "" {
			key := r.Key
			if parent != nil {
				key = r.Singular()
			}
			s.Object += "/{" + key + "}"
		}
		out = append(out, s)
		for _, child := range r.Children {
			below := s.Object
			if child.Stands == OnCollection {
				below = path
			}
			add(child, below+"/"+child.Path, s)
		}
		for _, m := range r.Methods {
			if of := m.Returns.Of; of != nil && of.Name == "" && !m.Returns.OfStructs() {
				add(of, s.Object+"/"+m.Path, s)
			}
			if m.Handle != nil {
				add(m.Handle, s.Object+"/"+m.Path, s)
			}
		}
	}
	for _, r := range Collections {
		add(r, r.Path, nil)
	}
	for _, m := range ClientMethods {
		if of := m.Returns.Of; of != nil && !m.Returns.OfStructs() {
			add(of, m.Path, nil)
		}
	}
	return out
})

// Sends returns the requests of a method of the resource like Method.Sends, but with whole paths. A part of a path in
// brackets is optional.
func (s *Site) Sends(m *Method) []Request {
	requests := m.Sends(s.Resource)
	for i, q := range requests {
		requests[i] = s.Whole(m, q)
	}
	return requests
}

// Whole returns a request of a method of the resource with its whole path.
func (s *Site) Whole(m *Method, q Request) Request {
	path := s.Object
	switch {
	case strings.HasPrefix(q.Path, "/"):
		return q
	case q.At == Item:
	case q.At == Within && s.Segment != nil:
		path = s.Collection + "/{" + s.Segment.Name + "}"
	case q.At == Within:
		path = s.Collection
	case m.Collection && m.Verb == List && s.Segment != nil:
		path = s.Collection + "[/{" + s.Segment.Name + "}]"
	case m.Collection:
		path = s.Collection
	}
	if q.Path != "" {
		path += "/" + q.Path
	} else if s.KeyQuery != "" && path == s.Object && (q.At == Item || !m.Collection) {
		q.Query = s.KeyQuery + "={" + s.Key + "}"
	}
	q.Path = path
	return q
}

// Structs returns the kinds of structs that methods return, by their names.
var Structs = sync.OnceValue(func() map[string]*Resource {
	out := make(map[string]*Resource)
	add := func(own *Resource, methods []Method) {
		for i := range methods {
			r := methods[i].Returns
			if of := cmp.Or(r.Of, own); r.OfStructs() && of != nil {
				out[of.Kind] = of
			}
		}
	}
	add(nil, ClientMethods)
	for _, s := range Sites() {
		add(s.Resource, s.CollectionMethods())
		add(s.Resource, s.ObjectMethods())
	}
	return out
})
