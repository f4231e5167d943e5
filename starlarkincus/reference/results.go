package reference

import "incus-star/starlarkincus/spec"

// hasFields reports whether values of the resource have fields.
func hasFields(r *spec.Resource) bool { return len(spec.With(r.Fields, spec.Read|spec.Derived)) > 0 }

// helpName returns the name of the help of the resource's values: the word for one or, if that is the name of a function too, or of
// a struct, its type.
func (t *text) helpName(r *spec.Resource) string {
	if one := r.Singular(); r.Name != "" && t.ref.lookup(one) == nil && spec.Structs()[r.Kind] == nil {
		return one
	}
	return r.Kind
}

// resultHelp returns the name of the help of a result's fields; empty for a result without fields.
func (t *text) resultHelp(r spec.Returns) string {
	switch {
	case r.Shape == spec.Operation:
		return t.helpName(spec.Operations)
	case r.Of == nil || !hasFields(r.Of):
		return ""
	}
	return t.helpName(r.Of)
}

// structure writes the help of a kind of structs.
func (t *text) structure(r *spec.Resource) {
	t.line(r.Kind + " (a struct)")
	t.para(r.Doc)
	t.fields("Fields", spec.With(r.Fields, spec.Read|spec.Derived))
}
