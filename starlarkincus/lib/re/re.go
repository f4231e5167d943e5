// Package re is the library re, of regular expressions.
package re

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
)

// Decl is the library.
var Decl = builtin.Decl{
	Name: "re",
	Help: `Regular expressions, with the functions of Python's re and the syntax of RE2.

    m = re.search(r"inet (?P<ip>[0-9.]+)", out)
    if m:
        print(m["ip"], m.start())

A pattern is a string, preferably a raw one, or a re.Pattern of re.compile. RE2 takes linear time, and has no backreferences
or lookaround. Flags are written at the beginning: (?i) ignores case, (?m) matches ^ and $ at each line, and (?s) matches a
newline with a dot. Positions count bytes, as in strings.`,
	Members: []builtin.Decl{{
		Name: "re.compile", Params: []builtin.Param{builtin.Need("pattern", builtin.String|builtin.Pattern)},
		Returns: builtin.Pattern, Help: `Compiles a pattern and returns a re.Pattern, which has the functions of re as methods, without their first argument.`,
		Call: func(c *builtin.Call) (starlark.Value, error) { return arguments(c) },
	}, {
		Name: "re.search", Params: []builtin.Param{builtin.Need("pattern", builtin.String|builtin.Pattern), builtin.Need("string", builtin.String)},
		Returns: builtin.Match | builtin.None, Help: `Returns a re.Match for the first match of the pattern in the string, or None.`,
		Call: find("%s"),
	}, {
		Name: "re.match", Params: []builtin.Param{builtin.Need("pattern", builtin.String|builtin.Pattern), builtin.Need("string", builtin.String)},
		Returns: builtin.Match | builtin.None, Help: `Returns a re.Match if the pattern matches at the beginning of the string, otherwise None.`,
		Call: find(`\A(?:%s)`),
	}, {
		Name: "re.fullmatch", Params: []builtin.Param{builtin.Need("pattern", builtin.String|builtin.Pattern), builtin.Need("string", builtin.String)},
		Returns: builtin.Match | builtin.None, Help: `Returns a re.Match if the pattern matches the whole string, otherwise None.`,
		Call: find(`\A(?:%s)\z`),
	}, {
		Name: "re.findall", Params: []builtin.Param{builtin.Need("pattern", builtin.String|builtin.Pattern), builtin.Need("string", builtin.String)},
		Returns: builtin.List, Help: `Returns a list of all matches: strings, or tuples of strings if the pattern has several groups. With one group, its
string stands for the match.`,
		Call: findAll,
	}, {
		Name: "re.split", Params: []builtin.Param{builtin.Need("pattern", builtin.String|builtin.Pattern), builtin.Need("string", builtin.String), builtin.Opt("maxsplit", builtin.Int, "0")},
		Returns: builtin.List, Help: `Splits the string at the matches, at most maxsplit times (0 for no limit), and returns a list of the parts and of the
strings of groups.`,
		Call: split,
	}, {
		Name: "re.sub", Params: []builtin.Param{builtin.Need("pattern", builtin.String|builtin.Pattern), builtin.Need("repl", builtin.String|builtin.Callable), builtin.Need("string", builtin.String), builtin.Opt("count", builtin.Int, "0")},
		Returns: builtin.String, Help: `Returns the string with each match, or the first count matches, replaced by repl.

    re.sub(r"(\w+)@(?P<host>\w+)", r"\g<host>: \1", text)
    re.sub("[0-9]+", lambda m: str(int(m[0]) + 1), text)

In repl \1 and \g<name> stand for groups, and \\ for a backslash. A function as repl is called with each re.Match and returns
the replacement.`,
		Call: substitute,
	}, {
		Name: "re.escape", Params: []builtin.Param{builtin.Need("string", builtin.String)},
		Returns: builtin.String, Help: `Returns a pattern that matches exactly the string.`,
		Call: func(c *builtin.Call) (starlark.Value, error) {
			var s string
			if err := c.Unpack(&s); err != nil {
				return nil, err
			}
			return starlark.String(regexp.QuoteMeta(s)), nil
		},
	}, {
		Name: "re.Pattern",
		Help: `A compiled pattern, of re.compile. Its methods match(string) search(string) fullmatch(string) findall(string)
split(string, maxsplit=0) sub(repl, string, count=0) are like the functions of re. pattern is its text, groups the number of
its groups, and groupindex a dict of the numbers of named groups.`,
	}, {
		Name: "re.Match",
		Help: `A match of a pattern.

m["name"], m[1]    the string of a group, or None if it isn't part of the match; m[0] is the whole match
group(g=0, …)      the same; for several groups a tuple
groups(d=None)     a tuple of all groups, with d for those that aren't part of the match
groupdict(d=None)  a dict of the named groups
start(g=0), end(g=0), span(g=0)    the position of a group in the string, -1 if it isn't part of the match
string, re         the searched string, and the re.Pattern`,
	}},
}

// compiled caches patterns, because scripts pass the same text many times.
var compiled struct {
	sync.Mutex
	byText map[string]*regexp.Regexp
}

const maxCompiled = 500

