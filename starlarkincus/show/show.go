package show

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Limits of a text.
const (
	maxRows    = 1000 // of a table or a list
	maxLines   = 2000 // of fields
	maxColumns = 40
	maxBytes   = 1 << 20
	maxValue   = 1 << 17 // bytes of a value in full
)

// Text returns the text of a value, without a newline at its end. Fields of an object that are dicts or lists are cut as far
// as it takes for the text to fit on the terminal, above a line for the prompt, if that is possible.
func Text(v starlark.Value, s Style) string {
	_, isObject := v.(object)
	for most := cutTo(s.Height); ; most-- {
		p := &printer{style: s, text: new(strings.Builder), left: maxLines, bytes: maxBytes, most: most}
		if s.All {
			p.left = 100 * maxLines
		}
		p.value(v)
		text := strings.TrimSuffix(p.text.String(), "\n")
		if !isObject || s.All || s.Height == 0 || most <= 2 || strings.Count(text, "\n") < s.Height-1 {
			return text
		}
	}
}

// cutTo returns the number of fields that a field has on a terminal of that height, if there is room.
func cutTo(height int) int {
	if height == 0 {
		return 8
	}
	return min(max(height/4, 4), 16)
}

// A printer writes the lines of a value.
type printer struct {
	style  Style
	text   *strings.Builder
	margin int
	brief  bool // long fields are cut
	cut    bool // one was
	depth  int
	left   int // lines
	bytes  int // of values in full, beyond which they are cut
	most   int // fields of a field, if the printer is brief
}

// value writes a value that stands alone.
func (p *printer) value(v starlark.Value) {
	switch x := v.(type) {
	case object:
		if p.style.OneLine && !p.style.All && p.oneLine(x) {
			return
		}
		p.object(x)
		return
	case method: // it has a resource, as a collection has
		p.method(x)
		return
	case collection:
		p.collection(x)
		return
	case failure:
		p.failure(x)
		return
	case starlark.String:
		if text := strings.TrimSuffix(string(x), "\n"); strings.Contains(text, "\n") {
			p.write(printable.Text(text) + "\n")
			return
		}
	case *starlark.Dict:
		if x.Len() > 0 {
			p.fields(pairsOf(x))
			p.over()
			return
		}
	case *starlarkstruct.Struct:
		p.structure(x)
		return
	case *starlark.List, starlark.Tuple, *starlark.Set:
		if all, _ := elementsOf(v); len(all) > 0 {
			p.list(v, all)
			return
		}
	}
	switch {
	case v.Type() == "Result":
		if x, ok := v.(resulting); ok {
			p.result(x)
			return
		}
	case v.Type() == "Fleet":
		if x, ok := v.(starlark.HasAttrs); ok {
			p.fleet(x)
			return
		}
	case v.Type() == "incus":
		if x, ok := v.(starlark.HasAttrs); ok {
			p.client(x)
			return
		}
	}
	p.write(printable.Text(v.String()) + "\n")
	if note := passing[v.Type()]; note != "" {
		p.note(note)
	}
}

// passing are notes on how to read the values that are read once, by their types. The prompt has the value as _.
var passing = map[string]string{
	"events": "for e in _: print(e) prints each as it comes; help(incus.events)",
	"lines":  "for line in _: print(line) prints each as it comes",
	"stream": `for part in _: print(part) reads it; help("stream")`,
}

// fleet writes several servers with their names.
func (p *printer) fleet(v starlark.HasAttrs) {
	text := v.String()
	if remotes, err := v.Attr("remotes"); err == nil {
		all, _ := elementsOf(remotes)
		names := make([]string, len(all))
		for i, name := range all {
			names[i], _ = starlark.AsString(name)
		}
		text = strings.TrimSuffix(text, ">") + ": " + strings.Join(names, ", ") + ">"
	}
	for _, part := range wrap(printable.Line(text), p.room()) {
		p.line("", part)
	}
	p.over()
}

// write writes lines that are ready.
func (p *printer) write(text string) { p.text.WriteString(text) }

// line writes a line, cut to the width.
func (p *printer) line(c Color, text string) {
	if p.left--; p.left < 0 {
		return
	}
	if p.style.Width > 0 {
		text = cut(text, max(1, p.style.Width-p.margin))
	}
	p.write(strings.Repeat(" ", p.indent()) + p.style.paint(c, text) + "\n")
}

// indent returns the margin, less on a narrow terminal.
func (p *printer) indent() int {
	if p.style.Width > 0 {
		return min(p.margin, p.style.Width/2)
	}
	return p.margin
}

// room returns the width of a line within the margin; 0 for no limit.
func (p *printer) room() int {
	if p.style.Width <= 0 {
		return 0
	}
	return max(1, p.style.Width-p.indent())
}

// over says that lines are left out, and how to see them.
func (p *printer) over() {
	if p.left < 0 && !p.style.All {
		p.left = 0
		p.note(fmt.Sprintf("… more than %s lines: :all shows them", printable.Count(maxLines)))
	}
}

