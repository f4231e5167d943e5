package repl

import (
	"slices"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// dialect is that of entries.
var dialect = syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true, LoadBindsGlobally: true}

// A savedStatement is a statement of an entry, or several on the same lines.
type savedStatement struct {
	text     string
	stmts    []syntax.Stmt
	switched bool // see worked
	deeds    []deed

	names  map[string]bool            // all of its names
	idents []*syntax.Ident            // its names of the session
	uses   map[string]bool            // the session's names whose values it needs
	binds  map[string]bool            // the session's names that it assigns
	values map[string]*savedStatement // those whose values _ and its kind stand for
	shown  []*savedStatement          // if it has a value: that and those before, the newest first
	later  map[*syntax.Ident]bool     // those of idents that are in a function, which has their values at its calls

	kept     bool     // in the script
	assigned []string // the names of values that are variables, see [plan]
	value    bool     // its value is used
	named    string   // the name of its value
}

// statementsOf returns the statements of entries.
func statementsOf(entries []worked) []*savedStatement {
	var all, valued []*savedStatement
	shown := make(map[string]*savedStatement)
	for _, entry := range entries {
		parts := splitEntry(entry)
		for _, e := range parts {
			e.look()
			for name := range e.uses {
				if from := shown[name]; from != nil {
					e.values[name] = from
				}
			}
			for name := range e.binds { // the user's own _
				delete(shown, name)
			}
		}
		all = append(all, parts...)
		if entry.valued && len(parts) > 0 {
			last := parts[len(parts)-1]
			valued = append([]*savedStatement{last}, valued[:min(len(valued), keptValues-1)]...)
			last.shown = valued
			for k, from := range valued {
				shown[valueName(k)] = from
			}
		}
	}
	return all
}

// splitEntry returns the statements of an entry, with the comments before them; nil if it doesn't parse.
func splitEntry(entry worked) []*savedStatement {
	file, err := dialect.Parse("", entry.text, 0)
	if err != nil {
		return nil
	}
	lines := strings.SplitAfter(entry.text, "\n")
	var parts []*savedStatement
	from, last := 1, 0 // lines
	for i, stmt := range file.Stmts {
		_, end := stmt.Span()
		last = max(last, int(end.Line))
		if i+1 < len(file.Stmts) {
			if start, _ := file.Stmts[i+1].Span(); int(start.Line) <= last {
				continue
			}
		}
		text := strings.Join(lines[from-1:min(last, len(lines))], "")
		from = last + 1
		part, err := dialect.Parse("", text, 0)
		if err != nil {
			return nil
		}
		saved := &savedStatement{text: text, stmts: part.Stmts, switched: entry.switched, deeds: make([]deed, len(part.Stmts))}
		if len(entry.deeds) > i {
			copy(saved.deeds, entry.deeds[i+1-len(part.Stmts):])
		}
		parts = append(parts, saved)
	}
	return parts
}

// begunPart returns the first statements of an entry; empty for none.
func begunPart(text string, statements int) string {
	if statements == 0 {
		return ""
	}
	file, err := dialect.Parse("", text, 0)
	if err != nil || statements >= len(file.Stmts) {
		return ""
	}
	start, _ := file.Stmts[statements].Span()
	return strings.TrimRight(text[:offsetOf(text, lineOffsets(text), start)], "; \t\n") + "\n"
}

// halfway returns the statement of an entry that failed after so many others, if it has several steps: a block, or a call of a
// function of the session. Otherwise it is empty.
func (p *prompt) halfway(text string, completed int) string {
	file, err := dialect.Parse("", text, 0)
	if err != nil || completed >= len(file.Stmts) {
		return ""
	}
	stmt, steps := file.Stmts[completed], false
	syntax.Walk(stmt, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ForStmt, *syntax.IfStmt, *syntax.WhileStmt, *syntax.Comprehension:
			steps = true
		case *syntax.CallExpr:
			if id, ok := n.Fn.(*syntax.Ident); ok {
				_, defined := p.session.Get(id.Name).(*starlark.Function)
				steps = steps || defined
			}
		}
		return true
	})
	if _, def := stmt.(*syntax.DefStmt); def || !steps {
		return ""
	}
	start, end := stmt.Span()
	offsets := lineOffsets(text)
	return text[offsetOf(text, offsets, start):offsetOf(text, offsets, end)]
}

