package starlarkincus

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/internal/feed"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/value"

	"go.starlark.net/starlark"
)

// arguments holds the arguments of a call, encoded and sorted by destination.
type arguments struct {
	body   map[string]any
	query  url.Values
	local  map[string]any
	whole  any // whole body of the request
	header http.Header
	unset  []string // fields of the body given as None, which counts as not given
	needs  []need   // API extensions required by arguments
}

// A need is a required API extension, with the part of the call that requires it.
type need struct{ what, extension string }

func (a *arguments) has(name string) bool      { return a.local[name] != nil }
func (a *arguments) string(name string) string { s, _ := a.local[name].(string); return s }
func (a *arguments) duration(name string) time.Duration {
	d, _ := a.local[name].(time.Duration)
	return d
}

// client returns the client of another server; nil if it wasn't given.
func (a *arguments) client(name string) *Client { c, _ := a.local[name].(*Client); return c }

// flag returns a bool argument, or fallback if it wasn't given.
func (a *arguments) flag(name string, fallback bool) bool {
	if b, ok := a.local[name].(bool); ok {
		return b
	}
	return fallback
}

// parseArgs checks a call's arguments against their declarations and encodes them. None counts as not given. Errors
// name the method, the argument and the position in it. A call that changes an object keeps the fields that aren't given.
func parseArgs(method string, fields []spec.Field, changes bool, args starlark.Tuple, kwargs []starlark.Tuple) (*arguments, error) {
	out := &arguments{body: make(map[string]any), query: make(url.Values), local: make(map[string]any), header: make(http.Header)}
	var positions []*spec.Field
	for i := range fields {
		if fields[i].Positional {
			positions = append(positions, &fields[i])
		}
	}
	if len(args) > len(positions) {
		return nil, fmt.Errorf("%s: got %d arguments without a name, want %s%s", method, len(args), atMost(positions), UnnamedHint(method, fields, args))
	}
	given := make(map[*spec.Field]bool)
	set := func(f *spec.Field, v starlark.Value) error {
		if given[f] {
			return fmt.Errorf("%s: got %s twice", method, f.Script())
		}
		if v == starlark.None && !f.Clears {
			if f.In == spec.Body {
				out.unset = append(out.unset, f.Script())
			}
			return nil
		}
		given[f] = true
		encoded, err := out.encode(f, f.Script(), v)
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		if f.Extension != "" {
			out.needs = append(out.needs, need{f.Script() + "=", f.Extension})
		}
		switch f.In {
		case spec.Local:
			out.local[f.Name] = encoded
		case spec.Query:
			out.query.Set(f.Name, fmt.Sprint(encoded))
		case spec.Header:
			out.header.Set("X-Incus-"+f.Name, fmt.Sprint(encoded))
		case spec.Whole:
			out.whole = encoded
		default:
			out.body[f.Name] = encoded
		}
		return nil
	}
	for i, arg := range args {
		if err := set(positions[i], arg); err != nil {
			return nil, err
		}
	}
	for _, kwarg := range kwargs {
		name := string(kwarg[0].(starlark.String))
		f := spec.Find(fields, name)
		if f == nil {
			if hint := ConditionHint(fields, name); hint != "" {
				return nil, fmt.Errorf("%s: unknown argument %s%s", method, name, hint)
			}
			return nil, fmt.Errorf("%s: %w", method, unknown("argument", name, fields))
		}
		if err := set(f, kwarg[1]); err != nil {
			return nil, err
		}
	}
	for i := range fields {
		if f := &fields[i]; f.Required && !given[f] {
			return nil, fmt.Errorf("%s: missing argument %s: %s", method, f.Script(), f.Doc)
		}
	}
	for f := range given {
		for _, name := range f.Excludes {
			if other := spec.Find(fields, name); other != nil && given[other] && out.value(f) != false && out.value(other) != false {
				return nil, fmt.Errorf("%s: %s= and %s= exclude each other", method, f.Script(), other.Script())
			}
		}
	}
	for i := range fields {
		other := spec.Find(fields, fields[i].Beside)
		if f := &fields[i]; other != nil && given[f] && effective(f, out.value(f)) && !effective(other, out.value(other)) && (!changes || given[other]) {
			return nil, fmt.Errorf("%s: %s", method, Lacking(f, other))
		}
	}
	if extra, ok := out.local["extra"].(map[string]any); ok {
		for name := range extra {
			if f := spec.Find(fields, name); f != nil && f.In == spec.Body {
				return nil, fmt.Errorf("%s: extra[%q]: give it as %s=", method, name, f.Script())
			}
		}
		maps.Copy(out.body, extra)
	}
	return out, nil
}

