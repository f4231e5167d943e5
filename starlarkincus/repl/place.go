package repl

import (
	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/spec"

	"go.starlark.net/starlark"
)

// A place is what a string in the text is for.
type place struct {
	field  *spec.Field           // argument, or field in it
	param  *builtin.Param        // parameter of a function of the host
	of     starlark.Value        // the value whose method that function is
	method *starlarkincus.Method // call that the field belongs to
	given  func(string) starlark.Value
	client *starlarkincus.Client
	keys   spec.Keys         // of a Config
	by     string            // value of Keys.By
	device bool              // in the dict of one device, of Devices
	kind   string            // type of the device, if it is known
	key    bool              // it is a key of the dict
	others []string          // keys that the dict has already
	near   map[string]string // other keys and values of the dict
	order  int               // index in a list
}

// callAt returns the function that is called with the open parenthesis, and the index of its first argument: that of
// the function which try_ and its like call is the second.
func (c *completion) callAt(open int) (fn starlark.Value, first int) {
	start := c.tokens.primary(open)
	if start < 0 || c.tokens.word(start-1) == "def" {
		return nil, 0
	}
	fn = c.range_(start, open)
	b, ok := fn.(*starlark.Builtin)
	if !ok {
		return fn, 0
	}
	d := declared(b)
	if d == nil {
		return fn, 0
	}
	for i, p := range d.Params {
		forwards := i+1 < len(d.Params) && d.Params[i+1].Passing == builtin.Rest
		if p.Type != builtin.Callable || !forwards {
			continue
		}
		starts := c.tokens.elements(open, c.at)
		if len(starts) > i+1 {
			return c.range_(starts[i], starts[i+1]-1), i + 1
		}
	}
	return fn, 0
}

// place returns what the string, or the element, at the token i is for; nil for unknown.
func (c *completion) place(i int) *place {
	ts := c.tokens
	open := ts.enclosing(i)
	if open < 0 {
		return nil
	}
	starts := ts.elements(open, i)
	start := starts[len(starts)-1]
	switch {
	case ts.is(open, "(") && (ts.endsOperand(open-1) || ts.word(open-1) == "load"):
		return c.argument(open, starts, i)
	case ts.is(open, "["), ts.is(open, "("):
		if start != i || ts.is(open, "[") && ts.endsOperand(open-1) {
			return nil
		}
		p := c.place(open)
		if p != nil {
			p.order = len(starts) - 1
		}
		return p
	}
	p := c.place(open) // a dict
	if p == nil || p.field == nil || p.key {
		return nil
	}
	p.near = make(map[string]string)
	for _, s := range starts {
		if s < len(ts.list) && ts.list[s].kind == textToken && s != i {
			name := ts.textValue(s)
			p.others = append(p.others, name)
			if ts.is(s+1, ":") && s+2 < len(ts.list) && ts.list[s+2].kind == textToken {
				p.near[name] = ts.textValue(s + 2)
			}
		}
	}
	if start == i {
		p.key = true
		if p.device {
			p.kind = c.deviceType(open, p)
		}
		return p
	}
	if ts.list[start].kind != textToken || !ts.is(start+1, ":") || start+2 != i {
		return nil
	}
	return p.value(ts.textValue(start))
}

// deviceType returns the type of the device whose keys are in the bracket, with those after the cursor.
func (c *completion) deviceType(open int, p *place) string {
	if t := p.near["type"]; t != "" {
		return t
	}
	ts := c.tokens
	for i := c.at; i+2 < len(ts.list); i++ {
		if ts.list[i].kind == closeToken && ts.list[i].match <= open {
			break
		}
		if ts.list[i].kind == textToken && ts.textValue(i) == "type" && ts.is(i+1, ":") && ts.list[i+2].kind == textToken {
			return ts.textValue(i + 2)
		}
	}
	return ""
}

// value returns the place of the value of a key in the dict.
func (p *place) value(key string) *place {
	q := *p
	switch p.field.Type {
	case spec.Devices:
		if !p.device {
			q.device = true
			return &q
		}
		q.field = nil
		if key == "type" {
			q.field = &deviceTypeField
			return &q
		}
		for _, t := range spec.DeviceTypes {
			if p.near["type"] != "" && t.Name != p.near["type"] {
				continue
			}
			if f := spec.Find(t.Keys, key); f != nil {
				q.field = f
				return &q
			}
		}
		return nil
	case spec.Object, spec.Objects, spec.Filter, spec.Conditions:
		f := spec.Find(p.field.Fields, key)
		if f == nil {
			f = spec.Find(p.field.Fields, spec.AnyKey)
		}
		if f == nil {
			return nil
		}
		q.field = f
		return &q
	}
	return nil
}

// deviceTypeField is the key of a device with its type.
var deviceTypeField = func() spec.Field {
	f := spec.Field{Name: "type", Type: spec.String}
	for _, t := range spec.DeviceTypes {
		f.Values = append(f.Values, t.Name)
	}
	return f
}()

