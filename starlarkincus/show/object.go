package show

import (
	"slices"
	"strings"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// object writes the fields of an object: those of its columns first, and the long ones cut.
func (p *printer) object(o object) {
	res := o.Resource()
	title := p.style.paint(kind, res.Kind)
	if res.Key != "" {
		if v, err := o.Attr(res.Key); err == nil && v != nil && v != starlark.None {
			title += " " + cut(p.style.line(v, ""), max(0, p.style.Width-len(res.Kind)-1))
		}
	}
	if p.style.Width > 0 && p.style.Width <= len(res.Kind)+1 {
		title = p.style.paint(kind, cut(res.Kind, p.style.Width))
	}
	p.write(title + "\n")
	p.margin += 2
	p.brief = !p.style.All
	p.fields(p.objectFields(o))
	p.margin -= 2
	p.over()
	if p.cut {
		p.note("… :all shows the rest, and fields() returns it")
	}
}

// objectFields returns the fields to show, in order.
func (p *printer) objectFields(o object) []pair {
	res := o.Resource()
	var all []pair
	done := make(map[string]bool)
	add := func(name string, v starlark.Value) {
		if name == "" || done[name] {
			return
		}
		done[name] = true
		if p.style.All || !empty(v) && name != "status_code" && !(name == "size" && v == starlark.MakeInt(-1)) && !(name == "location" && v == starlark.String("none")) {
			all = append(all, pair{name, v})
		}
	}
	attr := func(name string) {
		if v, err := o.Attr(name); err == nil {
			if _, method := v.(starlark.Callable); !method {
				add(name, v)
			}
		}
	}
	if !p.style.All {
		for _, name := range []string{res.Key, "state", "snapshots", "backups"} { // the title has the key, and derived fields the others
			done[name] = name != "" && (name == res.Key || spec.Find(res.Fields, name) == nil)
		}
	}
	for _, c := range res.Columns {
		if c.Key == "" {
			attr(c.Field)
		}
	}
	for i := range res.Fields {
		if f := &res.Fields[i]; f.Use&spec.Read != 0 {
			attr(f.Script())
		}
	}
	for _, item := range o.Items() {
		name, _ := starlark.AsString(item[0])
		name = strings.ReplaceAll(name, "-", "_")
		add(name, item[1])
	}
	if p.style.All {
		return all
	}
	// Large fields last. Those that repeat others, or that the table doesn't know, only tell their size.
	for i, f := range all {
		if n := starlark.Len(f.value); n > 0 && nested(f.value) && (strings.HasPrefix(f.name, "expanded_") || spec.Find(res.Fields, f.name) == nil) {
			all[i].value = starlark.String(entries(n))
			p.cut = true
		}
	}
	for i := range all {
		all[i].value = p.folded(all[i].value)
	}
	slices.SortStableFunc(all, func(a, b pair) int {
		switch x, y := nested(a.value), nested(b.value); {
		case x && !y:
			return 1
		case y && !x:
			return -1
		}
		return 0
	})
	return all
}

// foldedKeys begin the keys that the server sets itself. A configuration has many.
var foldedKeys = []string{"image.", "volatile."}

// folded returns a configuration with an entry for all keys that begin alike and that the server sets itself, after the others.
func (p *printer) folded(v starlark.Value) starlark.Value {
	dict, ok := v.(*starlark.Dict)
	if !ok {
		return v
	}
	out := starlark.NewDict(dict.Len())
	counts := make([]int, len(foldedKeys))
	for key, elem := range dict.Entries() {
		name, _ := starlark.AsString(key)
		if i := slices.IndexFunc(foldedKeys, func(prefix string) bool { return strings.HasPrefix(name, prefix) }); i >= 0 {
			counts[i]++
			continue
		}
		_ = out.SetKey(key, elem) // a key of the other dict
	}
	for i, n := range counts {
		if n > 0 {
			_ = out.SetKey(starlark.String(foldedKeys[i]+"*"), starlark.String(entries(n)))
			p.cut = true
		}
	}
	return out
}

// entries returns a number of entries.
func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return printable.Count(n) + " entries"
}

// oneLine writes an object in one line: its name, its status, and the other columns of its table that have a value. It returns false
// if its kind has no columns.
func (p *printer) oneLine(o object) bool {
	alone := []starlark.Value{o}
	g := p.style.objects(alone, alone)
	if g == nil {
		return false
	}
	res := o.Resource()
	name, status := "", ""
	if v, err := o.Attr(res.Key); res.Key != "" && err == nil && v != nil {
		name = p.style.line(v, "")
	}
	var parts []string
	for i, cell := range g.Rows[0] {
		switch head := g.Head[i]; {
		case cell.Text == "" || head == "LOCATION" && cell.Text == "none":
		case res.Key != "" && head == header(res.Key):
			name = cell.Text
		case head == "STATUS":
			status = cell.Text
		default:
			parts = append(parts, strings.ToLower(head)+" "+cell.Text)
		}
	}
	lead := ""
	if name != "" {
		lead = " " + name
	}
	if status != "" {
		parts = slices.Insert(parts, 0, status)
	}
	if len(parts) > 0 {
		lead += ": "
	}
	line := cut(res.Kind+lead+strings.Join(parts, ", "), p.style.Width)
	if rest, ok := strings.CutPrefix(line, res.Kind); ok {
		line = p.style.paint(kind, res.Kind)
		if after, ok := strings.CutPrefix(rest, lead+status); ok {
			rest = lead + p.style.paint(colorOf("status", status), status) + after
		}
		line += rest
	}
	p.write(line + "\n")
	return true
}
