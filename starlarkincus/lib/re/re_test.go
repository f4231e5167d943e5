package re_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"incus-star/starlarkincus/lib/re"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// eval evaluates an expression with re, show and the names.
func eval(expr string, names starlark.StringDict) (starlark.Value, error) {
	env := starlark.StringDict{"re": re.Decl.Make()}
	maps.Copy(env, names)
	return starlark.EvalOptions(new(syntax.FileOptions), new(starlark.Thread), "", expr, env)
}

// calls has the calls of testdata/python.py.
const calls = `[
	show(re.search(p, s)), show(re.match(p, s)), show(re.fullmatch(p, s)), re.findall(p, s), re.split(p, s),
	re.split(p, s, maxsplit=1), re.sub(p, r"<\g<0>>", s), re.sub(p, "-", s, count=2), re.sub(p, lambda m: m[0].upper(), s),
]`

const show = `lambda m: m and (m.group(), m.span(), m.groups(), m.groupdict(), m[0])`

// unlike are patterns that don't match as in Python, and why.
var unlike = map[string]string{
	"a$": "the end of the text is its very end, not also before a last newline",
	"a*": "an empty match doesn't begin where the last match ended",
}

// TestLikePython compares the functions and the methods with those of Python.
func TestLikePython(t *testing.T) {
	data, err := os.ReadFile("testdata/python.star")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := eval(show, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines, differing := 0, make(map[string]bool)
	for line := range strings.Lines(string(data)) {
		lines++
		v, err := eval(line, nil)
		if err != nil {
			t.Fatal(err)
		}
		row := v.(starlark.Tuple)
		p, want := string(row[0].(starlark.String)), row[2]
		names := starlark.StringDict{"p": row[0], "s": row[1], "show": shown}
		got, err := eval(calls, names)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		same, err := starlark.Equal(got, want)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !same && unlike[p] != "":
			differing[p] = true
		case !same:
			t.Errorf("%s in %s: got %s, want %s", row[0], row[1], got, want)
		}
		// The same calls as methods of the compiled pattern.
		methods := regexp.MustCompile(`re\.(\w+)\(p, `).ReplaceAllString(calls, "p.$1(")
		names["p"], err = eval("re.compile(p)", names)
		if err != nil {
			t.Fatal(err)
		}
		again, err := eval(methods, names)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if same, _ := starlark.Equal(got, again); !same {
			t.Errorf("%s in %s: the methods give %s, the functions %s", row[0], row[1], again, got)
		}
	}
	for p := range unlike {
		if !differing[p] {
			t.Errorf("%s matches as in Python", p)
		}
	}
	t.Log(lines, " lines")
}

// TestRandom checks that the functions agree with each other for random patterns and texts.
func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(n int, of ...string) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString(of[r.IntN(len(of))])
		}
		return b.String()
	}
	compiled := 0
	for range 3000 {
		p, s := pick(6, "a", "b", "é", ".", "*", "+", "?", "|", "(", ")", "(?P<n>", "[ab]", "^", "$", `\b`, `\Q`, `\E`, "{2}", "(?i)"), pick(10, "a", "b", "A", "é", " ", "\n", "日", "\xff")
		names := starlark.StringDict{"p": starlark.String(p), "s": starlark.String(s), "valid": starlark.Bool(utf8.ValidString(s))}
		if _, err := eval("re.compile(p)", names); err != nil {
			if !strings.HasPrefix(err.Error(), "re.compile: pattern: ") {
				t.Errorf("%q: %v", p, err)
			}
			continue
		}
		compiled++
		for _, law := range []string{
			`not valid or re.fullmatch(re.escape(s), s).span() == (0, len(s))`,
			`re.sub(p, r"\g<0>", s) == s`,
			`re.sub(p, lambda m: m[0], s) == s`,
			`re.compile(p).groups > 0 or len(re.split(p, s)) == len(re.findall(p, s)) + 1`,
			`(re.search(p, s) == None) == (re.findall(p, s) == [])`,
			`(lambda m: m == None or m.string[m.start():m.end()] == m.group())(re.search(p, s))`,
			`(lambda m: m == None or m.start() == 0)(re.match(p, s))`,
			`(lambda m: m == None or m.span() == (0, len(s)))(re.fullmatch(p, s))`,
			`re.fullmatch(p, s) == None or re.match(p, s) != None`,
			`re.match(p, s) == None or re.search(p, s).start() == 0`,
			`(lambda m: m == None or len(m.groups()) == m.re.groups and len(m.groupdict()) == len(m.re.groupindex))(re.search(p, s))`,
		} {
			v, err := eval(law, names)
			if err != nil || !v.Truth() {
				t.Errorf("%q in %q: %s is %v, %v", p, s, law, v, err)
			}
		}
	}
	if compiled < 300 {
		t.Errorf("only %d patterns are right", compiled)
	}
}

