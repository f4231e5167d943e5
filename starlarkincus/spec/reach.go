package spec

import "slices"

// Reach returns what scripts write for a resource: incus.server, instance.metadata.
func (r *Resource) Reach() string {
	if slices.Contains(Collections, r) {
		return "incus." + r.Name
	}
	var find func(parents []*Resource) string
	find = func(parents []*Resource) string {
		for _, p := range parents {
			if slices.Contains(p.Children, r) {
				if r.OfAll {
					return p.Reach() + "." + r.Name
				}
				return p.Singular() + "." + r.Name
			}
			if path := find(p.Children); path != "" {
				return path
			}
		}
		return ""
	}
	if path := find(Collections); path != "" {
		return path
	}
	return r.Name
}
