package repl

import (
	"slices"
	"strings"
	"testing"
)

func TestEntry(t *testing.T) {
	for name, lines := range map[string][]string{
		"expression":            {"1 + 1"},
		"comment":               {"# only this"},
		"mistake":               {"x = )"},
		"semicolons":            {"x = 1; x"},
		"brackets":              {"f(", "", "  1,", ")"},
		"string":                {`x = """a`, "", "b", `"""`},
		"backslash":             {`x = 1 + \`, "2"},
		"def":                   {"def f():", "  return 1", ""},
		"white line":            {"def f():", "  return 1", "   "},
		"comment in a body":     {"def f():", "  # first", "  return 1", ""},
		"def, one line":         {"def f(): return 1", ""},
		"else":                  {"if x:", "  y", "else:", "  z", ""},
		"brackets in a body":    {"for x in y:", "  f(", "", "  )", ""},
		"mistake in brackets":   {"f(x y"},
		"no body":               {"def f():", ""},
		"mistake in a body":     {"def f():", "  return )"},
		"pasted def":            {"def f():\n\n  return 1\n"},
		"pasted statements":     {"def f():\n  return 1\nf()"},
		"pasted header":         {"def f():\n", "  return 1", ""},
		"pasted into a body":    {"def f():", "  x = 1\n\n  return x\n", ""},
		"pasted part of a body": {"def f():", "  x = 1\n\n  y = 1", "  return x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var e entry
			for i, line := range lines {
				if done := e.add(line); done != (i == len(lines)-1) {
					t.Fatalf("line %d: complete is %v", i+1, done)
				}
			}
		})
	}
}

func TestSplitter(t *testing.T) {
	program := []string{
		"#!/usr/bin/env incus-star\n",
		"x = 1; y = 2\n",
		"def f():\n    # blank lines end nothing\n\n    return '''\ndef g():\n'''\n\n# not even a comment does\n    pass\n\n",
		"if x:\n  y\nelif z:\n  y\nelse:\n  z\n",
		"iffy = [\n1,\n\n2]\n",
		"y = 1 + \\\n2\n",
		"for a in b: a\n",
		"forty = '''\nfor\n'''\n",
		"while x: pass\n",
	}
	var s splitter
	var got []string
	for line := range strings.Lines(strings.Join(program, "\n")) {
		got = append(got, s.add(line)...)
	}
	if rest := s.end(); rest != "" {
		got = append(got, rest)
	}
	for i := range got {
		got[i] = strings.TrimRight(got[i], "\n")
	}
	for i := range program {
		program[i] = strings.TrimRight(program[i], "\n")
	}
	if !slices.Equal(got, program) {
		t.Errorf("got\n%q\nwant\n%q", got, program)
	}
}

// TestSplitterIsPrompt checks that a statement runs as soon as it is complete, because the writer may wait for its
// output.
func TestSplitterIsPrompt(t *testing.T) {
	var s splitter
	for _, line := range []string{"x = 1\n", "f(x)\n", "# comment\n"} {
		if got := s.add(line); !slices.Equal(got, []string{line}) {
			t.Errorf("%q gives %q", line, got)
		}
	}
}

func TestScanner(t *testing.T) {
	for _, test := range []struct {
		text   string
		open   string
		quote  byte
		within bool
	}{
		{"f(a, [1, {", "([{", 0, true},
		{"f(a)[1]{2}", "", 0, false},
		{"f(')'", "(", 0, true},
		{`f("\")`, "(", '"', true},
		{`r"\"(`, "", '"', true},
		{`"a" 'b' "`, "", '"', true},
		{`'''a'b''c"""`, "", '\'', true},
		{`"""a""" + (`, "(", 0, true},
		{`""`, "", 0, false},
		{"# it's (", "", 0, false},
		{"# it's\n(", "(", 0, true},
		{"'lost\n", "", 0, false},
		{"'on \\\n", "", '\'', false}, // left to the parser
		{"x = 1 \\\n", "", 0, true},
		{"# x \\\n", "", 0, false},
		{")](", "(", 0, true},
	} {
		var s scanner
		s.add(test.text)
		var open string
		for _, b := range s.open {
			open += string(b.char)
		}
		if open != test.open || s.quote != test.quote && test.within || s.within() != test.within && test.quote == 0 {
			t.Errorf("%q: open %q, quote %q, within %v", test.text, open, s.quote, s.within())
		}
	}
}