// look sets names, idents, uses, binds and later.
func (e *savedStatement) look() {
	e.later = make(map[*syntax.Ident]bool)
	e.names, e.uses, e.binds, e.values = make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]*savedStatement)
	file := &syntax.File{Stmts: e.stmts, Options: &dialect}
	_ = resolve.File(file, func(string) bool { return true }, starlark.Universe.Has) // its statements worked
	stored := make(map[*syntax.Ident]bool)
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.AssignStmt:
			if n.Op == syntax.EQ {
				storedIn(n.LHS, stored)
			} else if id, ok := n.LHS.(*syntax.Ident); ok && isOfSession(id) { // x += 1 needs the value as well
				e.binds[id.Name] = true
			}
		case *syntax.ForStmt:
			storedIn(n.Vars, stored)
		case *syntax.DefStmt:
			stored[n.Name] = true
		case *syntax.LoadStmt:
			for _, to := range n.To {
				stored[to] = true
			}
		}
		return true
	})
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.DefStmt:
			e.within(n.Body)
		case *syntax.LambdaExpr:
			e.within([]syntax.Stmt{&syntax.ReturnStmt{Result: n.Body}})
		}
		id, ok := n.(*syntax.Ident)
		if !ok {
			return true
		}
		if e.names[id.Name] = true; isOfSession(id) {
			e.idents = append(e.idents, id)
			if stored[id] {
				e.binds[id.Name] = true
			} else {
				e.uses[id.Name] = true
			}
		}
		return true
	})
}

// within adds the names in the body of a function to later.
func (e *savedStatement) within(body []syntax.Stmt) {
	for _, stmt := range body {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok {
				e.later[id] = true
			}
			return true
		})
	}
}

// isOfSession reports whether a name is one of the session, or of the host.
func isOfSession(id *syntax.Ident) bool {
	binding, ok := id.Binding.(*resolve.Binding)
	return ok && (binding.Scope == resolve.Global || binding.Scope == resolve.Predeclared)
}

// storedIn adds the names that a target of an assignment assigns.
func storedIn(target syntax.Expr, stored map[*syntax.Ident]bool) {
	switch target := target.(type) {
	case *syntax.Ident:
		stored[target] = true
	case *syntax.ParenExpr:
		storedIn(target.X, stored)
	case *syntax.TupleExpr:
		for _, x := range target.List {
			storedIn(x, stored)
		}
	case *syntax.ListExpr:
		for _, x := range target.List {
			storedIn(x, stored)
		}
	}
}

// onlyLooks reports whether an entry does nothing in a script: an expression that only looks, a call that needs a person,
// or one of the prompt's functions.
func (e *savedStatement) onlyLooks() bool {
	for i, stmt := range e.stmts {
		expr, ok := stmt.(*syntax.ExprStmt)
		if !ok {
			return false
		}
		if e.deeds[i] == acts && calls(expr.X) && !callsPrompt(expr.X) {
			return false
		}
	}
	return true
}

// callsPrompt reports whether an expression is a call of a function that only the prompt has.
func callsPrompt(x syntax.Expr) bool {
	call, ok := x.(*syntax.CallExpr)
	if !ok {
		return false
	}
	id, ok := call.Fn.(*syntax.Ident)
	return ok && (id.Name == "help" || id.Name == "watch")
}

// sitting returns the statements of entries that are calls of a shell or a console.
func sitting(entries []worked) []string {
	var out []string
	for _, entry := range entries {
		for _, e := range splitEntry(entry) {
			if slices.Contains(e.deeds, sits) {
				out = append(out, strings.TrimSpace(e.text))
			}
		}
	}
	return out
}
