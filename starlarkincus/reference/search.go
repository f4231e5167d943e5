package reference

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/spec"
)

// Search writes the names that hold a word, or whose help, arguments or fields do. It reports whether there are any.
func Search(w io.Writer, word string) bool {
	var rows [][]string
	word = strings.ToLower(word)
	add := func(name, doc string, fields []spec.Field) {
		text := name + " " + doc
		for _, f := range fields {
			text += " " + f.Script()
		}
		if strings.Contains(strings.ToLower(text), word) {
			rows = append(rows, []string{name, sentence(doc)})
		}
	}
	for _, name := range slices.Concat(host.Names(), builtin.NativeNames()) {
		add(name, lookup(name).Help, nil)
	}
	for _, m := range spec.ClientMethods {
		add("incus."+m.Name, m.Doc, m.Arguments())
	}
	for _, p := range places() {
		if ways := p.collections(); ways != nil {
			add(ways[0], p.Doc, nil)
			for _, m := range p.CollectionMethods() {
				add(ways[0]+"."+m.Name, m.Doc, m.Arguments())
			}
		}
		add(p.one(), p.Doc, spec.With(p.Fields, spec.Read|spec.Derived))
		for _, m := range p.ObjectMethods() {
			add(p.one()+"."+m.Name, m.Doc, m.Arguments())
		}
	}
	slices.SortStableFunc(rows, slices.Compare)
	rows = slices.CompactFunc(rows, func(a, b []string) bool { return a[0] == b[0] })
	if len(rows) == 0 {
		return false
	}
	var t text
	t.table(fmt.Sprintf("Names with %q in the name, the help, an argument or a field", word), rows)
	_, _ = io.WriteString(w, t.String())
	return true
}