func compile(text string) (*regexp.Regexp, error) {
	compiled.Lock()
	defer compiled.Unlock()
	if re := compiled.byText[text]; re != nil {
		return re, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	if compiled.byText == nil || len(compiled.byText) == maxCompiled {
		compiled.byText = make(map[string]*regexp.Regexp)
	}
	compiled.byText[text] = re
	return re, nil
}

// arguments sets the variables for the arguments after the pattern, which comes first, and returns the pattern.
func arguments(c *builtin.Call, further ...any) (*pattern, error) {
	var arg starlark.Value
	if err := c.Unpack(append([]any{&arg}, further...)...); err != nil {
		return nil, err
	}
	switch v := arg.(type) {
	case *pattern:
		return v, nil
	case starlark.String:
		re, err := compile(string(v))
		if err != nil {
			return nil, c.Errorf("pattern: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return &pattern{re}, nil
	}
	return nil, c.Errorf("pattern is %s, want a string or what re.compile gives", builtin.Described(arg))
}

// find returns the implementation of a function that looks for one match, with a frame around the pattern to anchor it.
func find(frame string) func(*builtin.Call) (starlark.Value, error) {
	return func(c *builtin.Call) (starlark.Value, error) {
		var s string
		p, err := arguments(c, &s)
		if err != nil {
			return nil, err
		}
		re := p.Regexp
		if frame != "%s" {
			// Use the parsed pattern, because its text may end in \Q, which would quote the rest of the frame.
			parsed, err := syntax.Parse(p.Regexp.String(), syntax.Perl)
			if err != nil {
				return nil, c.Errorf("pattern: %w", err)
			}
			if re, err = compile(fmt.Sprintf(frame, parsed)); err != nil {
				return nil, c.Errorf("pattern: %w", err)
			}
		}
		if found := re.FindStringSubmatchIndex(s); found != nil {
			return &match{p, s, found}, nil
		}
		return starlark.None, nil
	}
}

func findAll(c *builtin.Call) (starlark.Value, error) {
	var s string
	p, err := arguments(c, &s)
	if err != nil {
		return nil, err
	}
	var all []starlark.Value
	for _, found := range p.FindAllStringSubmatchIndex(s, -1) {
		m := &match{p, s, found}
		switch groups := m.groups(starlark.String("")); len(groups) {
		case 0:
			all = append(all, m.group(0))
		case 1:
			all = append(all, groups[0])
		default:
			all = append(all, groups)
		}
	}
	return starlark.NewList(all), nil
}

// matchLimit returns a limit of matches for Go's functions, from an argument where 0 means no limit.
func matchLimit(c *builtin.Call, name string, n int) (int, error) {
	switch {
	case n < 0:
		return 0, c.Errorf("%s is %d, want 0 or more", name, n)
	case n == 0:
		return -1, nil
	}
	return n, nil
}

func split(c *builtin.Call) (starlark.Value, error) {
	var s string
	var most int
	p, err := arguments(c, &s, &most)
	if err != nil {
		return nil, err
	}
	if most, err = matchLimit(c, "maxsplit", most); err != nil {
		return nil, err
	}
	var parts []starlark.Value
	last := 0
	for _, found := range p.FindAllStringSubmatchIndex(s, most) {
		parts = append(parts, starlark.String(s[last:found[0]]))
		parts = append(parts, (&match{p, s, found}).groups(starlark.None)...)
		last = found[1]
	}
	return starlark.NewList(append(parts, starlark.String(s[last:]))), nil
}

func substitute(c *builtin.Call) (starlark.Value, error) {
	var repl starlark.Value
	var s string
	var count int
	p, err := arguments(c, &repl, &s, &count)
	if err != nil {
		return nil, err
	}
	if count, err = matchLimit(c, "count", count); err != nil {
		return nil, err
	}
	replaced, err := replacement(c, p, repl)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	last := 0
	for _, found := range p.FindAllStringSubmatchIndex(s, count) {
		text, err := replaced(&match{p, s, found})
		if err != nil {
			return nil, err
		}
		b.WriteString(s[last:found[0]] + text)
		last = found[1]
	}
	b.WriteString(s[last:])
	return starlark.String(b.String()), nil
}

// replacement returns a function that computes the replacement of a match, from the argument repl.
func replacement(c *builtin.Call, p *pattern, repl starlark.Value) (func(*match) (string, error), error) {
	switch repl := repl.(type) {
	case starlark.String:
		template, err := parseTemplate(p, string(repl))
		if err != nil {
			return nil, c.Errorf("repl: %w", err)
		}
		return func(m *match) (string, error) { return template.expand(m), nil }, nil
	case starlark.Callable:
		return func(m *match) (string, error) {
			v, err := starlark.Call(c.Thread, repl, starlark.Tuple{m}, nil)
			if err != nil {
				return "", err
			}
			text, ok := starlark.AsString(v)
			if !ok {
				return "", c.Errorf("repl gave %s, want a string", builtin.Described(v))
			}
			return text, nil
		}, nil
	}
	return nil, c.Errorf("repl is %s, want a string or a function", builtin.Described(repl))
}
