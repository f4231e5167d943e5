package repl

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// keywords are Starlark's keywords, without the words that are only reserved.
var keywords = []string{"and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or", "pass",
	"return", "while"}

// indent is the text that Tab inserts at the beginning of a line. It also replaces pasted tabs if the terminal doesn't
// mark pasted text.
const indent = "    "

// A completer proposes names, attributes and arguments. It only reads names and attributes, so that it sends no
// request.
type completer struct {
	get   func(name string) starlark.Value // nil for an unknown name
	names func() []string
}

var (
	// lastPath matches a dotted path at the end of the text, whose last name may be incomplete.
	lastPath = lazy(`(?:[\pL_][\pL\pN_]*\s*\.\s*)*(?:[\pL_][\pL\pN_]*)?$`)
	// callee matches the dotted path before the opening parenthesis of a call.
	callee = lazy(`(?:[\pL_][\pL\pN_]*\s*\.\s*)*[\pL_][\pL\pN_]*\s*$`)
	// givenName matches the beginning of a named argument.
	givenName = lazy(`^\s*([\pL_][\pL\pN_]*)\s*=[^=]`)
	name      = lazy(`^[\pL_][\pL\pN_]*$`)
)

// lazy returns a function that compiles a pattern at its first call. Compiling the classes of Unicode letters is slow,
// and running a script doesn't need them.
func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// words returns completions of the text. Each replaces the text after its first keep bytes.
func (c completer) words(text string) (keep int, words []string) {
	defer func() {
		if recover() != nil { // a value's panic must not end the prompt
			words = nil
		}
	}()
	line := text[strings.LastIndexByte(text, '\n')+1:]
	if strings.TrimSpace(line) == "" {
		return len(text), []string{indent}
	}
	var s scanner
	s.add(text)
	if s.quote != 0 || s.comment {
		return len(text), nil
	}
	path := lastPath().FindString(text)
	before := strings.TrimRight(text[:len(text)-len(path)], " \t")
	parts := strings.Split(path, ".")
	last := strings.TrimLeft(parts[len(parts)-1], " \t\n")
	keep = len(text) - len(last)
	switch {
	case len(parts) > 1:
		if strings.HasSuffix(before, ".") {
			return keep, nil // an attribute of an expression, which would have to be evaluated
		}
		return keep, matching(last, attributes(c.value(parts[:len(parts)-1])))
	case strings.HasSuffix(before, "."), last == "" && before == "":
		return keep, nil
	case last != "" && keep > 0 && isDigit(text[keep-1]):
		return keep, nil // the end of a number such as 0x1f
	}
	words = c.arguments(&s, text, last)
	if last != "" || len(words) == 0 {
		words = append(words, matching(last, append(c.names(), keywords...))...)
	}
	return keep, words
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// value returns the value of a dotted path; nil if it is unknown.
func (c completer) value(path []string) starlark.Value {
	v := c.get(strings.TrimSpace(path[0]))
	for _, name := range path[1:] {
		attrs, ok := v.(starlark.HasAttrs)
		if !ok {
			return nil
		}
		var err error
		if v, err = attrs.Attr(strings.TrimSpace(name)); err != nil {
			return nil
		}
	}
	return v
}

// attributes returns the names of v's attributes that can follow a dot.
func attributes(v starlark.Value) []string {
	attrs, ok := v.(starlark.HasAttrs)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(attrs.AttrNames()), func(s string) bool { return !isName(s) })
}

// isName reports whether s is a valid identifier.
func isName(s string) bool {
	if !name().MatchString(s) {
		return false
	}
	expr, err := new(syntax.FileOptions).ParseExpr("", s, 0)
	_, ident := expr.(*syntax.Ident)
	return err == nil && ident
}

// arguments returns the names of the arguments that the innermost call in the text accepts and doesn't have yet.
func (c completer) arguments(s *scanner, text, last string) []string {
	if len(s.open) == 0 {
		return nil
	}
	paren := s.open[len(s.open)-1]
	before := strings.TrimRight(text[:len(text)-len(last)], " \t\n")
	if paren.char != '(' || !strings.HasSuffix(before, "(") && !strings.HasSuffix(before, ",") {
		return nil
	}
	path := callee().FindString(text[:paren.at])
	head := strings.TrimRight(text[:paren.at-len(path)], " \t")
	if path == "" || strings.HasSuffix(head, ".") || strings.HasSuffix(head, "def") {
		return nil
	}
	var words, given []string
	for _, at := range paren.parts {
		if m := givenName().FindStringSubmatch(text[at:]); m != nil {
			given = append(given, m[1])
		}
	}
	for _, name := range parameters(c.value(strings.Split(path, "."))) {
		if !slices.Contains(given, name) {
			words = append(words, name+"=")
		}
	}
	return matching(last, words)
}

// parameters returns the names of a function's parameters.
func parameters(v starlark.Value) []string {
	var names []string
	switch v := v.(type) {
	case *starlarkincus.Method:
		for _, f := range v.Declaration().Arguments() {
			names = append(names, f.Script())
		}
	case *starlark.Function:
		n := v.NumParams()
		if v.HasVarargs() {
			n--
		}
		if v.HasKwargs() {
			n--
		}
		for i := range n {
			name, _ := v.Param(i)
			names = append(names, name)
		}
	case *starlark.Builtin:
		if d := host.Declared(v.Name()); d != nil {
			for _, param := range d.Params {
				if param.Passing == builtin.Either || param.Passing == builtin.ByName {
					names = append(names, param.Name)
				}
			}
		}
	}
	return names
}

// matching returns the words that start with prefix, sorted and without repetitions. Words that start with _ need a
// prefix.
func matching(prefix string, words []string) []string {
	var out []string
	for _, word := range words {
		if strings.HasPrefix(word, prefix) && (prefix != "" || !strings.HasPrefix(word, "_")) {
			out = append(out, word)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
