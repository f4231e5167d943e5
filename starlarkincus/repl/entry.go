package repl

import (
	"errors"
	"strings"

	"incus-star/starlarkincus/host"

	"go.starlark.net/syntax"
)

// An entry is what a person types before it runs: one statement, over several lines where it needs them. What was
// pasted, or comes from the history, may be several statements.
type entry struct{ text string }

// add takes what was entered at one prompt and says whether the entry is now to run. A block that is typed line by
// line ends with a blank line, as nobody can know otherwise that it is complete; one that came as a whole is.
func (e *entry) add(input string) (complete bool) {
	whole := e.text == "" && strings.Contains(input, "\n")
	input = strings.TrimSuffix(input, "\n")
	e.text += input + "\n"
	last := input[strings.LastIndexByte(input, '\n')+1:]
	blank := strings.TrimSpace(last) == ""
	file, err := new(syntax.FileOptions).Parse("", e.text, 0)
	var s scanner
	s.add(e.text)
	switch {
	case s.within() && atEnd(err, e.text):
		return false // the parser misses an end of indentation where the rest of a bracket is to come
	case host.Incomplete(err):
		// A header without a body waits for the body, but not for ever: a blank line gives the error.
		return blank && !s.within()
	case err != nil, blank, whole, len(file.Stmts) == 0:
		return true
	}
	return !compound(file.Stmts[len(file.Stmts)-1])
}

// atEnd says whether a syntax error is that the text has ended.
func atEnd(err error, text string) bool {
	var parse syntax.Error
	return errors.As(err, &parse) && int(parse.Pos.Line) > strings.Count(text, "\n")
}

func compound(stmt syntax.Stmt) bool {
	switch stmt.(type) {
	case *syntax.DefStmt, *syntax.IfStmt, *syntax.ForStmt, *syntax.WhileStmt:
		return true
	}
	return false
}

// A splitter cuts a program that comes line by line into its statements. Unlike an [entry] it takes no blank line for
// the end of a block: a program has them anywhere.
type splitter struct {
	lines []string
	scan  scanner
	block bool
}

// add takes the next line, with its newline, and gives the statement that is complete before it or with it; there may
// be both.
func (s *splitter) add(line string) (statements []string) {
	if len(s.lines) > 0 && !s.scan.within() && startsStatement(line) && !(s.block && word(line, "else", "elif")) {
		statements = append(statements, s.end())
	}
	if len(s.lines) == 0 {
		if strings.TrimSpace(line) == "" {
			return statements
		}
		s.block = word(line, "def", "if", "for", "while")
	}
	s.lines = append(s.lines, line)
	s.scan.add(line)
	if !s.block && !s.scan.within() {
		statements = append(statements, s.end())
	}
	return statements
}

// end gives what there is, at the input's end; empty where there is nothing.
func (s *splitter) end() string {
	text := strings.Join(s.lines, "")
	*s = splitter{}
	return text
}

// startsStatement says whether a line that isn't within another can't belong to the block before it.
func startsStatement(line string) bool {
	return strings.TrimSpace(line) != "" && !strings.ContainsRune(" \t\f#", rune(line[0]))
}

// word says whether the line starts with one of the words.
func word(line string, words ...string) bool {
	end := strings.IndexFunc(line, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') && (r < 'A' || r > 'Z')
	})
	if end < 0 {
		end = len(line)
	}
	for _, w := range words {
		if line[:end] == w {
			return true
		}
	}
	return false
}
