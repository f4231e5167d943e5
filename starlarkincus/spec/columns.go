package spec

import (
	"slices"
	"strings"
)

// A Column is a column of a table of objects for people. The columns of a resource are those that the incus command
// lists, and their order is that of their importance: a narrow terminal lacks the last ones.
type Column struct {
	Field  string // name in scripts
	Key    string // if set, the key to show of the field's dict, or of each dict in its list
	Header string // empty for the key or the name of the field
	Form   Form
	When   When
}

// Name returns the heading of the column, as a name.
func (c *Column) Name() string {
	switch {
	case c.Header != "":
		return c.Header
	case c.Key != "":
		return c.Key
	}
	return c.Field
}

// A Form is the way in which a column shows a value.
type Form int

const (
	AsIs  Form = iota
	Count      // the number of elements
	Size       // bytes, with a unit
	Short      // the first letters of a fingerprint
	Octal      // permissions
	IPv4       // the IPv4 addresses of a list
	IPv6       // the IPv6 addresses of a list
)

// A When is the condition for a column.
type When int

const (
	Always  When = iota
	IfAny        // a row has a value; the location "none" of a server outside of a cluster is none
	IfMixed      // the rows have different values
)

// columns returns columns that show fields as they are.
func columns(fields ...string) []Column {
	var out []Column
	for _, f := range fields {
		out = append(out, Column{Field: f})
	}
	return out
}

// Columns of many resources.
var (
	projectColumn  = Column{Field: "project", When: IfMixed}
	locationColumn = Column{Field: "location", When: IfAny}
	usedByColumn   = Column{Field: "used_by", Form: Count}
)

// OfState reports whether list(state=True) reads what the field is made of.
func (f *Field) OfState() bool {
	return f.Made == LastState || f.Made == LastAddresses || f.Made == LastSnapshots
}

// MadeOf returns the field of the server's answer that a field of the state is made of.
func (f *Field) MadeOf() string {
	if f.Made == LastSnapshots {
		return "snapshots"
	}
	return "state"
}

// StateColumns returns the names of the columns whose values list(state=True) reads, and the fields that hold them. A
// field has a second name there, that of the method or the collection that asks for the same: addresses is last_addresses.
func (r *Resource) StateColumns() map[string]*Field {
	names := make(map[string]*Field)
	for i := range r.Fields {
		if f := &r.Fields[i]; f.OfState() {
			names[f.Script()], names[strings.TrimPrefix(f.Script(), "last_")] = f, f
		}
	}
	for i := range r.Columns {
		if f := Find(r.Fields, r.Columns[i].Field); f != nil && f.OfState() {
			names[r.Columns[i].Name()] = f
		}
	}
	return names
}

// State returns the kind of object that a field of the resource holds the state in; nil for a resource without one.
func (r *Resource) State() *Resource {
	if !slices.ContainsFunc(r.Fields, func(f Field) bool { return f.Made == LastState }) {
		return nil
	}
	for i := range r.Methods {
		if m := &r.Methods[i]; m.Name == "state" {
			return m.Returns.Of
		}
	}
	return nil
}
