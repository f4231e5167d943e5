package repl

import (
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/nesting"

	"go.starlark.net/syntax"
)

// An entry is the text that runs at once: one statement of one or more lines, or several statements if it was pasted or
// comes from the history.
type entry struct{ text string }

// lineEnds replaces other line ends by newlines, as for files.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// add adds the input of one prompt, and reports whether the entry is complete. As in Python, a blank line ends a block
// that is typed line by line, except within brackets or a string, and a mistake ends the entry at once. A block that is
// added as a whole is complete.
func (e *entry) add(input string) (complete bool) {
	input = strings.TrimSuffix(lineEnds.Replace(input), "\n")
	whole := e.text == "" && strings.Contains(input, "\n")
	e.text += input + "\n"
	code := e.code()
	if strings.ContainsRune(code, 0) {
		return true // the parser would take it for the end of the file
	}
	if _, err := nesting.Check(code); err != nil {
		return true // too deep for the parser
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

// unfinished reports whether the error of a text that ends within brackets, a string or a continued line may be due to
// that end alone. The parser reports an end within a block as the end of the block.
func unfinished(err error, code string) bool {
	var parse syntax.Error
	return atEnd(err, code) || errors.As(err, &parse) && parse.Msg == "unexpected EOF in string"
}

// bodyMissing reports whether a text ends after the header of a block.
func bodyMissing(err error, code string) bool {
	var parse syntax.Error
	return atEnd(err, code) && errors.As(err, &parse) && strings.HasSuffix(parse.Msg, "want indent")
}

// atEnd reports whether a syntax error is after the text's last line.
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

// code returns the entry's text without the common indentation of its statements, because an entry may begin with
// spaces. If there is none, only the first statement's indentation is removed.
func (e *entry) code() string {
	var s scanner
	var lines, starts []string // starts has "" for lines that don't start a statement
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

// A splitter splits a program that is read line by line into statements. Unlike in an [entry], a blank line doesn't end
// a block.
type splitter struct {
	lines []string
	scan  scanner
	block bool
}

// add adds the next line, with its newline, and returns the statements that it completes.
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

// end returns the last statement at the end of the input; empty if there is none.
func (s *splitter) end() string {
	text := strings.Join(s.lines, "")
	*s = splitter{}
	return text
}

// startsStatement reports whether a line that doesn't continue another starts a statement after a block.
func startsStatement(line string) bool {
	return strings.TrimSpace(line) != "" && !strings.ContainsRune(" \t\f#", rune(line[0]))
}

// word reports whether the line starts with one of the words.
func word(line string, words ...string) bool {
	end := strings.IndexFunc(line, notName)
	if end < 0 {
		end = len(line)
	}
	return slices.Contains(words, line[:end])
}

// notName reports whether a letter ends a keyword or the name of a function of the host.
func notName(r rune) bool {
	return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}
