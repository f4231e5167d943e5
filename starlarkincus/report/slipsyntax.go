package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.starlark.net/syntax"
)

// A syntaxSlip is a hint with the patterns for it: of the parser's message, of the line before the error's position, which
// may be behind the wrong token, and of the whole line.
type syntaxSlip struct{ message, before, line, hint string }

const header = `^\s*(?:def|if|elif|else|for|while)\b`

var syntaxSlips = []syntaxSlip{
	{`got string literal`, `(?:^|[^\w.])[fF][rR]?["'][^"']*["']*$`, ``, `Starlark has no f-strings: write "%s" % x`},
	{`got string literal`, `(?:^|[^\w.])[uU]["'][^"']*["']$`, ``, `a string needs no u: write "…"`},
	{`got string literal`, `["']\s+["'][^"']*["']$`, ``, `strings side by side aren't joined: write "a" + "b"`},
	{`got (?:string literal|identifier|int literal)`, `^\s*print\s`, ``, `print is a function: write print(x)`},
	{`got .* want newline`, `^\s*assert\s`, ``, `Starlark has no assert: write if not x: fail("message")`},
	{`got .* want newline`, `^\s*throw\s`, ``, `Starlark has no throw: write raise_(IncusError, "message")`},
	{`got identifier, want newline`, `^\s*(?:var|let|const)\s`, ``, `a variable needs no word before it: write x = 1`},
	{`got identifier, want newline`, `^\s*(?:function|func|fn)\s`, ``, `write def f(x):`},
	{`got identifier, want newline`, `=\s*new\s`, ``, `Starlark has no new: call the function`},
	{`got identifier, want newline`, `\d(?:L|_\d+)$`, ``, `a number has digits alone`},
	{`got .* want newline`, ``, `^\s*incus(?:\s+[a-z][\w-]*)*\s+(?:list|ls)\b`, `scripts call methods: write incus.instances.list(), with the name of the collection`},
	{`got .* want newline`, ``, `^\s*incus\s+(?:launch|create|init)\b`, `scripts call methods: write incus.instances.launch("name", image = "images:debian/12")`},
	{`got .* want newline`, ``, `^\s*incus\s+(?:image|network|profile|project|storage|cluster|config|remote|operation|warning|admin|file|snapshot)\b`, `scripts call methods of a collection, such as incus.profiles.list()`},
	{`got .* want newline`, ``, `^\s*incus\s+[a-z]`, `scripts call methods: write instance = incus.instances.get("name"), then instance.start() or instance.exec(["ls"])`},
	{`got .* want newline`, ``, `^\s*(?:match|switch)\s.*[:{]\s*$`, `Starlark has no match: write if and elif`},
	{`got for, want (?:','|'\)')`, ``, ``, `Starlark has no generators: write a list, [f(x) for x in items]`},
	{`got '\*\*', want primary expression`, `[{,]\s*(?:\*\*)?$`, ``, `dicts are joined with |: write a | b`},
	{`got '\*\*'`, ``, ``, `Starlark has no **: write math.pow(x, y), or 1 << n for a power of two`},
	{`got '\*', want primary expression`, `(?:^|[\[({=,])\s*\*?$`, ``, `* unpacks in calls alone: write x[0], x[1:], or a + b for lists`},
	{`got '>', want primary expression`, `<>?$`, ``, `write !=`},
	{`does not associate with`, ``, ``, `write a < b and b < c`},
	{`unexpected input character '!'`, ``, `^\s*!`, `write not x; a command is run(["ls"]), or instance.exec(["ls"]) in an instance`},
	{`unexpected input character '!'`, ``, ``, `write not x`},
	{`got '&', want primary expression`, `&&?$`, ``, `write and`},
	{`got '\|', want primary expression`, `\|\|?$`, ``, `write or`},
	{"unexpected input character (?:'`'|`\\?`|'\\?')", ``, `\?.*:`, `write a if condition else b`},
	{"unexpected input character ['`]@['`]", ``, ``, `Starlark has no decorators: write f = decorator(f)`},
	{"unexpected input character ['`]\\$['`]", ``, ``, `the environment is env["NAME"]`},
	{`got newline, want primary expression`, ``, `\w\s*(?:\+\+|--)\s*;?\s*$`, `write x += 1`},
	{`got if, want ':'`, `else\s+(?:if)?$`, ``, `write elif`},
	{`got else, want primary expression`, ``, ``, `else belongs to an if just before it, with the same indentation: for and while have none`},
	{`got newline, want ':'`, ``, header, `the line needs a colon at its end`},
	{`got ':', want`, `:$`, `:=`, `Starlark has no :=: assign on a line of its own`},
	{`got ':', want`, ``, `:=`, `Starlark has no :=: assign on a line of its own`},
	{`got ':', want (?:'\)'|',')`, ``, `^\s*def\b.*\(.*\w\s*:\s*[\w"]`, `Starlark has no annotations: write def f(x):`},
	{`got '-', want ':'`, ``, `^\s*def\b.*->`, `Starlark has no annotations: write def f(x):`},
	{`got ':', want newline`, ``, `^\s*\w+\s*:\s*[\w\[\], .]+=`, `Starlark has no annotations: write x = 1`},
	{`got (?:pass|return|break|continue), want primary expression`, `lambda[^:]*:\s*\w*$`, ``, `a lambda is one expression: write def f(x):`},
	{`got '=', want`, `lambda[^:]*:.*$`, ``, `a lambda is one expression: write def f(x):`},
	{`got (?:','|'}'), want ':'`, ``, ``, `a dict has key: value; a set is set([1, 2])`},
	{`conditional expression without else clause`, ``, ``, `write a if condition else None`},
	{`got indent, want primary expression`, ``, ``, `the line is indented more than the one before it`},
	{`got (?:end of file|outdent), want indent`, ``, ``, `a block needs a line: pass does nothing`},
	{`want indent$`, ``, ``, `a block's lines are indented`},
	{`got '=', want ':'`, ``, header, `write == to compare`},
	{`got '//', want primary expression`, `^\s*(?://)?$`, ``, `a comment begins with #`},
	{`got '/', want primary expression`, `^\s*/?$`, ``, `a comment begins with #`},
	{`unexpected newline in string`, ``, ``, `a string over several lines stands between """`},
	{`got '\.', want primary expression`, ``, `\.\.\.`, `write pass`},
	{`load statement must import`, ``, ``, `list the names to load: load("lib/x.star", "name")`},
	{`load operand must be`, ``, ``, `write load("lib/x.star", "name")`},
}

