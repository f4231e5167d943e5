package repl

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// typeLines types the lines of statements as a person does, who takes over the indentation that the prompt proposes, or
// erases it. It returns the number of lines, and of those whose indentation was right.
func typeLines(p *screen, statements []string) (lines, right int) {
	before := ""
	for _, line := range typing(statements) {
		suggested := indentation(before)
		rest, ok := strings.CutPrefix(line, suggested)
		switch {
		case line == "" && suggested != "": // Enter ends the block
		case !ok, strings.TrimSpace(rest) == "" && rest != "":
			p.send("\x15" + line)
		default:
			p.send(rest)
			if right++; margin(rest) != "" {
				right--
			}
		}
		lines++
		p.send("\r")
		var e entry
		if before != "" {
			e.text = before
		}
		if e.add(line) {
			p.expect(">>> ")
			before = ""
		} else {
			p.expect("... ")
			before = e.text
		}
	}
	return lines, right
}

// TestTerminalPrograms enters random programs at a real terminal: typed line by line with the indentation that the prompt
// proposes, pasted with and without marks, and recalled line by line. Each gives the same as the file.
func TestTerminalPrograms(t *testing.T) {
	const up, byLine = "\x1b[A", "\x0f"
	r := newRand(t)
	lines, right := 0, 0
	for range max(2, *programs/60) {
		file := filepath.Join(t.TempDir(), "output")
		p := startTerminal(t, t.TempDir(), "TEST_OUTPUT="+file)
		p.expect(">>> ")
		var want strings.Builder
		for _, way := range []string{"typed", "fast", "marked", "recalled"} {
			g := &grammar{Rand: r, blank: way != "typed", tabs: way == "marked"}
			statements := g.program(1 + r.IntN(5))
			text := strings.TrimRight(strings.Join(statements, ""), "\n") + "\n"
			out, failure := runFile(t, text)
			if ranAway(failure) {
				continue
			}
			if failure != "" {
				t.Fatal(failure, text)
			}
			fmt.Fprint(&want, out)
			asKeys := strings.ReplaceAll(text, "\n", "\r")
			switch way {
			case "typed":
				n, ok := typeLines(p, statements)
				lines, right = lines+n, right+ok
			case "fast":
				p.send(asKeys)
				p.expect(">>> ")
			default:
				p.send(pasteStart + asKeys + pasteEnd + "\r")
				p.expect(">>> ")
			}
			if way == "recalled" {
				fmt.Fprint(&want, out)
				p.send(up + byLine)
				p.expect(">>> ")
				for range len(linesOf(text)) - 1 {
					p.send("\r")
					p.expect("... ")
				}
				p.send("\r")
			}
			fmt.Fprintf(&want, "way %s\n", way)
			if way == "recalled" && word(statementAtEnd(text), "def", "if", "for", "while") {
				p.expect("... ")
				p.send("\x15\r")
			}
			if way == "recalled" {
				p.expect(">>> ")
			}
			p.send(fmt.Sprintf("print('way', '%s')\r", way))
			p.expect("\nway " + way + "\n")
			p.expect(">>> ")
			if got, err := os.ReadFile(file); err != nil || string(got) != want.String() {
				t.Fatalf("%s:\n%s\ngot  %q\nwant %q (%v)", way, text, got, want.String(), err)
			}
		}
		p.send("exit(3)\r")
		if status := p.status(); status != 3 {
			t.Errorf("status %d", status)
		}
	}
	t.Logf("the indentation of %d of %d lines is right", right, lines)
}

// statementAtEnd returns the last statement of a program.
func statementAtEnd(text string) string {
	var s splitter
	last := ""
	for line := range strings.Lines(text) {
		for _, statement := range s.add(line) {
			last = statement
		}
	}
	if rest := s.end(); strings.TrimSpace(rest) != "" {
		return rest
	}
	return last
}
