package report_test

import (
	"strings"
	"testing"

	"incus-star/starlarkincus/report"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// A construct of Python gets a hint at the place where the parser fails; a message without a certain hint stays as it
// is.
func TestExplainSyntax(t *testing.T) {
	for src, want := range map[string]string{
		"import json\n":        "json",
		"import os\n":          "import",
		"class A:\n  pass\n":   "class",
		"try:\n  pass\n":       "try_",
		"raise x\n":            "raise_",
		"x = e.class\n":        "e.class_",
		"x = e.from\n":         `getattr(x, "from")`,
		"x = ('a'\n    'b')\n": `"a" + "b"`,
		"x = 'a\n":             `"""`,
		"load('x')\n":          `load("lib/x.star", "name")`,
		"x = )\n":              "",
	} {
		var sources report.Sources
		sources.Add("x.star", src)
		_, err := new(syntax.FileOptions).Parse("x.star", src, 0)
		parse, ok := err.(syntax.Error)
		if !ok {
			t.Errorf("%q: %v", src, err)
			continue
		}
		got := strings.TrimPrefix(sources.Explain(err, nil, nil).(syntax.Error).Msg, parse.Msg)
		if !strings.Contains(got, want) || want == "" && got != "" || want != "" && !strings.HasPrefix(got, ": ") {
			t.Errorf("%q: %s gets the hint %q, want one with %s", src, parse.Msg, got, want)
		}
	}
}

// An undefined name gets the nearest one that is known, in the file or outside; of many only the first.
func TestExplainNames(t *testing.T) {
	src := "def outer(number):\n    def inner():\n        pass\n    return numbre\nvalue = vaule\nx = frobnicate\ny = instacnes\n" + strings.Repeat("[instacnes]\n", 20)
	file, err := new(syntax.FileOptions).Parse("x.star", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"instances": true}
	err = resolve.REPLChunk(file, nil, func(name string) bool { return known[name] }, func(string) bool { return false })
	var sources report.Sources
	explained, ok := sources.Explain(err, file, []string{"instances"}).(resolve.ErrorList)
	if !ok || len(explained) != 24 {
		t.Fatalf("got %v", err)
	}
	hints := 0
	for _, e := range explained {
		name, suggestion, _ := strings.Cut(strings.TrimPrefix(e.Msg, "undefined: "), " ")
		want := map[string]string{"numbre": "(did you mean number?)", "vaule": "(did you mean value?)", "instacnes": "(did you mean instances?)"}[name]
		if suggestion != "" {
			hints++
		}
		if suggestion != want && !(name == "instacnes" && suggestion == "") {
			t.Errorf("%s: want %s", e.Msg, want)
		}
	}
	if hints < 3 || hints > 12 { // ten, and those that the resolver gives itself
		t.Errorf("%d names have a hint", hints)
	}
	if got := sources.Explain(nil, file, nil); got != nil {
		t.Errorf("no error is explained as %v", got)
	}
}

// A hint takes the place of Starlark's own suggestion, and a message without a certain one stays.
func TestWithHint(t *testing.T) {
	for message, changed := range map[string]bool{"string has no .decode field or method": true, "something else": false, "": false} {
		if got := report.WithHint(message); !strings.HasPrefix(got, message) || (got != message) != changed {
			t.Errorf("%s: got %s", message, got)
		}
	}
}

// An error at the end of a line is at that line, not at the next one's beginning.
func TestExplainLineEnd(t *testing.T) {
	for src, want := range map[string][2]int32{
		"w = 1\nw.\n\n": {2, 3}, "w.  \nfoo\n": {1, 3}, "x = 1 +\n2\n": {1, 8}, "x.# c\n": {1, 6}, "é.\n": {1, 3}, "\n1abc\n": {2, 5}, "\n)\n": {2, 1}, "if True\n  pass\n": {1, 8},
	} {
		var sources report.Sources
		sources.Add("x.star", src)
		_, err := new(syntax.FileOptions).Parse("x.star", src, 0)
		got, ok := sources.Explain(err, nil, nil).(syntax.Error)
		if !ok || got.Pos.Line != want[0] || got.Pos.Col != want[1] || got.Pos.Filename() != "x.star" {
			t.Errorf("%q: %v", src, got)
		}
	}
}
