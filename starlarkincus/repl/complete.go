package repl

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"incus-star/starlarkincus"
	"incus-star/starlarkincus/builtin"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// keywords are Starlark's keywords, without the words that are only reserved.
var keywords = []string{"and", "break", "continue", "def", "elif", "else", "for", "if", "in", "lambda", "load", "not", "or", "pass",
	"return", "while"}

var isKeyword = func() map[string]bool {
	m := make(map[string]bool)
	for _, word := range keywords {
		m[word] = true
	}
	return m
}()

// indent is the text that Tab inserts at the beginning of a line. It also replaces pasted tabs if the terminal doesn't
// mark pasted text.
const indent = "    "

// maxText is the size of an entry, in bytes, above which nothing is proposed, and maxCandidates the most that are.
const (
	maxText       = 64 << 10
	maxCandidates = 20_000
)

// A completer proposes names, attributes, arguments, and names of objects of servers. It calls no function of the
// session, and changes nothing: what it doesn't know it reads, with one request for each key at most.
type completer struct {
	get   func(name string) starlark.Value // nil for an unknown name
	names func() []string
	live  *live // nil to read nothing
}

// A completion is the answer to one key.
type completion struct {
	*sampler
	completer completer
	at        int // index of the token at the cursor
	deadline  time.Time
}

// words returns the candidates at the end of the text, which is before the cursor; tail is the text after it. Each
// replaces the text after its first keep bytes.
func (c completer) words(text, tail string) (keep int, out []candidate) {
	defer func() {
		if recover() != nil { // a value's panic must not end the prompt
			out = nil
		}
	}()
	return c.find(text, tail)
}

// find is words without a guard against panics.
func (c completer) find(text, tail string) (keep int, out []candidate) {
	line := text[strings.LastIndexByte(text, '\n')+1:]
	if strings.TrimSpace(line) == "" {
		return len(text), []candidate{{indent, ""}}
	}
	if len(text)+len(tail) > maxText {
		return len(text), nil
	}
	ts := tokenize(text)
	last := len(ts.list) - 1
	if last < 0 || ts.list[last].kind == commentToken {
		return len(text), nil
	}
	q := &completion{sampler: &sampler{get: c.get, tokens: ts}, completer: c, at: last, deadline: time.Now().Add(answerTime)}
	switch t := ts.list[last]; {
	case t.kind == openText:
		return q.inText(t, text, tail)
	case t.kind == numberToken && t.end == len(text):
		return len(text), nil
	case t.kind == wordToken && t.end == len(text):
		keep = t.start
	default:
		keep, q.at = len(text), last+1
	}
	word := text[keep:]
	if len(ts.open) > 0 { // a comprehension may follow
		q.tokens = tokenize(text + tail)
		if len(q.tokens.list) <= q.at || q.tokens.list[q.at].start < keep {
			q.tokens = ts
		}
	}
	if ts.is(q.at-1, ".") {
		if start := ts.primary(q.at - 1); start >= 0 {
			return keep, matching(word, q.attributes(q.range_(start, q.at-1)))
		}
		return keep, nil
	}
	if word == "" && !strings.HasSuffix(strings.TrimRight(text, " \t\n"), "(") && ts.enclosing(q.at) < 0 && !ts.is(q.at-1, "=") {
		return keep, nil
	}
	out = matching(word, q.arguments())
	if word != "" || len(out) == 0 {
		out = append(out, matching(word, q.all())...)
	}
	return keep, out
}

// all returns the session's names and the keywords.
func (c *completion) all() []candidate {
	var out []candidate
	for _, name := range c.completer.names() {
		out = append(out, candidate{name, kindOf(c.get(name))})
	}
	for _, word := range keywords {
		out = append(out, candidate{word, "keyword"})
	}
	return out
}

// inText returns the candidates for a string without its end.
func (c *completion) inText(t token, text, tail string) (keep int, out []candidate) {
	quote := text[t.start : t.start+1]
	if strings.HasPrefix(text[t.start:], strings.Repeat(quote, 3)) {
		return len(text), nil
	}
	keep = t.start + 1
	prefix := text[keep:]
	if strings.ContainsAny(prefix, "\\\n") {
		return len(text), nil
	}
	for _, k := range c.texts(c.at, prefix) {
		if !strings.ContainsAny(k.text, "\\"+quote) && strings.IndexFunc(k.text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
			out = append(out, k)
		}
	}
	out = matching(prefix, out)
	goesOn := len(out) == 1 && slices.Contains([]string{"/", ":", "."}, out[0].text[max(0, len(out[0].text)-1):])
	if len(out) == 1 && !goesOn && !strings.HasPrefix(tail, quote) {
		out[0].text += quote
	}
	return keep, out
}

// attributes returns the attributes of v that can follow a dot.
func (c *completion) attributes(v starlark.Value) []candidate {
	attrs, ok := v.(starlark.HasAttrs)
	if !ok {
		return nil
	}
	names := attrs.AttrNames()
	if _, ok := v.(*starlark.Dict); ok { // its keys are attributes
		for _, k := range keysOf(v) {
			names = append(names, strings.ReplaceAll(k.text, "-", "_"))
		}
	}
	var out []candidate
	for _, name := range names {
		if isName(name) {
			out = append(out, candidate{name, kindOf(c.attr(v, name))})
		}
	}
	return out
}