// argument returns the place of the argument of a call that the token i belongs to.
func (c *completion) argument(open int, starts []int, i int) *place {
	ts := c.tokens
	start := starts[len(starts)-1]
	name := ""
	if ts.name(start) != "" && ts.is(start+1, "=") {
		name, start = ts.name(start), start+2
	}
	if start != i {
		return nil
	}
	if ts.word(open-1) == "load" {
		return &place{param: &scriptParam}
	}
	fn, first := c.callAt(open)
	order := 0
	for _, s := range starts[:len(starts)-1] {
		if !(ts.name(s) != "" && ts.is(s+1, "=")) {
			order++
		}
	}
	order -= first
	if order < 0 {
		return nil
	}
	switch fn := fn.(type) {
	case *starlarkincus.Method:
		args := fn.Declaration().Arguments()
		var f *spec.Field
		if name != "" {
			f = spec.Find(args, name)
		} else if positional := positional(args); order < len(positional) {
			f = &positional[order]
		}
		if f == nil {
			return nil
		}
		p := &place{field: f, method: fn, client: fn.Client(), given: c.givenAt(open, starts, first, fn.Declaration())}
		if r := fn.Resource(); r != nil {
			p.keys = r.Keys
			p.by = c.keysBy(fn, p.given)
		}
		return p
	case *starlark.Builtin:
		d := declared(fn)
		if d == nil {
			return nil
		}
		for n := range d.Params {
			param := &d.Params[n]
			if name == param.Name && name != "" || name == "" && (n == order || n < order && param.Passing == builtin.Rest) {
				return &place{param: param, of: fn.Receiver()}
			}
		}
	}
	return nil
}

// keysBy returns the value that completes the kind of the config's keys.
func (c *completion) keysBy(m *starlarkincus.Method, given func(string) starlark.Value) string {
	keys := m.Resource().Keys
	if keys.By == "" {
		return ""
	}
	if text, ok := given(keys.By).(starlark.String); ok && text != "" {
		return string(text)
	}
	if o := m.Object(); o != nil {
		return c.byOf(o)
	}
	return keys.Default
}

// byOf returns the value that completes the kind of the keys of an object's config; empty if it is unknown.
func (c *completion) byOf(o *starlarkincus.Object) string {
	by := o.Resource().Keys.By
	if by == "" || o.IsSample() {
		return ""
	}
	text, _ := c.attr(o, by).(starlark.String)
	return string(text)
}

// givenAt returns a function that returns the value of an argument in the open call.
func (c *completion) givenAt(open int, starts []int, first int, m *spec.Method) func(string) starlark.Value {
	return func(name string) starlark.Value {
		positional := positional(m.Arguments())
		order := 0
		for n, s := range starts {
			end := c.at
			if n+1 < len(starts) {
				end = starts[n+1] - 1
			}
			given := ""
			if c.tokens.name(s) != "" && c.tokens.is(s+1, "=") {
				given, s = c.tokens.name(s), s+2
			} else {
				if i := order - first; i >= 0 && i < len(positional) {
					given = positional[i].Script()
				}
				order++
			}
			if given == name && n+1 < len(starts) {
				return c.range_(s, end)
			}
		}
		return nil
	}
}

// gets returns the start of the dict whose method get, or another one that takes a key, is called with the token at i as
// its first argument; -1 if that is none.
func (c *completion) gets(i int) int {
	ts := c.tokens
	open := ts.enclosing(i)
	if open < 3 || open != i-1 || !ts.is(open, "(") || !ts.is(open-2, ".") {
		return -1
	}
	if name := ts.name(open - 1); name != "get" && name != "pop" && name != "setdefault" {
		return -1
	}
	start := ts.primary(open - 2)
	if start < 0 {
		return -1
	}
	_, ok := c.range_(start, open-2).(*starlark.Dict)
	if _, _, device := c.fieldAt(start, open-2); !ok && device == nil {
		return -1
	}
	return start
}

// texts returns the candidates for the string at the token i.
func (c *completion) texts(i int, prefix string) []candidate {
	ts := c.tokens
	if open := ts.enclosing(i); open >= 0 && open == i-1 && ts.is(open, "[") && ts.endsOperand(open-1) {
		return c.items(ts.primary(open), open, prefix)
	}
	if dict := c.gets(i); dict >= 0 {
		return c.items(dict, ts.enclosing(i)-2, prefix)
	}
	p := c.place(i)
	switch {
	case p == nil:
		return nil
	case p.param != nil:
		return c.local(p, prefix)
	case p.key:
		return c.dictKeys(p, prefix)
	case len(p.field.Values) > 0:
		var out []candidate
		for _, value := range p.field.Values {
			out = append(out, candidate{value, p.field.Script()})
		}
		return out
	case p.field.Reference() == spec.ToFile:
		return c.files(prefix, false)
	case p.field.Refers != 0:
		return c.names(p, prefix)
	}
	return nil
}
