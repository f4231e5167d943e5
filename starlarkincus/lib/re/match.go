package re

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A pattern is a compiled regular expression. Patterns are compared by their text.
type pattern struct{ *regexp.Regexp }

var (
	_ starlark.HasAttrs   = (*pattern)(nil)
	_ starlark.Comparable = (*pattern)(nil)
)

func (p *pattern) String() string {
	return fmt.Sprintf("re.compile(%s)", syntax.Quote(p.text(), false))
}
func (p *pattern) Type() string         { return "re.Pattern" }
func (p *pattern) Freeze()              {}
func (p *pattern) Truth() starlark.Bool { return true }
func (p *pattern) Hash() (uint32, error) {
	return starlark.String(p.text()).Hash()
}

func (p *pattern) text() string { return p.Regexp.String() }

var patternMethods = []string{"findall", "fullmatch", "match", "search", "split", "sub"}

func (p *pattern) AttrNames() []string {
	names := append([]string{"groupindex", "groups", "pattern"}, patternMethods...)
	slices.Sort(names)
	return names
}

func (p *pattern) Attr(name string) (starlark.Value, error) {
	switch name {
	case "pattern":
		return starlark.String(p.text()), nil
	case "groups":
		return starlark.MakeInt(p.NumSubexp()), nil
	case "groupindex":
		index := new(starlark.Dict)
		for i, group := range p.SubexpNames() {
			if group != "" {
				if err := index.SetKey(starlark.String(group), starlark.MakeInt(i)); err != nil {
					return nil, err
				}
			}
		}
		return index, nil
	}
	if !slices.Contains(patternMethods, name) {
		return nil, nil
	}
	// The function of the library, with the pattern as its first argument.
	fn := Decl.Member(name).Function()
	return starlark.NewBuiltin(fn.Name(), func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return fn.CallInternal(thread, append(starlark.Tuple{p}, args...), kwargs)
	}), nil
}

func (p *pattern) CompareSameType(op syntax.Token, other starlark.Value, _ int) (bool, error) {
	same := p.text() == other.(*pattern).text()
	switch op {
	case syntax.EQL:
		return same, nil
	case syntax.NEQ:
		return !same, nil
	}
	return false, fmt.Errorf("patterns have no order")
}

// A match is a match of a pattern. Found has the start and the end of each group, or -1 if it isn't part of the match.
type match struct {
	pattern *pattern
	s       string
	found   []int
}

var (
	_ starlark.HasAttrs = (*match)(nil)
	_ starlark.Mapping  = (*match)(nil)
)

func (m *match) String() string {
	return fmt.Sprintf("<re.Match span=(%d, %d) match=%s>", m.found[0], m.found[1], syntax.Quote(m.s[m.found[0]:m.found[1]], false))
}

func (m *match) Type() string          { return "re.Match" }
func (m *match) Freeze()               {}
func (m *match) Truth() starlark.Bool  { return true }
func (m *match) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: re.Match") }

// group returns the string of group i.
func (m *match) group(i int) starlark.Value {
	if m.found[2*i] < 0 {
		return starlark.None
	}
	return starlark.String(m.s[m.found[2*i]:m.found[2*i+1]])
}

// groups returns all groups except 0, with a default for those that aren't part of the match.
func (m *match) groups(absent starlark.Value) starlark.Tuple {
	groups := make(starlark.Tuple, m.pattern.NumSubexp())
	for i := range groups {
		if groups[i] = m.group(i + 1); groups[i] == starlark.None {
			groups[i] = absent
		}
	}
	return groups
}

// index returns the number of a group given by number or name.
func (m *match) index(v starlark.Value) (int, bool) {
	switch v := v.(type) {
	case starlark.String:
		i := m.pattern.SubexpIndex(string(v))
		return i, i >= 0
	case starlark.Int:
		i, err := starlark.AsInt32(v)
		return i, err == nil && i >= 0 && i <= m.pattern.NumSubexp()
	}
	return 0, false
}

func (m *match) Get(key starlark.Value) (starlark.Value, bool, error) {
	if i, ok := m.index(key); ok {
		return m.group(i), true, nil
	}
	return nil, false, nil
}

