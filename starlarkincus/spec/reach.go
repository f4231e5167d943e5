package spec

import "slices"

// Reach returns the resource as an expression in a script: incus.server, instance.metadata.
func (r *Resource) Reach() string {
	if slices.Contains(Collections, r) {
		return "incus." + r.Name
	}
	p := parentOf(r)
	switch {
	case p == nil:
		return r.Name
	case r.Stands == OnCollection:
		return p.Reach() + "." + r.Name
	}
	return p.Singular() + "." + r.Name
}

// parentOf returns the parent of a resource; nil for a resource of the client.
func parentOf(r *Resource) *Resource {
	var find func(parents []*Resource) *Resource
	find = func(parents []*Resource) *Resource {
		for _, p := range parents {
			if slices.Contains(p.Children, r) {
				return p
			}
			if found := find(p.Children); found != nil {
				return found
			}
		}
		return nil
	}
	return find(Collections)
}
