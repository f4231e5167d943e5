package show

import (
	"fmt"
	"strings"

	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/secret"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// maxName is the greatest width of a name before an aligned value.
const maxName = 36

// fields writes a line for each name, or several for a value with names of its own. A margin of two is added for those.
func (p *printer) fields(all []pair) {
	width := 0
	for i := range all {
		if i == maxRows {
			break
		}
		all[i].name = Line(clip(all[i].name, maxText))
		if !nested(all[i].value) {
			if w := printable.Width(all[i].name); w <= maxName {
				width = max(width, w)
			}
		}
	}
	if room := p.room(); room > 0 {
		width = min(width, room/2)
	}
	for _, pair := range all {
		if p.left < 0 {
			return
		}
		p.field(pair, width)
	}
}

// nested reports whether a value has lines of its own.
func nested(v starlark.Value) bool {
	switch v := v.(type) {
	case *starlark.Dict:
		return v.Len() > 0
	case *starlarkstruct.Struct:
		return len(v.AttrNames()) > 0
	case *starlark.List:
		if v.Len() > 0 {
			_, ok := mapped(v.Index(0))
			return ok
		}
	}
	return false
}

func (p *printer) field(f pair, width int) {
	if secret.Key(f.name) && f.value != starlark.None {
		p.entry(f.name, width, faint, secret.Hidden)
		return
	}
	if nested(f.value) && p.depth < maxDepth {
		p.below(f)
		return
	}
	s := p.style
	text, isText := plain(f.value)
	switch {
	case isText && !p.brief && strings.Contains(strings.TrimSuffix(text, "\n"), "\n"):
		p.block(f.name, text)
		return
	case isText && p.brief && strings.Contains(strings.TrimSpace(text), "\n"):
		first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
		p.cut = true
		text = Line(clip(secret.Text(clip(first, s.limit())), s.limit())) + " … " + moreLines(strings.Count(rest, "\n")+1)
	case isText && !p.brief:
		text = secret.Text(Line(clip(text, 1<<20)))
	case p.brief:
		text = s.line(f.value, f.name)
	default:
		s.max = min(maxValue, max(p.bytes, 8*p.style.Width+64))
		text = s.line(f.value, f.name)
		p.bytes -= len(text)
	}
	p.entry(f.name, width, colorOf(f.name, text), text)
}

// below writes a name, and the value in the lines below it.
func (p *printer) below(f pair) {
	p.line("", f.name)
	p.margin += 2
	p.depth++
	switch v := f.value.(type) {
	case *starlark.List:
		all, _ := elementsOf(v)
		if g := p.style.rows(all, all[:min(len(all), maxRows)]); g != nil {
			p.table(g, len(all))
			break
		}
		for _, elem := range all {
			if p.left < 0 {
				break
			}
			p.line("", p.style.line(elem, ""))
		}
	case *starlarkstruct.Struct:
		p.some(structPairs(v))
	case *starlark.Dict:
		p.some(pairsOf(v))
	}
	p.depth--
	p.margin -= 2
}

// some writes the first fields, if the printer is brief, else all of them.
func (p *printer) some(all []pair) {
	if !p.brief || len(all) <= p.most+1 {
		p.fields(all)
		return
	}
	p.fields(all[:p.most])
	p.cut = true
	p.line(faint, fmt.Sprintf("… %s more", printable.Count(len(all)-p.most)))
}

// block writes a name, and the lines of a text below it.
func (p *printer) block(name, text string) {
	p.line("", name)
	p.margin += 2
	for line := range strings.Lines(text) {
		if p.left < 0 {
			break
		}
		line = secret.Text(printable.Line(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")))
		parts := wrap(line, p.room())
		if len(parts) == 0 {
			p.line("", "")
		}
		for _, part := range parts {
			p.line("", part)
		}
	}
	p.margin -= 2
}

// entry writes a name and a text, which is cut or continues in further lines.
func (p *printer) entry(name string, width int, c Color, text string) {
	if w := printable.Width(name); w > width {
		if room := p.room(); room > 0 && w > room*2/3 {
			p.line("", name) // the value has a line of its own
			name, width = "", 2
		} else {
			width = w
		}
	}
	gap := columnGap
	if name == "" && width == 2 {
		gap = 0
	}
	room := 0
	if p.style.Width > 0 {
		room = max(1, p.room()-width-gap)
	}
	var parts []string
	if p.brief {
		if room > 0 && printable.Width(text) > room {
			p.cut = true
		}
		parts = []string{cut(text, room)}
	} else {
		parts = wrap(text, room)
	}
	if len(parts) == 0 {
		parts = []string{""}
	}
	for i, part := range parts {
		if p.left--; p.left < 0 {
			return
		}
		lead := ""
		if i == 0 {
			lead = name
		}
		line := strings.Repeat(" ", p.indent()) + lead + strings.Repeat(" ", max(0, width-printable.Width(lead))+gap)
		p.write(strings.TrimRight(line+p.style.paint(c, part), " ") + "\n")
	}
}

// moreLines returns a number of lines that aren't shown.
func moreLines(n int) string {
	if n == 1 {
		return "1 more line"
	}
	return printable.Count(n) + " more lines"
}
