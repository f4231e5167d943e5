package repl

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"incus-star/starlarkincus"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// scriptOf returns a script of entries, for a path; empty for none. What only the prompt has becomes what scripts have: a
// value that a later entry calls _ or _1 gets a name, and so does the client if it changes. Left out are entries that only
// look at a value or at the help, those that need what only the prompt has, such as err_, and definitions that a later one
// replaced before they were used.
func scriptOf(entries []worked, path string) string {
	all := statementsOf(entries)
	s := saver{folder: filepath.Dir(path), used: make(map[string]bool), renamed: make(map[string]string), bound: make(map[string][]string)}
	for _, e := range all {
		for name := range e.names {
			s.used[name] = true
		}
	}
	variables := plan(all)
	var out strings.Builder
	for _, e := range all {
		if e.kept && e.value {
			e.named = s.name("value")
		}
	}
	out.WriteString(s.client(all))
	for _, e := range all {
		if e.kept {
			s.bind(e)
		}
	}
	for _, e := range all {
		if e.kept {
			out.WriteString(s.rewrite(e, variables))
		}
		for _, name := range e.assigned {
			for k, from := range e.shown {
				if valueName(k) == name {
					fmt.Fprintf(&out, "%s = %s\n", name, from.named)
				}
			}
		}
	}
	if out.Len() == 0 {
		return ""
	}
	return "#!/usr/bin/env incus-star\n" + out.String()
}

// clientName is the name of the module.
const clientName = "incus"

// A saver rewrites statements for a script.
type saver struct {
	folder  string
	used    map[string]bool
	renamed map[string]string   // the client that changes, and its methods
	bound   map[string][]string // by what the names are bound
	loads   []string
}

// name returns a name that no entry uses.
func (s *saver) name(prefix string) string {
	for n := 1; ; n++ {
		if name := prefix + strconv.Itoa(n); !s.used[name] {
			s.used[name] = true
			return name
		}
	}
}

// client returns the statement that gives the client a name, if it changes. A script can't assign to incus, of which each
// use would be the new client.
func (s *saver) client(all []*savedStatement) string {
	changes, switched := false, false
	for _, e := range all {
		changes = changes || e.kept && e.binds[clientName]
		switched = switched || e.kept && e.switched
	}
	if !changes {
		return ""
	}
	name := "client"
	if s.used[name] {
		name = s.name(name)
	}
	s.renamed[clientName] = name
	if switched {
		for _, method := range starlarkincus.BareMethods() {
			s.renamed[method] = name + "." + method
		}
	}
	return name + " = " + clientName + "\n"
}

// An edit replaces the text between two offsets.
type edit struct {
	from, to int
	text     string
}

// rewrite returns the text of a statement in the script.
func (s *saver) rewrite(e *savedStatement, variables map[string]bool) string {
	var edits []edit
	offsets := lineOffsets(e.text)
	at := func(pos syntax.Position) int { return offsetOf(e.text, offsets, pos) }
	for _, id := range e.idents {
		to := s.renamed[id.Name]
		if from := e.values[id.Name]; from != nil && !e.binds[id.Name] && !(e.later[id] && variables[id.Name]) {
			to = from.named
		}
		if to != "" {
			edits = append(edits, edit{at(id.NamePos), at(id.NamePos) + len(id.Name), to})
		}
	}
	for _, stmt := range e.stmts {
		if load, ok := stmt.(*syntax.LoadStmt); ok {
			text := s.load(load)
			if text == "" && len(e.stmts) > 1 {
				text = "pass"
			}
			edits = append(edits, edit{at(load.Load), at(load.Rparen) + 1, text})
		}
	}
	if e.named != "" {
		start, _ := e.stmts[len(e.stmts)-1].Span()
		edits = append(edits, edit{at(start), at(start), e.named + " = "})
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(cmp.Compare(b.from, a.from), cmp.Compare(b.to, a.to)) })
	text := e.text
	for _, c := range edits {
		text = text[:c.from] + c.text + text[c.to:]
	}
	if text = strings.TrimRight(text, " \t\n"); text == "" {
		return ""
	}
	return e.before() + text + "\n"
}

// bind records by what a statement binds its names: for a load, by that of a name of a file.
func (s *saver) bind(e *savedStatement) {
	add := func(name, by string) {
		if !slices.Contains(s.bound[name], by) {
			s.bound[name] = append(s.bound[name], by)
		}
	}
	loaded := make(map[string]bool)
	for _, stmt := range e.stmts {
		if load, ok := stmt.(*syntax.LoadStmt); ok {
			for i, to := range load.To {
				loaded[to.Name] = true
				add(to.Name, load.From[i].Name+" of "+load.ModuleName())
			}
		}
	}
	for name := range e.binds {
		if !loaded[name] || e.values[name] != nil {
			add(name, "a statement")
		}
	}
	for _, name := range e.assigned {
		add(name, "a statement")
	}
}

// load returns the text of a load statement; empty for one that is there already. A name that something else binds as well
// is loaded under another one, because a loaded name is one of the whole file.
func (s *saver) load(load *syntax.LoadStmt) string {
	text := "load(" + starlark.String(s.module(load.ModuleName())).String()
	assigned := ""
	for i, to := range load.To {
		name := to.Name
		if len(s.bound[name]) > 1 {
			name = s.name("loaded")
			assigned += "\n" + to.Name + " = " + name
		}
		text += ", "
		if from := load.From[i].Name; from != name {
			text += name + " = "
		}
		text += starlark.String(load.From[i].Name).String()
	}
	text += ")"
	if assigned == "" && slices.Contains(s.loads, text) {
		return ""
	}
	s.loads = append(s.loads, text)
	return text + assigned
}

// module returns the path of a loaded file, relative to the script's folder.
func (s *saver) module(name string) string {
	path, err := filepath.Abs(filepath.FromSlash(name))
	if err != nil || filepath.IsAbs(name) {
		return name
	}
	if _, err := os.Stat(path); err != nil {
		return name // in a folder of libraries
	}
	folder, err := filepath.Abs(s.folder)
	if err != nil {
		return name
	}
	if relative, err := filepath.Rel(folder, path); err == nil {
		return filepath.ToSlash(relative)
	}
	return name
}
