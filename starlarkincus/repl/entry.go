package repl

import (
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/nesting"

	"go.starlark.net/syntax"
)

// An entry is what a person types before it runs: one statement, over several lines where it needs them. What was
// pasted, or comes from the history, may be several statements.
type entry struct{ text string }

// lineEnds makes a source's line ends those that Starlark has, as for a file.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// add takes the input of one prompt and reports whether the entry is now to run. As in Python, a blank line ends a
// block that is typed line by line, but for one within brackets or a string; a mistake ends the entry at once. A block
// that came as a whole is complete.
func (e *entry) add(input string) (complete bool) {
	input = strings.TrimSuffix(lineEnds.Replace(input), "\n")
	whole := e.text == "" && strings.Contains(input, "\n")
	e.text += input + "\n"
	code := e.code()
	if strings.ContainsRune(code, 0) {
		return true // the parser takes it for the end of the file
	}
	if _, err := nesting.Check(code); err != nil {
		return true // nothing may parse it
	}
	file, err := new(syntax.FileOptions).Parse("", code, 0)
	var s scanner
	s.add(code)
	switch {
	case s.within():
		return err != nil && !unfinished(err, code)
	case strings.TrimSpace(input[strings.LastIndexByte(input, '\n')+1:]) == "":
		return true
	case err != nil:
		return !bodyMissing(err, code)
	case whole, len(file.Stmts) == 0:
		return true
	}
	return !compound(file.Stmts[len(file.Stmts)-1])
}

// unfinished reports whether the only error of a text that ends within brackets, a string or a continued line may be
// that end. The parser takes the end within a block for the block's.
func unfinished(err error, code string) bool {
	var parse syntax.Error
	return atEnd(err, code) || errors.As(err, &parse) && parse.Msg == "unexpected EOF in string"
}

// bodyMissing reports whether a text ends after the header of a block.
func bodyMissing(err error, code string) bool {
	var parse syntax.Error
	return atEnd(err, code) && errors.As(err, &parse) && strings.HasSuffix(parse.Msg, "want indent")
}

// atEnd reports whether a syntax error stands behind the text's last line.
func atEnd(err error, code string) bool {
	var parse syntax.Error
	return errors.As(err, &parse) && int(parse.Pos.Line) > strings.Count(code, "\n")
}

func compound(stmt syntax.Stmt) bool {
	switch stmt.(type) {
	case *syntax.DefStmt, *syntax.IfStmt, *syntax.ForStmt, *syntax.WhileStmt:
		return true
	}
	return false
}

// code is the entry's text without the indentation that all its statements share: an entry that begins with a space is
// no mistake. Where they share none, only the first statement loses its own.
func (e *entry) code() string {
	var s scanner
	var lines, starts []string // starts has "" in place of lines that start no statement
	margin, shared := "", true
	for line := range strings.Lines(e.text) {
		start := ""
		if text := strings.TrimLeft(line, " \t"); !s.within() && text != "\n" && text[0] != '#' {
			start = line
			if len(starts) == 0 {
				if margin = line[:len(line)-len(text)]; margin == "" {
					return e.text
				}
			}
			shared = shared && strings.HasPrefix(line, margin)
		}
		if start != "" || len(starts) > 0 {
			starts = append(starts, start)
		}
		lines = append(lines, line)
		s.add(line)
	}
	first := len(lines) - len(starts)
	for i, start := range starts {
		if start != "" && (shared || i == 0) {
			lines[first+i] = start[len(margin):]
		}
	}
	return strings.Join(lines, "")
}

// A splitter cuts a program that comes line by line into its statements. Unlike an [entry] it takes no blank line for
// the end of a block: a program has them anywhere.
type splitter struct {
	lines []string
	scan  scanner
	block bool
}

// add takes the next line, with its newline, and gives the statements that are complete before it or with it.
func (s *splitter) add(line string) (statements []string) {
	for part := range strings.Lines(lineEnds.Replace(line)) {
		statements = append(statements, s.addLine(part)...)
	}
	return statements
}

func (s *splitter) addLine(line string) (statements []string) {
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

// startsStatement reports whether a line that isn't within another can't belong to the block before it.
func startsStatement(line string) bool {
	return strings.TrimSpace(line) != "" && !strings.ContainsRune(" \t\f#", rune(line[0]))
}

// word reports whether the line starts with one of the words.
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
