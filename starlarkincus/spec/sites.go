package spec

import (
	"strings"
	"sync"
)

// A Site is a resource with the paths at which it stands. The names of objects in them are words in braces.
type Site struct {
	*Resource
	Collection string // of the collection
	Object     string // of one object
	Parent     *Site  // nil for a resource that stands on the client
}

// Sites returns those of all resources, a parent before its children.
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
			if of := m.Returns.Of; of != nil && of.Name == "" && m.Returns.Shape != Struct {
				add(of, s.Object+"/"+m.Path, s)
			}
		}
	}
	for _, r := range Collections {
		add(r, r.Path, nil)
	}
	for _, m := range ClientMethods {
		if of := m.Returns.Of; of != nil && m.Returns.Shape != Struct {
			add(of, m.Path, nil)
		}
	}
	return out
})

// Sends returns the requests of a method of the resource as Method.Sends does, with their whole paths. A part in
// brackets may be missing.
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
