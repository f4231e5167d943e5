package repl

import (
	"slices"
	"strings"
)

// leaving are the first words of statements after which a block ends.
var leaving = []string{"return", "pass", "break", "continue"}

// raising are the functions that never return.
var raising = []string{"fail", "raise_", "exit", "die"}

// indentation returns the text that the next line of an entry starts with: the indentation of its last line, one step more
// after the header of a block or an opening bracket, and one less after a statement that leaves the block. Within a string
// it is empty, because it would be part of the string.
func indentation(entry string) string {
	var s scanner
	var levels []string // the indentations of the blocks around the last statement
	var statement, last string
	for line := range strings.Lines(entry) {
		if blank := strings.TrimSpace(line) == "" || strings.TrimSpace(line)[0] == '#'; !s.within() {
			statement = ""
			if !blank {
				levels = append(levels, margin(line))
				for n := len(levels) - 1; n > 0 && len(levels[n-1]) >= len(levels[n]); n-- {
					levels = slices.Delete(levels, n-1, n)
				}
			}
		}
		if !s.within() || s.quote == 0 {
			last = line
		}
		statement += line
		s.add(line)
	}
	switch {
	case s.quote != 0:
		return ""
	case len(s.open) > 0 && s.last == s.open[len(s.open)-1].char:
		return margin(last) + indent
	case s.within() || len(levels) == 0:
		return margin(last)
	}
	level := levels[len(levels)-1]
	switch {
	case s.last == ':':
		if strings.HasSuffix(level, "\t") {
			return level + "\t"
		}
		return level + indent
	case leaves(strings.TrimLeft(statement, " \t")):
		if len(levels) > 1 {
			return levels[len(levels)-2]
		}
		return ""
	}
	return level
}

// margin returns the spaces and tabs at the start of a line.
func margin(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// leaves reports whether the statements of a line end with one that leaves the block.
func leaves(statement string) bool {
	return word(statement, leaving...) || word(statement, raising...) && strings.HasPrefix(statement[strings.IndexFunc(statement, notName):], "(")
}
