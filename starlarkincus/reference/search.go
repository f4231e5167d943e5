package reference

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"
)

// A named is a name that a search may find.
type named struct {
	name, doc string
	text      string // with its arguments or fields, in lower case, with and without underscores
}

// searched returns all names that a search may find.
func (r *Reference) searched() (all []named) {
	add := func(name, doc string, fields []spec.Field) {
		text := name + " " + doc
		for _, f := range fields {
			text += " " + f.Script() + " " + f.Doc
		}
		all = append(all, named{name, doc, strings.ToLower(strings.ReplaceAll(text, "_", " ") + " " + text)})
	}
	for _, name := range slices.Concat(r.names(), builtin.NativeNames()) {
		add(name, r.lookup(name).Help, nil)
	}
	for _, m := range spec.ClientMethods {
		add("incus."+m.Name, m.Doc, m.Arguments())
	}
	for _, f := range spec.ClientFields {
		add("incus."+f.Name, f.Doc, nil)
	}
	for _, s := range sites() {
		if ways := s.collections(); ways != nil {
			add(ways[0], s.Doc, nil)
			for _, m := range s.CollectionMethods() {
				add(ways[0]+"."+m.Name, m.Doc, m.Arguments())
			}
		}
		add(s.Singular(), s.Doc, s.told())
		for _, m := range s.ObjectMethods() {
			add(s.Singular()+"."+m.Name, m.Doc, m.Arguments())
		}
	}
	for kind, r := range spec.Structs() {
		add(kind, r.Doc, r.Fields)
	}
	return all
}

// Search writes the names that contain all words of a text in the name, the help, the arguments or the fields. It reports whether
// there are any.
func (r *Reference) Search(w io.Writer, word string) bool {
	var rows [][]string
	words := strings.Fields(strings.ToLower(word))
	for _, n := range r.found() {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(n.text, word) }) {
			rows = append(rows, []string{n.name, sentence(n.doc)})
		}
	}
	slices.SortStableFunc(rows, slices.Compare)
	rows = slices.CompactFunc(rows, func(a, b []string) bool { return a[0] == b[0] })
	if len(rows) == 0 {
		return false
	}
	t := r.text()
	t.table(fmt.Sprintf("Names with %q in the name, the help, an argument or a field", word), rows)
	t.print(w)
	return true
}