// matchMethods are the methods of a match. The call's name is that of the method.
var matchMethods = map[string]func(*match, *builtin.Call) (starlark.Value, error){
	"group": func(m *match, c *builtin.Call) (starlark.Value, error) {
		if len(c.Kwargs) > 0 {
			return nil, fmt.Errorf("%s: takes no arguments by name", c.Name)
		}
		if len(c.Args) == 0 {
			return m.group(0), nil
		}
		groups := make(starlark.Tuple, len(c.Args))
		for n, arg := range c.Args {
			i, ok := m.index(arg)
			if !ok {
				return nil, m.noGroup(c, arg)
			}
			groups[n] = m.group(i)
		}
		if len(groups) == 1 {
			return groups[0], nil
		}
		return groups, nil
	},
	"groups": func(m *match, c *builtin.Call) (starlark.Value, error) {
		var absent starlark.Value = starlark.None
		err := starlark.UnpackArgs(c.Name, c.Args, c.Kwargs, "default?", &absent)
		return m.groups(absent), err
	},
	"groupdict": func(m *match, c *builtin.Call) (starlark.Value, error) {
		var absent starlark.Value = starlark.None
		if err := starlark.UnpackArgs(c.Name, c.Args, c.Kwargs, "default?", &absent); err != nil {
			return nil, err
		}
		dict := new(starlark.Dict)
		for i, group := range m.groups(absent) {
			if name := m.pattern.SubexpNames()[i+1]; name != "" {
				if err := dict.SetKey(starlark.String(name), group); err != nil {
					return nil, err
				}
			}
		}
		return dict, nil
	},
	"start": func(m *match, c *builtin.Call) (starlark.Value, error) { return m.place(c, 0) },
	"end":   func(m *match, c *builtin.Call) (starlark.Value, error) { return m.place(c, 1) },
	"span": func(m *match, c *builtin.Call) (starlark.Value, error) {
		start, err := m.place(c, 0)
		if err != nil {
			return nil, err
		}
		end, err := m.place(c, 1)
		return starlark.Tuple{start, end}, err
	},
}

func (m *match) noGroup(c *builtin.Call, arg starlark.Value) error {
	return fmt.Errorf("%s: there is no group %s", c.Name, arg)
}

// place returns the start (0) or the end (1) of the group given by the argument, by default of the whole match.
func (m *match) place(c *builtin.Call, side int) (starlark.Value, error) {
	var arg starlark.Value = starlark.MakeInt(0)
	if err := starlark.UnpackArgs(c.Name, c.Args, c.Kwargs, "group?", &arg); err != nil {
		return nil, err
	}
	i, ok := m.index(arg)
	if !ok {
		return nil, m.noGroup(c, arg)
	}
	return starlark.MakeInt(m.found[2*i+side]), nil
}

func (m *match) AttrNames() []string {
	names := []string{"re", "string"}
	for name := range matchMethods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m *match) Attr(name string) (starlark.Value, error) {
	switch name {
	case "re":
		return m.pattern, nil
	case "string":
		return starlark.String(m.s), nil
	}
	method := matchMethods[name]
	if method == nil {
		return nil, nil
	}
	return starlark.NewBuiltin("re.Match."+name, func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return method(m, &builtin.Call{Name: b.Name(), Args: args, Kwargs: kwargs})
	}), nil
}

// A template is a replacement of re.sub: a sequence of text and groups.
type template []struct {
	text  string
	group int // -1 for none
}

func (t template) expand(m *match) string {
	var b strings.Builder
	for _, part := range t {
		b.WriteString(part.text)
		if part.group >= 0 && m.found[2*part.group] >= 0 {
			b.WriteString(m.s[m.found[2*part.group]:m.found[2*part.group+1]])
		}
	}
	return b.String()
}

var templateEscape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\(?:([0-9]{1,2})|g<([^>]*)>|(.|\n)|$)`) })

// parseTemplate parses a template in Python's syntax.
func parseTemplate(p *pattern, s string) (template, error) {
	var t template
	last, text := 0, ""
	for _, at := range templateEscape().FindAllStringSubmatchIndex(s, -1) {
		text += s[last:at[0]]
		last = at[1]
		group := ""
		switch {
		case at[2] >= 0:
			group = s[at[2]:at[3]]
		case at[4] >= 0:
			group = s[at[4]:at[5]]
		case at[6] < 0:
			return nil, fmt.Errorf(`it ends in one \: write \\ for a backslash`)
		default:
			switch c := s[at[6]:at[7]]; {
			case c == `\`:
				text += c
			case c == "n":
				text += "\n"
			case c == "t":
				text += "\t"
			case c == "r":
				text += "\r"
			case c >= "A" && c <= "Z" || c >= "a" && c <= "z":
				return nil, fmt.Errorf(`\%s means nothing: write \1 or \g<name> for a group, \\ for a backslash`, c)
			default:
				text += `\` + c
			}
			continue
		}
		i := p.SubexpIndex(group)
		if n, err := strconv.Atoi(group); err == nil {
			i = n
		}
		if i < 0 || i > p.NumSubexp() {
			return nil, fmt.Errorf("there is no group %s", group)
		}
		t = append(t, struct {
			text  string
			group int
		}{text, i})
		text = ""
	}
	return append(t, struct {
		text  string
		group int
	}{text + s[last:], -1}), nil
}
