package repl

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"incus-star/errors"
	"incus-star/starlarkincus/internal/atomicfile"
	"incus-star/starlarkincus/internal/printable"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A worked is an entry that had no error.
type worked struct {
	text   string
	valued bool // it has a value
}

// save writes the session's entries as a script, unless there is such a file.
func (p *prompt) save(_ context.Context, path string) error { return p.write(path, false) }

// saveOver writes the script in any case.
func (p *prompt) saveOver(_ context.Context, path string) error { return p.write(path, true) }

func (p *prompt) write(path string, replace bool) error {
	if p.ReadOnly {
		return usage("nothing is written with --read-only")
	}
	text := scriptOf(p.worked, path)
	if text == "" {
		return usage("no entry has done anything yet")
	}
	if err := writeScript(path, text, replace); errors.Is(err, fs.ErrExist) {
		return usage("there is %s already: :save! replaces it", printable.Line(path))
	} else if err != nil {
		return err
	}
	if p.Check != nil {
		for _, finding := range p.Check(path) {
			if err := p.say("%s", printable.Text(finding)); err != nil {
				return err
			}
		}
	}
	return p.say("wrote %s", printable.Line(path))
}

func writeScript(path, text string, replace bool) error {
	if replace {
		return atomicfile.Write(path, []byte(text), atomicfile.Mode{Perm: 0o644})
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// scriptOf returns a script of entries, for a path; empty for none. What only the prompt has becomes what scripts have: a
// value that a later entry calls _ or _1 gets a name, and so does another client that incus stands for. Entries that only
// look at a value or at the help are left out.
func scriptOf(entries []worked, path string) string {
	s := saver{folder: filepath.Dir(path), used: make(map[string]bool), names: make(map[string]string), named: make(map[int]string)}
	parsed := make([]*savedEntry, len(entries))
	var valued []int
	for i, e := range entries {
		options := syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true, LoadBindsGlobally: true}
		file, err := options.Parse("", e.text, 0)
		if err != nil {
			continue
		}
		parsed[i] = &savedEntry{text: e.text, file: file, values: make(map[string]int)}
		parsed[i].look(s.used)
		for k := range keptValues {
			if name := valueName(k); parsed[i].free[name] && k < len(valued) {
				parsed[i].values[name] = valued[len(valued)-1-k]
			}
		}
		if e.valued {
			valued = append(valued, i)
		}
	}
	needed := make([]bool, len(entries))
	for i, e := range slices.Backward(parsed) {
		if e != nil && (needed[i] || !e.onlyLooks()) {
			for _, from := range e.values {
				needed[from] = true
			}
		}
	}
	for i := range entries {
		if needed[i] {
			s.named[i] = s.name("value")
		}
	}
	var out strings.Builder
	for i, e := range parsed {
		if e == nil || e.onlyLooks() && s.named[i] == "" || e.free["err_"] {
			continue
		}
		if text := s.rewrite(i, e); text != "" {
			out.WriteString(text)
		}
	}
	if out.Len() == 0 {
		return ""
	}
	return "#!/usr/bin/env incus-star\n" + out.String()
}

// clientName is the name of the module.
const clientName = "incus"

// A saver rewrites entries for a script.
type saver struct {
	folder string
	used   map[string]bool
	names  map[string]string // of the client that incus stands for, and its methods
	named  map[int]string    // the names of the values of entries
	loads  []string
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

// An edit replaces the text between two offsets.
type edit struct {
	from, to int
	text     string
}

// rewrite returns the text of an entry in the script.
func (s *saver) rewrite(i int, e *savedEntry) string {
	var edits []edit
	offsets := lineOffsets(e.text)
	at := func(pos syntax.Position) int { return offsetOf(e.text, offsets, pos) }
	renamed := make(map[string]string, len(s.names))
	for name, to := range s.names {
		if e.free[name] {
			renamed[name] = to
		}
	}
	for name, from := range e.values {
		renamed[name] = s.named[from]
	}
	var assigned *syntax.Ident
	for _, stmt := range e.file.Stmts {
		switch stmt := stmt.(type) {
		case *syntax.AssignStmt:
			if id, ok := stmt.LHS.(*syntax.Ident); ok && id.Name == clientName {
				assigned = id
			}
		case *syntax.LoadStmt:
			from, to := at(stmt.Load), at(stmt.Rparen)+1
			if text := e.text[from:to]; slices.Contains(s.loads, text) {
				edits = append(edits, edit{from, to, "pass"})
				continue
			}
			s.loads = append(s.loads, e.text[from:to])
			if module := s.module(stmt.ModuleName()); module != stmt.ModuleName() {
				edits = append(edits, edit{at(stmt.Module.TokenPos), at(stmt.Module.TokenPos) + len(stmt.Module.Raw), starlark.String(module).String()})
			}
		}
	}
	syntax.Walk(e.file, func(n syntax.Node) bool {
		if _, ok := n.(*syntax.LoadStmt); ok {
			return false
		}
		if id, ok := n.(*syntax.Ident); ok && id != assigned && renamed[id.Name] != "" && !isOwnName(e.file, id) {
			edits = append(edits, edit{at(id.NamePos), at(id.NamePos) + len(id.Name), renamed[id.Name]})
		}
		return true
	})
	if assigned != nil {
		name := s.name("client")
		edits = append(edits, edit{at(assigned.NamePos), at(assigned.NamePos) + len(clientName), name})
		s.names[clientName], s.names["lock"] = name, name+".lock"
	}
	if name := s.named[i]; name != "" {
		start, _ := e.file.Stmts[len(e.file.Stmts)-1].Span()
		edits = append(edits, edit{at(start), at(start), name + " = "})
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(cmp.Compare(b.from, a.from), cmp.Compare(b.to, a.to)) })
	text := e.text
	for _, c := range edits {
		text = text[:c.from] + c.text + text[c.to:]
	}
	return strings.TrimRight(text, " \t\n") + "\n"
}

// isOwnName reports whether a name is that of an argument, or of an attribute.
func isOwnName(file *syntax.File, id *syntax.Ident) bool {
	found := false
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			for _, arg := range n.Args {
				if named, ok := arg.(*syntax.BinaryExpr); ok && named.Op == syntax.EQ && named.X == id {
					found = true
				}
			}
		case *syntax.DotExpr:
			found = found || n.Name == id
		}
		return !found
	})
	return found
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

