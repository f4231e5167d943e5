package starlarkincus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// A filter is the value of list's filter=: an expression, which only the server evaluates, or conditions. The server
// evaluates conditions as far as it does so exactly, and all are checked again here.
type filter struct {
	expression string
	conditions []condition
}

// A condition is the required value of a field.
type condition struct {
	field *spec.Field
	rest  string // path below the field: a configuration key, or device.key; empty for the field itself
	want  starlark.Value
	fold  bool // ignore case
}

// newFilter checks filter= against the fields of the resource.
func newFilter(f *spec.Field, path string, v starlark.Value) (*filter, error) {
	if m, ok := v.(starlark.IterableMapping); ok {
		out := new(filter)
		for _, item := range m.Items() {
			key, ok := starlark.AsString(item[0])
			if !ok || key == "" || strings.ContainsAny(key, " \t\r\n\"'") {
				return nil, fmt.Errorf("%s: the key %s is not the name of a field", path, item[0])
			}
			c, err := newCondition(f.Fields, path, key, item[1])
			if err != nil {
				return nil, err
			}
			out.conditions = append(out.conditions, *c)
		}
		return out, nil
	}
	text, ok := starlark.AsString(v)
	switch {
	case f.Type == spec.Conditions:
		return nil, &value.TypeError{Path: path, Got: v.Type(), Want: "dict of fields and values"}
	case !ok:
		return nil, &value.TypeError{Path: path, Got: v.Type(), Want: "string or dict of fields and values"}
	}
	if _, err := value.String(path, v); err != nil {
		return nil, err
	}
	if name, want, ok := comparison(text); ok && spec.Find(f.Fields, name) != nil {
		return nil, fmt.Errorf("%s: %q is no expression of the server: write {%q: %q}, or %q", path, text, name, want, name+" eq "+want)
	}
	for _, name := range expressionFields(text) {
		if err := checkExpressionField(f.Fields, path, name); err != nil {
			return nil, err
		}
	}
	return &filter{expression: text}, nil
}

// newCondition checks one entry of a dict of conditions.
func newCondition(fields []spec.Field, path, key string, v starlark.Value) (*condition, error) {
	name, rest, deep := strings.Cut(key, ".")
	f, err := filterField(fields, path, name)
	if err != nil {
		return nil, err
	}
	c := &condition{field: f, rest: rest, want: v, fold: f.Name == "status"}
	at := value.Index(path, key)
	if v == starlark.None && (f.Type == spec.Config || f.Type == spec.Devices) && rest != "" {
		return nil, fmt.Errorf(`%s is None: "" finds objects without the key`, at)
	}
	switch f.Type {
	case spec.Config:
		if rest == "" {
			return nil, fmt.Errorf("%s: name one key, such as %s.user.role", at, f.Script())
		}
		c.want, err = value.ConfigText(at, v)
		return c, err
	case spec.Devices:
		if !strings.Contains(rest, ".") {
			return nil, fmt.Errorf("%s: name a device and one of its keys, such as %s.eth0.network", at, f.Script())
		}
		c.want, err = value.ConfigText(at, v)
		return c, err
	case spec.Objects:
		return nil, fmt.Errorf("%s: is a list of dicts; list without it and compare in the script", at)
	case spec.Object, spec.Any:
		if rest == "" {
			return nil, fmt.Errorf("%s: is a dict; name one of its keys, as in %s.key", at, f.Script())
		}
		return c, scalar(at, v)
	}
	if deep {
		return nil, fmt.Errorf("%s: %s is %s and has nothing below it", at, f.Script(), f.Type)
	}
	switch f.Type {
	case spec.Int:
		_, err = value.Int(at, v)
	case spec.Bool:
		_, err = value.Bool(at, v)
	case spec.Strings:
		_, err = value.Strings(at, v)
	default:
		_, err = value.String(at, v)
	}
	return c, err
}

// wild returns an error for a condition that would need wildcards: the name of an instance is a host's, and has no *.
func (f *filter) wild(method string, res *spec.Resource) error {
	for _, c := range f.conditions {
		if text, _ := starlark.AsString(c.want); res == spec.Instances && c.field.Name == res.Key && strings.ContainsAny(text, "*?[") {
			return fmt.Errorf(`%s: filter["name"]: %q has wildcards, and a condition is the whole name: write [i for i in incus.instances.list() if i.name.startswith("web")]`, method, text)
		}
	}
	return nil
}

func scalar(path string, v starlark.Value) error {
	switch v.(type) {
	case starlark.String, starlark.Bool, starlark.Int, starlark.Float:
		return nil
	}
	return &value.TypeError{Path: path, Got: v.Type(), Want: "string, int, float or bool"}
}

// filterField returns the field with a name.
func filterField(fields []spec.Field, path, name string) (*spec.Field, error) {
	if f := spec.Find(fields, name); f != nil {
		return f, nil
	}
	if name == "state" {
		return nil, fmt.Errorf("%s: servers can't filter by state.*; use list(state=True) and compare in the script", path)
	}
	return nil, fmt.Errorf("%s: %w", path, unknown("field", name, fields))
}