// note writes a remark.
func (p *printer) note(text string) {
	p.left = max(p.left, 1)
	p.line(faint, text)
}

// list writes the elements of a list: as a table if they have columns, in one line if they fit, else a line for each.
func (p *printer) list(v starlark.Value, all []starlark.Value) {
	if g := p.style.grid(all); g != nil {
		p.table(g, len(all))
		return
	}
	r := repr{limit: p.style.limit()}
	r.write(v)
	if text := printable.Line(r.String()); !strings.Contains(text, "…") && (p.style.Width <= 0 || printable.Width(text) <= p.style.Width) {
		p.write(text + "\n")
		return
	}
	for i, elem := range all {
		if i == maxRows && !p.style.All {
			break
		}
		r := repr{limit: p.style.limit()}
		r.write(elem)
		text := printable.Line(r.String())
		if p.style.All {
			for _, part := range wrap(text, p.room()) {
				p.line("", part)
			}
			continue
		}
		p.line("", text)
	}
	p.more(len(all))
}

// table writes a table of a list of n elements, of which it has the first ones.
func (p *printer) table(g *Grid, n int) {
	s := p.style
	s.Width = p.room()
	margin := strings.Repeat(" ", p.indent())
	for line := range strings.Lines(g.Text(s)) {
		if p.left--; p.left < 0 {
			break
		}
		p.write(margin + line)
	}
	p.more(n)
}

// more says how many elements of a list are left out.
func (p *printer) more(n int) {
	if left := n - maxRows; left > 0 && !p.style.All {
		p.note(fmt.Sprintf("… %s more: :all shows them", printable.Count(left)))
	}
}

// grid returns the table of a list; nil if its elements have no common columns.
func (s Style) grid(all []starlark.Value) *Grid {
	first := all
	if !s.All {
		first = all[:min(len(all), maxRows)]
	}
	for _, make := range []func(all, first []starlark.Value) *Grid{s.objects, s.structs, s.results, s.failures, s.rows} {
		if g := make(all, first); g != nil {
			return g
		}
	}
	return nil
}

// rows returns the table of dicts or structs; nil if most of its cells would be empty.
func (s Style) rows(all, first []starlark.Value) *Grid {
	var names []string
	seen := make(map[string]bool)
	filled := 0
	for _, row := range first {
		pairs, ok := mapped(row)
		filled += len(pairs)
		if !ok || len(pairs) == 0 {
			return nil
		}
		for _, pair := range pairs {
			if !seen[pair.name] {
				seen[pair.name] = true
				names = append(names, pair.name)
			}
		}
		if len(names) > maxColumns {
			return nil
		}
	}
	for _, row := range all[len(first):] {
		if _, ok := mapped(row); !ok {
			return nil
		}
	}
	if len(first) > 1 && 2*filled <= len(first)*len(names) {
		return nil // they have little in common
	}
	g := new(Grid)
	for _, name := range names {
		g.Head = append(g.Head, header(name))
	}
	for _, row := range first {
		pairs, _ := mapped(row)
		cells := make([]Cell, len(names))
		for i := range cells {
			cells[i].Right = true
		}
		for _, pair := range pairs {
			cells[slices.Index(names, pair.name)] = s.cell(pair.value, pair.name)
		}
		g.Rows = append(g.Rows, cells)
	}
	return g
}

// header returns the heading of a column.
func header(name string) string {
	return strings.ToUpper(Line(clip(strings.ReplaceAll(name, "_", " "), maxText)))
}

// A pair is a named value of a dict or a struct.
type pair struct {
	name  string
	value starlark.Value
}

// mapped returns the items of a dict with strings as keys, or of a struct.
func mapped(v starlark.Value) ([]pair, bool) {
	switch v := v.(type) {
	case *starlark.Dict:
		all := make([]pair, 0, v.Len())
		for key, elem := range v.Entries() {
			name, ok := starlark.AsString(key)
			if !ok {
				return nil, false
			}
			all = append(all, pair{name, elem})
		}
		return all, true
	case *starlarkstruct.Struct:
		return structPairs(v), true
	}
	return nil, false
}

func structPairs(v *starlarkstruct.Struct) []pair {
	var all []pair
	for _, name := range v.AttrNames() {
		if elem, err := v.Attr(name); err == nil {
			all = append(all, pair{name, elem})
		}
	}
	return all
}

// pairsOf returns the items of a dict, with the text of keys that aren't strings.
func pairsOf(d *starlark.Dict) []pair {
	all := make([]pair, 0, min(d.Len(), 100*maxLines))
	for key, elem := range d.Entries() {
		name, ok := starlark.AsString(key)
		if !ok {
			r := repr{limit: maxText}
			r.write(key)
			name = r.String()
		}
		all = append(all, pair{name, elem})
	}
	return all
}
