package show

import (
	"cmp"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/printable"
	"incus-star/starlarkincus/internal/secret"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// An object is an object of Incus.
type object interface {
	starlark.HasAttrs
	Resource() *spec.Resource
	Items() []starlark.Tuple
}

// A collection is a collection of objects.
type collection interface {
	starlark.HasAttrs
	Resource() *spec.Resource
	Name() string
}

// A method is a method of an object, a collection or a client.
type method interface {
	starlark.Callable
	Declaration() *spec.Method
}

// A failure is an error.
type failure interface {
	starlark.HasAttrs
	Failure() *errors.Error
}

// objects returns the table of objects of one kind.
func (s Style) objects(all, first []starlark.Value) *Grid {
	var res *spec.Resource
	for i, v := range all {
		o, ok := v.(object)
		if !ok || i > 0 && o.Resource() != res {
			return nil
		}
		res = o.Resource()
	}
	return s.columns(res, all, first)
}

// FieldNames returns the fields of a struct: of one that a method returns in the order of its table, and the others sorted.
func FieldNames(x *starlarkstruct.Struct) []string {
	names := x.AttrNames()
	kind, _ := starlark.AsString(x.Constructor())
	res := spec.Structs()[kind]
	if res == nil {
		return names
	}
	place := func(name string) int {
		i := slices.IndexFunc(res.Columns, func(c spec.Column) bool { return c.Field == name })
		if i < 0 {
			return len(res.Columns)
		}
		return i
	}
	slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
	return names
}

// structs returns the table of structs of one kind that methods return, such as the files of a folder.
func (s Style) structs(all, first []starlark.Value) *Grid {
	name := ""
	for i, v := range all {
		x, ok := v.(*starlarkstruct.Struct)
		if !ok {
			return nil
		}
		kind, ok := starlark.AsString(x.Constructor())
		if !ok || i > 0 && kind != name {
			return nil
		}
		name = kind
	}
	if res := spec.Structs()[name]; res != nil {
		return s.columns(res, all, first)
	}
	return nil
}

// columns returns the table of values with the fields of a kind; nil if that has no columns.
func (s Style) columns(res *spec.Resource, all, first []starlark.Value) *Grid {
	if len(res.Columns) == 0 {
		return nil
	}
	g := new(Grid)
	for range first {
		g.Rows = append(g.Rows, nil)
	}
	if SeveralRemotes(all) {
		g.Head = []string{"REMOTE"}
		for i, v := range first {
			g.Rows[i] = []Cell{s.cell(remoteOf(v), "")}
		}
	}
	for _, c := range res.Columns {
		f := spec.Find(res.Fields, c.Field)
		cells := make([]Cell, len(first))
		different := false
		values := 0
		for i, v := range first {
			field, err := v.(starlark.HasAttrs).Attr(c.Field)
			if err != nil {
				field = nil
			}
			cells[i] = s.column(c, f, field)
			different = different || cells[i].Text != cells[0].Text
			if text := cells[i].Text; text != "" && !(c.Field == "location" && text == "none") && !(c.Form == spec.Count && text == "0") {
				values++
			}
		}
		if c.When == spec.IfAny && values == 0 || c.When == spec.IfMixed && !different {
			continue
		}
		g.Head = append(g.Head, header(c.Name()))
		for i := range cells {
			g.Rows[i] = append(g.Rows[i], cells[i])
		}
	}
	return g
}

// SeveralRemotes reports whether rows are objects of several servers, or errors about several.
func SeveralRemotes(rows []starlark.Value) bool { return differ(rows, remoteOf) }

// SeveralProjects reports whether rows are objects of several projects.
func SeveralProjects(rows []starlark.Value) bool {
	return differ(rows, func(v starlark.Value) starlark.Value {
		if o, ok := v.(object); ok {
			if name, err := o.Attr("project"); err == nil && name != nil {
				return name
			}
		}
		return starlark.None
	})
}

// differ reports whether a property of rows isn't the same for all.
func differ(rows []starlark.Value, of func(starlark.Value) starlark.Value) bool {
	return len(rows) > 0 && slices.ContainsFunc(rows, func(v starlark.Value) bool { return of(v) != of(rows[0]) })
}

// remoteOf returns the name of the server of an object, an error or a Result; None for none.
func remoteOf(v starlark.Value) starlark.Value {
	_, isObject := v.(object)
	_, isFailure := v.(failure)
	if has, ok := v.(starlark.HasAttrs); ok && (isObject || isFailure || v.Type() == "Result") {
		if name, err := has.Attr("remote"); err == nil && name != nil {
			return name
		}
	}
	return starlark.None
}

// empty reports whether a field has nothing to show.
func empty(v starlark.Value) bool {
	return v == nil || v == starlark.None || v == starlark.String("") || starlark.Len(v) == 0
}

// failures returns the table of errors.
func (s Style) failures(all, first []starlark.Value) *Grid {
	for _, v := range all {
		if _, ok := v.(failure); !ok {
			return nil
		}
	}
	g := &Grid{Head: []string{"CLASS", "MESSAGE", "OBJECT"}}
	for _, v := range first {
		e := v.(failure).Failure()
		object := ""
		if e.Object != nil {
			object = strings.TrimSpace(e.Object.Kind + " " + e.Object.Name)
		}
		g.Rows = append(g.Rows, []Cell{{Text: Line(e.Class.Name()), Color: class}, {Text: Line(clip(e.Message, s.limit()))}, {Text: Line(clip(object, s.limit()))}})
	}
	return g
}

// result writes a Result: its error, or its value.
func (p *printer) result(r resulting) {
	if !r.Truth() {
		p.line("", "a Result with an error:")
		p.value(r.Index(1))
		return
	}
	p.line("", "a Result with a value:")
	if p.depth++; p.depth > maxDepth {
		p.line("", "…")
		return
	}
	p.value(r.Index(0))
}

// failure writes an error: its class and message, and what else is known.
func (p *printer) failure(f failure) {
	e := f.Failure()
	name := Line(e.Class.Name())
	title := wrap(name+": "+secret.Text(Line(clip(e.Message, 1<<20))), p.room())
	if rest, ok := strings.CutPrefix(title[0], name); ok {
		p.write(p.style.paint(class, name) + rest + "\n")
	} else {
		p.line(class, title[0])
	}
	for _, line := range title[1:] {
		p.line("", line)
	}
	var all []pair
	add := func(name, text string) {
		if text != "" {
			all = append(all, pair{name, starlark.String(text)})
		}
	}
	if e.Status != 0 {
		all = append(all, pair{"status", starlark.MakeInt(e.Status)})
	}
	if e.Object != nil {
		add("object", strings.TrimSpace(e.Object.Kind+" "+e.Object.Name))
	}
	if !e.Default {
		add("remote", e.Remote)
	}
	add("outcome", string(e.Outcome))
	add("operation_id", e.OperationID)
	for _, name := range []string{"exit_code", "stdout", "stderr"} {
		if v, err := f.Attr(name); err == nil && v != nil && !empty(v) {
			all = append(all, pair{name, v})
		}
	}
	if v, err := f.Attr("cause"); err == nil {
		if cause, ok := v.(failure); ok {
			c := cause.Failure()
			add("cause", c.Class.Name()+": "+c.Message)
		}
	}
	add("hint", e.Remedy())
	p.margin += 2
	p.fields(all)
	p.margin -= 2
}

// structure writes a struct. That of a command shows the outputs as they are.
func (p *printer) structure(v *starlarkstruct.Struct) {
	name, _ := starlark.AsString(v.Constructor())
	if name != "ExecResult" {
		if len(v.AttrNames()) == 0 {
			p.write(printable.Text(v.String()) + "\n")
			return
		}
		if name == "" || name == "struct" {
			name = "struct"
		}
		p.line(kind, Line(name))
		p.margin += 2
		p.fields(p.structFields(v))
		p.margin -= 2
		p.over()
		return
	}
	part := func(name string) starlark.Value {
		v, err := v.Attr(name)
		if err != nil {
			return starlark.None
		}
		return v
	}
	p.output("", part("stdout"))
	p.output("stderr:", part("stderr"))
	if code := part("exit_code"); code == starlark.MakeInt(0) {
		p.note("exit status 0")
	} else {
		p.line(bad, "exit status "+p.style.line(code, ""))
	}
}

// structFields returns the fields of a struct. Those of one that a method returns are in the order of its help, without those
// that have no value.
func (p *printer) structFields(v *starlarkstruct.Struct) []pair {
	all := structPairs(v)
	name, _ := starlark.AsString(v.Constructor())
	res := spec.Structs()[name]
	if res == nil {
		return all
	}
	place := func(f pair) int {
		return slices.IndexFunc(res.Fields, func(g spec.Field) bool { return g.Script() == f.name })
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(place(a), place(b)) })
	if p.style.All {
		return all
	}
	return slices.DeleteFunc(all, func(f pair) bool { return empty(f.value) })
}

// output writes the output of a command, as it is but for control characters.
func (p *printer) output(heading string, v starlark.Value) {
	text, ok := v.(starlark.String)
	if !ok {
		if b, bytes := v.(starlark.Bytes); bytes && b != "" {
			p.line(faint, "bytes: "+p.style.line(starlark.String(b.String()), ""))
		}
		return
	}
	if text == "" {
		return
	}
	if heading != "" {
		p.line(faint, heading)
	}
	p.write(printable.Text(strings.TrimSuffix(string(text), "\n")) + "\n")
}

// Objects returns the table of objects of one kind; nil for other values.
func Objects(rows []starlark.Value, s Style) *Grid {
	if len(rows) == 0 {
		return nil
	}
	return s.objects(rows, rows)
}