// Lacking returns the message for an argument that has no effect without another one.
func Lacking(f, other *spec.Field) string {
	with := other.Script() + "="
	if other.Type == spec.Bool {
		with += "True"
	}
	text := fmt.Sprintf("%s= has an effect only with %s", f.Script(), with)
	if f.Alone != "" {
		text += ": " + f.Alone
	}
	return text
}

// effective reports whether a field or an argument with an encoded value is more than one that isn't given.
func effective(f *spec.Field, v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v || f.Type != spec.Bool
	case string:
		return v != ""
	case []string:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return true
}

// value returns the encoded value of an argument; nil for one that isn't a part of the body or local.
func (a *arguments) value(f *spec.Field) any {
	if f.In == spec.Local {
		return a.local[f.Name]
	}
	return a.body[f.Name]
}

func atMost(positions []*spec.Field) string {
	if len(positions) == 0 {
		return "only named ones"
	}
	var names []string
	for _, f := range positions {
		names = append(names, f.Script())
	}
	return fmt.Sprintf("at most %d (%s)", len(positions), strings.Join(names, ", "))
}

// unknown returns the error for an unknown name, with a suggestion or the known names.
func unknown(what, name string, fields []spec.Field) error {
	var names []string
	for i := range fields {
		names = append(names, fields[i].Script())
	}
	if near := errors.Nearest(name, names); near != "" {
		return fmt.Errorf("unknown %s %s (did you mean %s?)", what, name, near)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return fmt.Errorf("unknown %s %s: it takes none", what, name)
	}
	return fmt.Errorf("unknown %s %s: there are %s", what, name, strings.Join(names, ", "))
}

// encode encodes a value of the field's declared type.
func (a *arguments) encode(f *spec.Field, path string, v starlark.Value) (any, error) {
	switch f.Type {
	case spec.String:
		encode := value.String
		if f.Bytes {
			encode = value.FilePath
		}
		text, err := encode(path, v)
		if o, ok := v.(interface{ KeyField() string }); ok && o.KeyField() != "" {
			return nil, &value.TypeError{Path: path, Got: v.Type(), Want: "string: write ." + o.KeyField()}
		}
		if err != nil {
			return nil, err
		}
		return text, checkText(f, path, text)
	case spec.Time:
		if v == starlark.None && f.Clears {
			return zeroTime, nil
		}
		return value.Time(path, v)
	case spec.Name:
		name, err := value.String(path, v)
		if err != nil {
			return nil, err
		}
		return name, checkName(path, name)
	case spec.Int:
		return value.Int(path, v)
	case spec.Bool:
		return value.Bool(path, v)
	case spec.Seconds:
		return value.Duration(path, v)
	case spec.WholeSeconds:
		return value.WholeSeconds(path, v)
	case spec.Strings:
		texts, err := value.Strings(path, v)
		for i, text := range texts {
			if err == nil {
				err = checkText(f, value.Index(path, i), text)
			}
		}
		return texts, err
	case spec.Config:
		return value.Config(path, v)
	case spec.Devices:
		return value.Devices(path, v)
	case spec.Object:
		return a.encodeObject(f, path, v)
	case spec.Certificate:
		return certificatePEM(path, v)
	case spec.Raw:
		return value.Raw(path, v)
	case spec.LocalPath:
		return localPath(path, v)
	case spec.LocalInput:
		if _, isPath := v.(starlark.String); isPath {
			return localPath(path, v)
		}
		return scriptValue(f.Type, path, v)
	case spec.FileMode:
		return value.FileMode(path, v)
	case spec.OtherServer:
		client, ok := v.(*Client)
		if !ok {
			return nil, &value.TypeError{Path: path, Got: builtin.Described(v), Want: f.Type.String()}
		}
		return client, nil
	case spec.Input, spec.Callable:
		return scriptValue(f.Type, path, v)
	case spec.Filter, spec.Conditions:
		return newFilter(f, path, v)
	case spec.Objects:
		return value.List(path, v, func(path string, v starlark.Value) (any, error) {
			if _, ok := v.(starlark.String); ok && f.Names {
				name, err := value.String(path, v)
				return map[string]any{"name": name}, err
			}
			return a.encodeObject(f, path, v)
		})
	}
	return value.Any(path, v)
}