// checkExpressionField rejects a field that the server can't compare, for which it would return an error or nothing.
func checkExpressionField(fields []spec.Field, path, name string) error {
	root, rest, _ := strings.Cut(name, ".")
	f, err := filterField(fields, path, root)
	switch {
	case err != nil:
		return err
	case f.Name != root:
		return fmt.Errorf("%s: in an expression the field is called %s", path, f.Name)
	case f.Type == spec.Time || f.Type == spec.Objects || rest == "" && slices.Contains([]spec.Type{spec.Config, spec.Devices, spec.Object}, f.Type):
		return fmt.Errorf("%s: servers can't compare %s in an expression", path, f.Name)
	}
	return nil
}

// expressionFields returns the fields in an expression. The server reports its other errors.
func expressionFields(text string) []string {
	var out []string
	words := strings.Fields(text)
	for i := 0; i+2 < len(words); i++ {
		if strings.EqualFold(words[i], "not") {
			i++
		}
		if i+2 >= len(words) {
			break
		}
		out = append(out, words[i])
		i += 2
		if quote := words[i][:1]; quote == `"` || quote == `'` {
			for i++; i < len(words) && !strings.HasSuffix(words[i], quote); i++ {
			}
		}
		i++ // and, or
	}
	return out
}

// query returns the conditions that the server evaluates exactly, as an expression. Servers can't compare times, dicts,
// lists of dicts and some numbers; they fail if an object lacks a device; and they match prefixes of configuration
// keys.
func (f *filter) query() string {
	if f.expression != "" {
		return f.expression
	}
	var clauses []string
	for _, c := range f.conditions {
		name := c.field.Name
		switch c.field.Type {
		case spec.Config:
			if c.want == starlark.String("") || strings.ContainsAny(c.rest, " \t\r\n") {
				continue
			}
			name += "." + c.rest
		case spec.String, spec.Name, spec.Bool:
		default:
			continue
		}
		clauses = append(clauses, name+" eq "+operand(c.want, c.fold))
	}
	return strings.Join(clauses, " and ")
}

// operand quotes a value for an expression, in which servers split at white space and commas and match regular
// expressions without case.
func operand(v starlark.Value, fold bool) string {
	s, ok := starlark.AsString(v)
	if !ok {
		return strings.ToLower(v.String())
	}
	var escaped strings.Builder
	for _, r := range regexp.QuoteMeta(s) {
		if r <= ' ' || strings.ContainsRune(`,"'`, r) || r == 0x7f || r == 0x85 || r == 0xa0 || r >= 0x1680 && strings.TrimSpace(string(r)) == "" {
			fmt.Fprintf(&escaped, `\x{%x}`, r)
		} else {
			escaped.WriteRune(r)
		}
	}
	if fold {
		return "^" + escaped.String() + "$"
	}
	return "^(?-i:" + escaped.String() + ")$"
}

// match reports whether an object's fields satisfy all conditions.
func (f *filter) match(fields starlark.Value) (bool, error) {
	for _, c := range f.conditions {
		path := c.field.Name
		if c.rest != "" {
			path += "." + c.rest
		}
		got := at(fields, path)
		if got == nil || got == starlark.None {
			got = zeroLike(c.want)
		}
		if list, ok := got.(*starlark.List); ok {
			got = starlark.Tuple(slices.Collect(list.Elements()))
		}
		want := c.want
		if list, ok := want.(starlark.Iterable); ok {
			want = starlark.Tuple(slices.Collect(starlark.Elements(list)))
		}
		same, err := starlark.Equal(got, want)
		if a, ok := starlark.AsString(got); ok && c.fold {
			b, _ := starlark.AsString(want)
			same = strings.EqualFold(a, b)
		}
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// zeroLike returns the value of a field that the server omits.
func zeroLike(like starlark.Value) starlark.Value {
	switch like.(type) {
	case starlark.Bool:
		return starlark.False
	case starlark.Int:
		return starlark.MakeInt(0)
	case starlark.String:
		return starlark.String("")
	}
	return starlark.Tuple{}
}

// at returns the value at a path of names joined by dots; nil if there is none. Names may contain dots.
func at(v starlark.Value, path string) starlark.Value {
	dict, ok := v.(*starlark.Dict)
	if !ok {
		return nil
	}
	if found, ok, _ := dict.Get(starlark.String(path)); ok {
		return found
	}
	for i, c := range path {
		if c != '.' {
			continue
		}
		if below, ok, _ := dict.Get(starlark.String(path[:i])); ok {
			if found := at(below, path[i+1:]); found != nil {
				return found
			}
		}
	}
	return nil
}

// only returns the matching elements.
func (f *filter) only(elems []starlark.Value) ([]starlark.Value, error) {
	var err error
	return slices.DeleteFunc(elems, func(elem starlark.Value) bool {
		same, failed := f.match(elem)
		if failed != nil {
			err = failed
		}
		return !same
	}), err
}