// kindOf returns the words for a value beside its name.
func kindOf(v starlark.Value) string {
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return ""
	case *starlark.Builtin:
		if v.Receiver() != nil {
			return "method"
		}
		return "function"
	}
	return strings.TrimPrefix(v.Type(), "builtin_")
}

// isName reports whether s is a valid identifier.
func isName(s string) bool {
	if s == "" || isKeyword[s] {
		return false
	}
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	expr, err := new(syntax.FileOptions).ParseExpr("", s, 0)
	_, ident := expr.(*syntax.Ident)
	return err == nil && ident
}

// arguments returns the arguments that the innermost open call accepts and doesn't have yet.
func (c *completion) arguments() []candidate {
	ts := c.tokens
	open := ts.enclosing(c.at)
	if open < 0 || !ts.is(open, "(") || !ts.endsOperand(open-1) || !ts.is(c.at-1, "(") && !ts.is(c.at-1, ",") {
		return nil
	}
	starts := ts.elements(open, c.at)
	if starts[len(starts)-1] != c.at {
		return nil
	}
	fn, _ := c.callAt(open)
	var given []string
	for _, s := range starts {
		if ts.name(s) != "" && ts.is(s+1, "=") {
			given = append(given, ts.name(s))
		}
	}
	return slices.DeleteFunc(parameters(fn), func(k candidate) bool { return slices.Contains(given, strings.TrimSuffix(k.text, "=")) })
}

// parameters returns a function's parameters.
func parameters(v starlark.Value) []candidate {
	var out []candidate
	switch v := v.(type) {
	case *starlarkincus.Method:
		for _, f := range v.Declaration().Arguments() {
			out = append(out, candidate{f.Script() + "=", f.Type.String()})
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
			out = append(out, candidate{name + "=", ""})
		}
	case *starlark.Builtin:
		if d := declared(v); d != nil {
			for _, param := range d.Params {
				if param.Passing == builtin.Either || param.Passing == builtin.ByName {
					out = append(out, candidate{param.Name + "=", param.Type.Plain().String()})
				}
			}
		}
	}
	return out
}

// local returns the candidates for an argument of a function of the host.
func (c *completion) local(p *place, prefix string) []candidate {
	switch {
	case p.param == &scriptParam:
		return c.files(prefix, true)
	case p.param.Holds == builtin.Program && p.order == 0 && !strings.Contains(prefix, "/"):
		return c.programs()
	case p.param.Holds == builtin.Path, p.param.Holds == builtin.Program:
		return c.files(prefix, false)
	case p.param.Holds == builtin.Variable:
		return keysOf(c.get("env"))
	case p.param.Holds == builtin.Remote && p.of != nil: // a fleet
		var out []candidate
		if names, ok := c.attr(p.of, "remotes").(*starlark.List); ok {
			for name := range names.Elements() {
				out = append(out, candidate{text: string(name.(starlark.String))})
			}
		}
		return out
	case p.param.Holds == builtin.Remote:
		if client, ok := c.get("incus").(*starlarkincus.Client); ok {
			return c.list(client.RemoteNames())
		}
	}
	return nil
}

// scriptParam is the file of a load statement.
var scriptParam = builtin.Need("module", builtin.String).As(builtin.Path)

// files returns the files in the folder that the prefix names; only scripts and folders if scripts is set.
func (c *completion) files(prefix string, scripts bool) []candidate {
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	var out []candidate
	for _, n := range c.lookUp(nameSource{"folder " + folder, "", briefly, readFolder(cmp.Or(folder, "."))}) {
		hidden := strings.HasPrefix(n.Text, ".") && !strings.HasPrefix(prefix[len(folder):], ".")
		if hidden || scripts && !strings.HasSuffix(n.Text, "/") && filepath.Ext(n.Text) != ".star" {
			continue
		}
		out = append(out, candidate{folder + n.Text, n.Kind})
	}
	return out
}

// programs returns the programs that can be run by their names.
func (c *completion) programs() []candidate {
	var out []candidate
	for _, n := range c.lookUp(nameSource{"programs", "", briefly, readPrograms}) {
		out = append(out, candidate{n.Text, n.Kind})
	}
	return out
}

// list returns the names of a list as candidates; nil for a nil list.
func (c *completion) list(l *starlarkincus.NameList) []candidate {
	var out []candidate
	for _, n := range c.read(l) {
		out = append(out, candidate{n.Text, n.Kind})
	}
	return out
}

// read returns the names of a list, as far as they are known in time.
func (c *completion) read(l *starlarkincus.NameList) []starlarkincus.Name {
	if l == nil {
		return nil
	}
	return c.lookUp(sourceOf(l))
}

// sourceOf returns the source of a list.
func sourceOf(l *starlarkincus.NameList) nameSource {
	keep := briefly
	if l.Fixed {
		keep = long
	}
	return nameSource{l.Key, l.Server, keep, l.Read}
}

func (c *completion) lookUp(from nameSource) []starlarkincus.Name {
	if c.completer.live == nil {
		return nil
	}
	return c.completer.live.names(from, c.deadline)
}

// matching returns the candidates that start with prefix, sorted and without repetitions. Those that start with _ need
// a prefix.
func matching(prefix string, words []candidate) []candidate {
	var out []candidate
	for _, k := range words {
		if strings.HasPrefix(k.text, prefix) && (prefix != "" || !strings.HasPrefix(k.text, "_")) {
			out = append(out, k)
		}
	}
	slices.SortStableFunc(out, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	return slices.CompactFunc(out, func(a, b candidate) bool { return a.text == b.text })
}
