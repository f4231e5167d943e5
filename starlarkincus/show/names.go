package show

import (
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// collection writes what a collection has, and the calls that list it.
func (p *printer) collection(c collection) {
	res, reach := c.Resource(), c.Resource().Reach()
	p.prose(kind, reach+": "+res.Doc)
	names := c.AttrNames()
	help, owner := "help("+reach+")", reach
	if !strings.HasPrefix(reach, "incus.") {
		help, owner = "help("+syntax.Quote(reach, false)+")", "" // nothing has the name of its owner
	}
	var calls [][]Cell
	add := func(name, call, text string) {
		if slices.Contains(names, name) {
			calls = append(calls, []Cell{{Text: owner + call}, {Text: text}})
			names = slices.DeleteFunc(names, func(other string) bool { return other == name })
		}
	}
	switch {
	case res.Lists != spec.Single:
		add("list", ".list()", "all of them")
		add("names", ".names()", "their names")
		add("get", `.get("NAME")`, "one of them")
	case strings.Contains(res.Doc, reach+"()"): // says what it does
		names = slices.DeleteFunc(names, func(name string) bool { return name == "get" })
	default:
		add("get", "()", "reads it")
	}
	p.margin += 2
	if calls != nil {
		s := p.style
		s.Width = p.room()
		for line := range strings.Lines((&Grid{Rows: calls}).Text(s)) {
			p.write(strings.Repeat(" ", p.indent()) + line)
		}
	}
	p.margin -= 2
	if len(names) > 0 {
		p.prose("", "also ."+strings.Join(names, " ."))
	}
	p.note(help)
}

// method writes what a method does. It was probably meant to be called.
func (p *printer) method(m method) {
	p.prose(kind, m.Name()+": "+m.Declaration().Doc)
	p.note("() calls it, ? shows its help")
}

// client writes the collections of a client.
func (p *printer) client(v starlark.HasAttrs) {
	p.prose(kind, v.String())
	var names []string
	for _, name := range v.AttrNames() {
		if member, err := v.Attr(name); err == nil {
			if _, ok := member.(method); ok {
				continue
			}
			if _, ok := member.(collection); ok {
				names = append(names, name)
			}
		}
	}
	p.prose("", "has ."+strings.Join(names, " ."))
	p.note(`incus.instances.list() lists instances; help(incus) has all`)
}

// prose writes words in lines.
func (p *printer) prose(first Color, text string) {
	room := p.room()
	line := ""
	flush := func() {
		if line != "" {
			p.line(first, line)
			line, first = "", ""
		}
	}
	for word := range strings.FieldsSeq(Line(text)) {
		if line != "" && room > 0 && len(line)+1+len(word) > room {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	flush()
}
