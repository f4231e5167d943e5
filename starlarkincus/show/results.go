package show

import (
	"slices"
	"strings"

	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/starlark"
)

// results returns the table of Results.
func (s Style) results(all, first []starlark.Value) *Grid {
	for _, v := range all {
		if _, ok := v.(resulting); !ok || v.Type() != "Result" {
			return nil
		}
	}
	g := &Grid{Head: []string{"RESULT", "VALUE"}}
	remotes := slices.ContainsFunc(all, func(v starlark.Value) bool { return remoteOf(v) != starlark.None })
	items := slices.ContainsFunc(all, func(v starlark.Value) bool { return itemOf(v) != starlark.None })
	switch {
	case remotes:
		g.Head = append([]string{"REMOTE"}, g.Head...)
	case items:
		g.Head = append([]string{"ITEM"}, g.Head...)
	}
	for _, v := range first {
		r := v.(resulting)
		row := []Cell{{Text: "ok", Color: good}, {}}
		if r.Truth() {
			row[1] = s.cell(r.Index(0), "")
		} else if f, ok := r.Index(1).(failure); ok {
			e := *f.Failure()
			if remotes {
				e.Default = true // the first column has the server
			}
			_, text, _ := strings.Cut(e.Error(), ": ") // after the class and the status
			row = []Cell{{Text: Line(e.Class.Name()), Color: class}, {Text: Line(clip(secret.Text(text), s.limit()))}}
		}
		switch {
		case remotes:
			row = append([]Cell{s.cell(remoteOf(v), "")}, row...)
		case items:
			row = append([]Cell{s.cell(itemOf(v), "")}, row...)
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

// itemOf returns the item of a Result of parallel; None for others.
func itemOf(v starlark.Value) starlark.Value {
	if has, ok := v.(starlark.HasAttrs); ok {
		if item, err := has.Attr("item"); err == nil && item != nil {
			return item
		}
	}
	return starlark.None
}
