package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"incus-star/errors"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// maxHints is the number of undefined names of one script that are compared with the known ones. Each comparison takes
// a walk through the file, and nobody reads more than a few hints.
const maxHints = 10

// Explain adds hints to the error of a script that doesn't parse or resolve: the Starlark for a construct of Python, and
// for an undefined name the nearest one of the file's and of known. Starlark's resolver can't list the predeclared names,
// nor does it see that two letters are swapped. File is the script's tree; nil if it doesn't parse.
func (s *Sources) Explain(err error, file *syntax.File, known []string) error {
	switch err := err.(type) {
	case syntax.Error:
		err.Pos = s.lineEnd(err)
		err.Msg += s.parseHint(err)
		return err
	case resolve.ErrorList:
		explained := make(resolve.ErrorList, len(err))
		compared := 0
		for i, e := range err {
			name, undefined := strings.CutPrefix(e.Msg, "undefined: ")
			switch {
			case undefined && elsewhere[name] != "" && !(strings.HasPrefix(elsewhere[name], "write incus.") && errors.Nearest(name, namesAt(file, e.Pos)) != ""):
				e.Msg += ": " + elsewhere[name]
			case undefined && !strings.Contains(name, " ") && compared < maxHints: // a space follows if Starlark gave a hint
				compared++
				if meant := errors.Nearest(name, append(namesAt(file, e.Pos), known...)); meant != "" && meant != name {
					e.Msg += fmt.Sprintf(" (did you mean %s?)", meant)
				}
			}
			explained[i] = e
		}
		return explained
	}
	return err
}

// lineEnd returns the position of a syntax error. The parser gives the end of a line the position of the next one's beginning.
func (s *Sources) lineEnd(err syntax.Error) syntax.Position {
	pos := err.Pos
	if pos.Line < 2 || pos.Col != 1 || err.Msg != "not an identifier" && !strings.HasPrefix(err.Msg, "got newline") {
		return pos
	}
	before := strings.TrimRight(s.line(pos.Filename(), int(pos.Line)-1), " \t\r")
	if before == "" {
		return pos
	}
	name := pos.Filename()
	return syntax.MakePosition(&name, pos.Line-1, int32(utf8.RuneCountInString(before))+1)
}

// namesAt lists the names that a resolved file assigns to at its top level and in the functions around a position.
func namesAt(file *syntax.File, pos syntax.Position) []string {
	names := make(map[string]bool)
	add := func(bindings []*resolve.Binding) {
		for _, b := range bindings {
			names[b.First.Name] = true
		}
	}
	if module, ok := file.Module.(*resolve.Module); ok {
		add(module.Globals)
		add(module.Locals)
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		var function any
		switch n := n.(type) {
		case *syntax.DefStmt:
			if start, end := n.Span(); pos.Line < start.Line || pos.Line > end.Line {
				return false
			}
			function = n.Function
		case *syntax.LambdaExpr:
			function = n.Function
		}
		if f, ok := function.(*resolve.Function); ok {
			add(f.Locals)
		}
		return true
	})
	return slices.Sorted(maps.Keys(names))
}