var importing = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*(?:import|from)\s+(\w+)`) })

// parseHint returns the hint for a script that doesn't parse; empty if none is certain.
func (s *Sources) parseHint(e syntax.Error) string {
	at := int(e.Pos.Line)
	line := s.line(e.Pos.Filename(), at)
	before := string([]rune(line)[:max(0, min(int(e.Pos.Col)-1, len([]rune(line))))])
	if strings.TrimSpace(before) == "" && strings.HasPrefix(e.Msg, "got newline") {
		line = s.line(e.Pos.Filename(), at-1) // the parser stands behind the newline
	}
	if e.Msg == "not an identifier" {
		_, word, ok := cutLast(before, ".")
		switch {
		case !ok:
		case word == "class":
			return `: class is a reserved word: write e["class"] or e.class_`
		case reserved[word] != "":
			return fmt.Sprintf(`: %s is a reserved word: write getattr(x, "%[1]s")`, word)
		}
		return ""
	}
	got, _, _ := strings.Cut(strings.TrimPrefix(e.Msg, "got "), ",")
	if got == "import" || got == "from" {
		if found := importing().FindStringSubmatch(line); found != nil {
			name := found[1]
			if slices.Contains(libraries, name) {
				return ": " + name + " is there already: leave the import out"
			}
			if hint := elsewhere[name]; hint != "" {
				return ": Starlark has no import: " + hint
			}
		}
	}
	if hint := reserved[got]; hint != "" {
		return ": " + hint
	}
	above := s.line(e.Pos.Filename(), at-1)
	if got == "string literal" && strings.HasSuffix(strings.TrimSpace(above), strings.TrimSpace(before)[:min(1, len(strings.TrimSpace(before)))]) &&
		sideBySide().MatchString(before) {
		return `: strings side by side aren't joined: write "a" + "b"`
	}
	for _, slip := range syntaxSlips {
		if matches(slip.message, e.Msg) && matches(slip.before, before) && matches(slip.line, line) {
			return ": " + slip.hint
		}
	}
	return ""
}

// sideBySide matches a line that holds nothing but a string, as far as it was read.
var sideBySide = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*(?:"[^"]*"|'[^']*')$`) })

// matches reports whether a text matches a pattern, compiled here because each is needed once at most.
func matches(pattern, text string) bool {
	return pattern == "" || regexp.MustCompile(pattern).MatchString(text)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