// TestBadInput checks that invalid patterns, replacements, groups and limits are errors with the name of the function.
func TestBadInput(t *testing.T) {
	for expr, want := range map[string]string{
		`re.compile("(")`:                   "re.compile: pattern: missing closing ): `(`",
		`re.search("[", "")`:                "re.search: pattern: missing closing ]: `[`",
		`re.match("a**", "")`:               "re.match: pattern: invalid nested repetition operator: `**`",
		`re.fullmatch(r"\1", "")`:           "re.fullmatch: pattern: invalid escape sequence: `\\1`",
		`re.findall("(?=a)", "")`:           "re.findall: pattern: invalid or unsupported Perl syntax: `(?=`",
		`re.split("a{1001}", "")`:           "re.split: pattern: invalid repeat count: `{1001}`",
		`re.sub("?", "", "")`:               "re.sub: pattern: missing argument to repetition operator: `?`",
		`re.search(b"a", "")`:               "re.search: pattern is bytes, want a string or what re.compile gives",
		`re.search("a", b"")`:               "re.search: for parameter string: got bytes, want string",
		`re.split("a", "", -1)`:             "re.split: maxsplit is -1, want 0 or more",
		`re.sub("a", "", "", -1)`:           "re.sub: count is -1, want 0 or more",
		`re.sub("a", r"\1", "a")`:           "re.sub: repl: there is no group 1",
		`re.sub("a", r"\g<x>", "")`:         "re.sub: repl: there is no group x",
		`re.sub("a", r"\g<-1>", "")`:        "re.sub: repl: there is no group -1",
		`re.sub("a", r"\g<>", "")`:          "re.sub: repl: there is no group ",
		`re.sub("a", "b\\", "a")`:           `re.sub: repl: it ends in one \: write \\ for a backslash`,
		`re.sub("a", r"\q", "a")`:           `re.sub: repl: \q means nothing: write \1 or \g<name> for a group, \\ for a backslash`,
		`re.sub("a", 1, "a")`:               "re.sub: repl is int 1, want a string or a function",
		`re.sub("a", len, "a")`:             "len: value of type re.Match has no len",
		`re.sub("a", lambda m: 1, "a")`:     "re.sub: repl gave int 1, want a string",
		`re.match("(a)", "a").group(2)`:     "re.Match.group: there is no group 2",
		`re.match("a", "a").end("x")`:       `re.Match.end: there is no group "x"`,
		`re.match("a", "a").span(1)`:        "re.Match.span: there is no group 1",
		`re.match("a", "a").group(g=0)`:     "re.Match.group: takes no arguments by name",
		`re.match("a", "a").groups(1,2)`:    "re.Match.groups: got 2 arguments, want at most 1",
		`re.match("a", "a").groupdict(x=1)`: `re.Match.groupdict: unexpected keyword argument "x"`,
		`{re.match("a", "a"): 1}`:           "unhashable type: re.Match",
		`re.compile("a") < re.compile("b")`: "patterns have no order",
		`re.compile("a").search()`:          "re.search: missing argument for string",
		`re.compile("a").x`:                 "re.Pattern has no .x field or method",
		`re.match("a", "a").x`:              "re.Match has no .x field or method",
	} {
		v, err := eval(expr, nil)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
}

// TestValues checks the values of the library in print, as keys, in comparisons and in dir.
func TestValues(t *testing.T) {
	for expr, want := range map[string]string{
		`re.compile("a\"b")`:                  `re.compile("a\"b")`,
		`bool(re.compile(""))`:                "True",
		`re.compile("a") == re.compile("a")`:  "True",
		`re.compile("a") != re.compile("b")`:  "True",
		`{re.compile("a"): 1}`:                `{re.compile("a"): 1}`,
		`dir(re.compile("a"))`:                `["findall", "fullmatch", "groupindex", "groups", "match", "pattern", "search", "split", "sub"]`,
		`dir(re.match("", ""))`:               `["end", "group", "groupdict", "groups", "re", "span", "start", "string"]`,
		`bool(re.match("", ""))`:              "True",
		`re.match("(?P<x>a)|b", "b")["x"]`:    "None",
		`re.match("(a)|b", "b").span(1)`:      "(-1, -1)",
		`re.match("(a)|b", "b").groups(0)`:    "(0,)",
		`re.sub("a", r"\t\n\r\\\.", "a")`:     `"\t\n\r\\\\."`,
		`re.sub("(a)(b)?", r"[\2\1]", "aab")`: `"[a][ba]"`,
		`re.sub(",", "", "a,b,c", count=1)`:   `"ab,c"`,
		`re.escape("[é.]+")`:                  `"\\[é\\.\\]\\+"`,
	} {
		v, err := eval(expr, nil)
		if err != nil || v.String() != want {
			t.Errorf("%s: got %v, %v, want %s", expr, v, err, want)
		}
	}
}

// TestManyAndHard checks more patterns than the cache holds, and a pattern that takes exponential time in other
// engines.
func TestManyAndHard(t *testing.T) {
	for i := range 1200 {
		v, err := eval(fmt.Sprintf(`re.search("x%d$", "ax%d").start()`, i, i), nil)
		if err != nil || v.String() != "1" {
			t.Fatalf("%d: got %v, %v", i, v, err)
		}
	}
	start := time.Now()
	if v, err := eval(`re.fullmatch("(a*)*b", "a" * 20000)`, nil); err != nil || v != starlark.None {
		t.Errorf("got %v, %v", v, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}
