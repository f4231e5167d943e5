package repl

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A grammar generates random valid programs with nested blocks, brackets, strings, comments and blank lines of every
// form in Starlark. They print their results. Functions use no globals except other functions.
type grammar struct {
	*rand.Rand
	b         strings.Builder
	ints      []string // variables in scope
	functions []string // functions of two arguments in scope
	depth     int      // of blocks
	loop      bool
	function  bool
	names     int

	// Blank adds blank lines within blocks, which only files can have. Tabs indents with tabs.
	blank, tabs bool
	// Fails makes a statement fail.
	fails bool
}

func (g *grammar) one(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g *grammar) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

// program returns the program's top-level statements, each with its newline.
func (g *grammar) program(statements int) []string {
	g.ints = []string{"v1", "v2"}
	program := []string{"v1 = 1; v2 = 2\n"}
	failing := g.IntN(statements)
	for i := range statements {
		g.b.Reset()
		if g.fails && i == failing {
			g.block("if", "v1 == v1", "", func(indent string) {
				g.line(indent, g.one(`fail("gone wrong")`, "print(v1 // 0)", "[][1]", "print(1 + '')"))
			})
		} else {
			g.statement("")
		}
		program = append(program, g.b.String())
		if g.IntN(3) == 0 {
			program = append(program, g.one("\n", "# a comment (\n", "    # 'indented\n", "# \\\n", "\n\n"))
		}
	}
	return program
}

// line writes a simple statement with a random line end.
func (g *grammar) line(indent, text string) {
	g.b.WriteString(indent + text + g.one("", "", "", "", " ", " # x", "  # (it's \"", "# '''", ";") + "\n")
	g.between(indent)
}

// between writes random blank lines and comments between two lines of a block.
func (g *grammar) between(indent string) {
	if indent == "" {
		return
	}
	switch g.IntN(12) {
	case 0:
		g.b.WriteString(g.one("", indent, indent+"   ", " ") + "# " + g.one("a comment", "if x:", "(", "'''", "\\") + "\n")
	case 1, 2:
		if g.blank {
			g.b.WriteString(g.one("\n", "\n\n", indent+"\n", " \n"))
		}
	}
}

func (g *grammar) statement(indent string) {
	kind := g.IntN(12)
	if g.depth > 3 {
		kind = g.IntN(5)
	}
	switch kind {
	case 0, 1:
		g.line(indent, g.simple())
	case 2:
		g.line(indent, g.simple()+g.one(";", "; ", " ;")+g.simple())
	case 3:
		switch {
		case g.loop && g.IntN(2) == 0:
			g.line(indent, g.one("continue", "break", "pass"))
		case g.function:
			g.line(indent, "return "+g.int(2))
		default:
			g.line(indent, "pass")
		}
	case 4:
		if indent == "" {
			g.line(indent, g.simple())
		} else {
			g.line(indent, g.text())
		}
	case 5, 6, 7:
		g.block("if", g.condition(), indent, nil)
		for g.IntN(4) == 0 {
			g.block("elif", g.condition(), indent, nil)
		}
		if g.IntN(3) == 0 {
			g.block("else", "", indent, nil)
		}
	case 8, 9:
		outer, loop := g.ints, g.loop
		v := g.name("i")
		header := v + " in range(" + g.one("0", "1", "2") + ")"
		g.ints, g.loop = append(outer[:len(outer):len(outer)], v), true
		g.block("for", header, indent, nil)
		g.ints, g.loop = outer, loop
	case 10:
		loop := g.loop
		g.loop = true
		v := g.name("w")
		g.b.WriteString(indent + v + " = " + g.one("1", "2") + "\n")
		g.block("while", v+" > 0", indent, func(in string) {
			g.line(in, v+" -= 1")
			g.statements(in)
		})
		g.loop = loop
	case 11:
		g.def(indent)
	}
}

// def writes a function, and a call of it if possible.
func (g *grammar) def(indent string) {
	ints, loop, function, functions := g.ints, g.loop, g.function, g.functions
	f := g.name("f")
	g.ints, g.loop, g.function = []string{"a", "b", "t"}, false, true
	if g.depth > 0 {
		g.functions = nil // a nested function may not be defined yet when it is called
	}
	g.block("def", f+g.one("(a, b)", "(a, b=1)", "(\n  a,\n\n  # (\nb)", "(a, *, b)", "(a, b, **c)")+"", indent, func(in string) {
		if g.IntN(3) == 0 {
			g.line(in, g.text())
		}
		g.line(in, "t = a + 1")
		g.statements(in)
	})
	g.ints, g.loop, g.function, g.functions = ints, loop, function, functions
	if indent == "" {
		g.functions = append(g.functions, f)
	}
	if g.IntN(2) == 0 || indent != "" {
		g.b.WriteString(indent + "print(" + f + "(" + g.int(1) + ", b = " + g.int(1) + "))\n")
	}
}

