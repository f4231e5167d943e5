package host

import (
	"fmt"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// choose sets the choices of a flag from choices=, and returns an error if they aren't a list of values of the flag's type. If the
// default isn't known yet, choose doesn't look at it.
func (f *scriptFlag) choose(v, fallback starlark.Value) error {
	if v == nil || v == starlark.None {
		return nil
	}
	list, ok := v.(*starlark.List)
	if !ok {
		return fmt.Errorf("choices is %s, want a list", builtin.Described(v))
	}
	if list.Len() == 0 {
		return fmt.Errorf("choices is empty")
	}
	f.choices = slices.Collect(list.Elements())
	if fallback == nil {
		return nil
	}
	kind, _, err := kindOf(fallback)
	if err != nil {
		return fmt.Errorf("default %w", err)
	}
	for _, c := range f.choices {
		if t := c.Type(); kind == "bool" || t != kind && !(kind == "float" && t == "int") {
			return fmt.Errorf("choices has %s, and the flag, which has the type of its default, is %s", builtin.Described(c), kindName(kind))
		}
	}
	defaults, several := fallback.(*starlark.List)
	switch {
	case f.required, fallback == starlark.None:
	case several:
		for v := range defaults.Elements() {
			if !f.permits(v) {
				return fmt.Errorf("the default has %s, which isn't one of the choices %s", v, f.listed())
			}
		}
	case !f.permits(fallback):
		return fmt.Errorf("the default is %s, which isn't one of the choices %s", fallback, f.listed())
	}
	return nil
}

// kindName returns the name of a kind with its article.
func kindName(kind string) string {
	if kind == "int" {
		return "an int"
	}
	return "a " + kind
}

// permits reports whether a value is one of the choices.
func (f *scriptFlag) permits(v starlark.Value) bool {
	return f.choices == nil || slices.ContainsFunc(f.choices, func(c starlark.Value) bool {
		same, err := starlark.Equal(c, v)
		return same && err == nil
	})
}

// parse returns a value on the command line, which must be one of the choices.
func (f *scriptFlag) parse(kind, s string) (starlark.Value, error) {
	v, err := parseFlag(kind, s)
	if err != nil || f.permits(v) {
		return v, err
	}
	advice := ""
	if near := errors.Nearest(s, f.names()); near != "" && kind == "string" {
		advice = fmt.Sprintf(" (did you mean %s?)", near)
	}
	return nil, fmt.Errorf("got %q, want %s%s", s, f.listed(), advice)
}

// listed returns the choices as people write them.
func (f *scriptFlag) listed() string {
	names := f.names()
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return names[0]
}

// names returns the choices as they are on the command line, those that a list of them would hide in quotes.
func (f *scriptFlag) names() []string {
	var names []string
	for _, c := range f.choices {
		s, text := starlark.AsString(c)
		if !text || s == "" || strings.ContainsAny(s, " ,\t\n\"'") {
			s = c.String()
		}
		names = append(names, s)
	}
	return names
}