func (a *arguments) encodeObject(f *spec.Field, path string, v starlark.Value) (any, error) {
	m, err := value.Object(path, v, func(path, key string, v starlark.Value) (any, error) {
		if f.Fields == nil {
			return value.Any(path, v)
		}
		inner := spec.Find(f.Fields, key)
		if inner == nil && f.Fields[0].Name == spec.AnyKey {
			inner = &f.Fields[0]
		}
		if inner == nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSuffix(path, fmt.Sprintf("[%q]", key)), unknown("key", key, f.Fields))
		}
		if v == starlark.None {
			return nil, nil
		}
		if inner.Extension != "" {
			a.needs = append(a.needs, need{path, inner.Extension})
		}
		return a.encode(inner, path, v)
	})
	for i := range f.Fields {
		inner := &f.Fields[i]
		if given, found := m[inner.Script()]; found && inner.Script() != inner.Name {
			delete(m, inner.Script())
			m[inner.Name] = given
		}
	}
	return m, err
}

// checkText returns an error for a string that the declaration excludes.
func checkText(f *spec.Field, path, text string) error {
	all, near := f.Values, ""
	if f.Others != spec.Accepted {
		near = errors.Nearest(text, all)
	}
	switch {
	case f.Absolute && !strings.HasPrefix(text, "/"):
		return fmt.Errorf("%s: %q is not an absolute path", path, text)
	case f.Others != spec.Refused && near == "" || slices.Contains(all, text):
		return nil
	case near != "":
		return fmt.Errorf("%s: %q is not one of %s (did you mean %s?)", path, text, strings.Join(all, ", "), near)
	}
	return fmt.Errorf("%s: %q is not one of %s", path, text, strings.Join(all, ", "))
}

// checkName rejects a name that would change the path of the request.
func checkName(path, name string) error {
	bad := func(why string) error { return fmt.Errorf("%s: %q %s", path, name, why) }
	switch {
	case name == "":
		return fmt.Errorf("%s: the name is empty", path)
	case name == "." || name == "..":
		return bad("is no name")
	case strings.Contains(name, "/"):
		return bad(`has a slash: a name is one segment, and what belongs to an object has a collection of its own, such as get("c1").snapshots`)
	case strings.ContainsAny(name, "?#"):
		return bad("has a query: give it as arguments, such as project=")
	case strings.ContainsFunc(name, unicode.IsControl):
		return bad("has a control character")
	}
	return nil
}

// CheckArgument reports an error in a value for an argument, as a call would.
func CheckArgument(f *spec.Field, v starlark.Value) error {
	_, err := new(arguments).encode(f, f.Script(), v)
	return err
}

// CheckFilterField reports an error in a key of a filter's dict.
func CheckFilterField(f *spec.Field, key string) error {
	name, _, _ := strings.Cut(key, ".")
	_, err := filterField(f.Fields, f.Script(), name)
	return err
}

// scriptValue returns a value that the module keeps as the script gave it.
func scriptValue(t spec.Type, path string, v starlark.Value) (starlark.Value, error) {
	takes := feed.Takes(v)
	switch v.(type) {
	case starlark.String, starlark.Bytes:
		takes = t == spec.Input
	}
	if _, calls := v.(starlark.Callable); calls || takes && t != spec.Callable {
		return v, nil
	}
	return nil, feed.Mismatch(path, v, t.String())
}