// block writes a header and a body, which may be on the header's line.
func (g *grammar) block(word, rest, indent string, body func(indent string)) {
	header := indent + word
	if rest != "" {
		header += " " + rest
	}
	g.depth++
	defer func() { g.depth-- }()
	if body == nil {
		if g.IntN(5) == 0 {
			g.b.WriteString(header + ": " + g.simple() + g.one("", ";", "; "+g.simple()) + "\n")
			return
		}
		body = g.statements
	}
	g.b.WriteString(header + g.one(":", " :", ": ", ": # (", ":# it's") + "\n")
	in := indent + strings.Repeat(" ", 1+g.IntN(4))
	if g.tabs && g.IntN(2) == 0 {
		in = indent + "\t"
	}
	g.between(in)
	body(in)
}

func (g *grammar) statements(indent string) {
	functions := g.functions
	for range 1 + g.IntN(max(1, 3-g.depth)) {
		g.statement(indent)
	}
	g.functions = functions
}

// simple returns a statement that is valid anywhere.
func (g *grammar) simple() string {
	target := g.ints[g.IntN(len(g.ints))]
	if strings.HasPrefix(target, "i") {
		target = g.ints[0]
	}
	switch g.IntN(6) {
	case 0:
		return target + " = " + g.int(3)
	case 1:
		return target + g.one(" += ", " -= ", "+=") + g.int(2)
	case 2:
		return target + " = \\\n" + g.one("", " ", "        ") + g.int(2)
	case 3:
		return "print(" + g.text() + g.gap() + ", " + g.int(2) + ")"
	}
	return "print" + g.one("(", "( ") + g.gap() + g.int(3) + g.gap() + g.one(")", ",)")
}

func (g *grammar) condition() string {
	return "(" + g.int(1) + ")" + g.one(" < ", " == ", " != ", "<=") + "(" + g.int(2) + ")" + g.one("", " or "+g.int(0)+" > 5", " and True")
}

// gap returns random space or comments, as allowed within brackets.
func (g *grammar) gap() string {
	return g.one("", "", "", " ", "\n", "\n\n", "\n    ", " # it's (\n", "\n# :\n\n", "\n\t", "\\\n", "\nXY"[:1])
}

func (g *grammar) int(depth int) string {
	if depth <= 0 || g.IntN(4) == 0 {
		return g.one(append([]string{"0", "7", "0x1f", "12"}, g.ints...)...)
	}
	switch g.IntN(9) {
	case 0:
		return g.int(depth-1) + g.one(" + ", " - ", "&") + g.int(depth-1)
	case 1:
		return "(" + g.gap() + g.int(depth-1) + g.gap() + " + " + g.gap() + g.int(depth-1) + ")"
	case 2:
		return "len([" + g.gap() + g.int(depth-1) + g.gap() + "," + g.gap() + g.text() + g.gap() + "])"
	case 3:
		return "{" + g.gap() + "'k'" + g.gap() + ":" + g.gap() + g.int(depth-1) + g.gap() + "}[" + g.gap() + "'k']"
	case 4:
		return "len([" + g.gap() + "x for x in" + g.gap() + " [" + g.int(depth-1) + "]" + g.gap() + " if x])"
	case 5:
		return "(lambda x" + g.gap() + ":" + g.gap() + " x)(" + g.gap() + g.int(depth-1) + ")"
	case 6:
		if len(g.functions) > 0 {
			return "(" + g.functions[g.IntN(len(g.functions))] + "(" + g.gap() + "1, b = " + g.int(depth-1) + ") != None and 1 or 2)"
		}
	case 7:
		return "(" + g.int(depth-1) + " if " + g.gap() + g.condition() + " else " + g.int(depth-1) + ")"
	}
	return "len(" + g.text() + ")"
}

// text returns a string literal of a random form.
func (g *grammar) text() string {
	quote := g.one(`"`, `'`)
	other := map[string]string{`"`: `'`, `'`: `"`}[quote]
	part := func() string {
		return g.one("", "a", "if x:", "#", "(", "]}", other, other+other+other, `\\`, `\n`, `\`+quote, "\\\n", "é", "世界", "␊", " ", ":")
	}
	prefix := g.one("", "", "", "r", "b", "rb")
	text := part() + part() + part()
	if g.IntN(2) == 0 {
		if strings.HasSuffix(prefix, "b") {
			text = strings.NewReplacer("é", "", "世界", "", "␊", "").Replace(text)
		}
		return prefix + quote + text + quote
	}
	text += g.one("\n", "\n\n", "\n  x:\n", "\n'\n", "\n\"\n", "\\\n\n", "x") + part() + "."
	if strings.HasSuffix(prefix, "b") {
		text = strings.NewReplacer("é", "", "世界", "", "␊", "").Replace(text)
	}
	triple := strings.Repeat(quote, 3)
	return prefix + triple + text + triple
}
