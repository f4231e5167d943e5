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
	now    map[string]bool            // those that it needs at once, and not only in a function
	binds  map[string]bool            // the session's names that it assigns
	sets   map[string]bool            // those that it assigns in any case, and not only in a branch or a loop
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
	perhaps := make(map[string]func()) // called for a use of the user's own _, which may be the value
	for _, entry := range entries {
		parts := splitEntry(entry)
		for _, e := range parts {
			e.look()
			for name := range e.now {
				if use := perhaps[name]; use != nil {
					use()
				}
			}
			for name := range e.uses {
				if from := shown[name]; from != nil {
					e.values[name] = from
				}
			}
			for name := range e.binds { // the user's own _
				if from := shown[name]; from != nil {
					perhaps[name] = func() { e.values[name] = from }
				}
				if e.sets[name] {
					delete(perhaps, name)
				}
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
				delete(perhaps, valueName(k))
			}
		}
	}
	return all
}

// splitEntry returns the statements of an entry, with the comments before them; nil if it doesn't parse.
func splitEntry(entry worked) []*savedStatement {
	text := apart(entry)
	file, err := dialect.Parse("", text, 0)
	if err != nil {
		return nil
	}
	lines := strings.SplitAfter(text, "\n")
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

// apart returns the text of an entry whose statements that need a person are on lines of their own, to be left out alone.
func apart(entry worked) string {
	text := entry.text
	file, err := dialect.Parse("", text, 0)
	if err != nil || len(file.Stmts) != len(entry.deeds) || !slices.Contains(entry.deeds, sits) {
		return text
	}
	offsets := lineOffsets(text)
	for i := len(file.Stmts) - 2; i >= 0; i-- {
		_, end := file.Stmts[i].Span()
		start, _ := file.Stmts[i+1].Span()
		from, to := offsetOf(entry.text, offsets, end), offsetOf(entry.text, offsets, start)
		if slices.Contains(entry.deeds[i:i+2], sits) && strings.Trim(entry.text[from:to], "; \t") == "" {
			text = text[:from] + "\n" + text[to:]
		}
	}
	return text
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

// look sets what the syntax tells of a statement.
func (e *savedStatement) look() {
	e.later, e.values = make(map[*syntax.Ident]bool), make(map[string]*savedStatement)
	for _, names := range []*map[string]bool{&e.names, &e.uses, &e.now, &e.binds, &e.sets} {
		*names = make(map[string]bool)
	}
	file := &syntax.File{Stmts: e.stmts, Options: &dialect}
	_ = resolve.File(file, func(string) bool { return true }, starlark.Universe.Has) // its statements worked
	for _, stmt := range e.stmts {
		e.lookAt(stmt)
	}
}

// lookAt adds what the syntax tells of the next of the statements.
func (e *savedStatement) lookAt(stmt syntax.Stmt) {
	stored, looped := make(map[*syntax.Ident]bool), make(map[*syntax.Ident]bool)
	changed := make(map[*syntax.Ident]bool) // x += 1 needs the value as well
	syntax.Walk(stmt, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.AssignStmt:
			if n.Op == syntax.EQ {
				storedIn(n.LHS, stored)
			} else {
				storedIn(n.LHS, changed)
			}
		case *syntax.ForStmt:
			storedIn(n.Vars, stored)
			inLoop(n, looped)
		case *syntax.DefStmt:
			stored[n.Name] = true
			e.within(n.Body)
		case *syntax.LambdaExpr:
			e.within([]syntax.Stmt{&syntax.ReturnStmt{Result: n.Body}})
		case *syntax.LoadStmt:
			for _, to := range n.To {
				stored[to] = true
			}
		}
		return true
	})
	syntax.Walk(stmt, func(n syntax.Node) bool {
		id, ok := n.(*syntax.Ident)
		if !ok {
			return true
		}
		if e.names[id.Name] = true; !isOfSession(id) {
			return true
		}
		e.idents = append(e.idents, id)
		if stored[id] || changed[id] {
			e.binds[id.Name] = true
		}
		switch {
		case stored[id]:
		case e.later[id]:
			e.uses[id.Name] = true
		case !e.sets[id.Name] && !looped[id]:
			e.uses[id.Name], e.now[id.Name] = true, true
		}
		return true
	})
	switch stmt.(type) {
	case *syntax.AssignStmt, *syntax.DefStmt, *syntax.LoadStmt:
		for _, id := range e.idents {
			if stored[id] || changed[id] {
				e.sets[id.Name] = true
			}
		}
	}
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

// inLoop adds the names in the body of a loop that it assigns to before.
func inLoop(loop *syntax.ForStmt, looped map[*syntax.Ident]bool) {
	vars, names := make(map[*syntax.Ident]bool), make(map[string]bool)
	storedIn(loop.Vars, vars)
	for id := range vars {
		names[id.Name] = true
	}
	for _, stmt := range loop.Body {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok && names[id.Name] {
				looped[id] = true
			}
			return true
		})
	}
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

// onlyLooks reports whether an entry does nothing in a script: an expression that only looks, or a call of one of the
// prompt's functions.
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

// sitting returns the statements of entries that opened a shell or a console.
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