func lineOffsets(text string) []int {
	offsets := []int{0}
	for i, c := range []byte(text) {
		if c == '\n' {
			offsets = append(offsets, i+1)
		}
	}
	return offsets
}

// offsetOf returns the offset of a position, whose column counts characters.
func offsetOf(text string, lines []int, pos syntax.Position) int {
	at := lines[min(int(pos.Line)-1, len(lines)-1)]
	for range pos.Col - 1 {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// reload runs the load statements of the session again, for the files that have changed.
func (p *prompt) reload(ctx context.Context, _ string) error {
	var loads []string
	for _, e := range p.worked {
		file, err := (&syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}).Parse("", e.text, 0)
		if err != nil {
			continue
		}
		for _, stmt := range file.Stmts {
			if load, ok := stmt.(*syntax.LoadStmt); ok {
				offsets := lineOffsets(e.text)
				text := e.text[offsetOf(e.text, offsets, load.Load) : offsetOf(e.text, offsets, load.Rparen)+1]
				loads = append(slices.DeleteFunc(loads, func(other string) bool { return other == text }), text)
			}
		}
	}
	if len(loads) == 0 {
		return usage("nothing was loaded yet")
	}
	before := p.Host.Reloads()
	if _, err := p.eval(ctx, strings.Join(loads, "\n")); err != nil {
		return err
	}
	if p.Host.Reloads() == before {
		return p.say("nothing has changed")
	}
	return nil
}
