package check

import (
	"os"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus/host"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"
)

// A loading is a load statement with its file.
type loading struct {
	*syntax.LoadStmt
	from *module // nil after an error
	err  error
}

// loads returns a file's load statements. Their files are looked up once.
func (m *module) loads() []*loading {
	if m.loadings == nil {
		m.loadings = make([]*loading, 0)
		syntax.Walk(m.file, func(n syntax.Node) bool {
			if load, ok := n.(*syntax.LoadStmt); ok {
				l := &loading{LoadStmt: load}
				l.from, l.err = m.find(load.ModuleName())
				m.loadings = append(m.loadings, l)
			}
			_, isExpr := n.(syntax.Expr)
			return n != nil && !isExpr
		})
	}
	return m.loadings
}

// loaded returns the file of a load statement; nil if it isn't found.
func (m *module) loaded(load *syntax.LoadStmt) *module {
	for _, l := range m.loads() {
		if l.LoadStmt == load {
			return l.from
		}
	}
	return nil
}

// find returns the file that a load of name reads. A file reached by several paths is one module.
func (m *module) find(name string) (*module, error) {
	path, err := m.scripts.Find(m.path, name)
	if err != nil {
		return nil, err
	}
	if m.modules[path] == nil {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		for _, other := range m.modules {
			if other.info != nil && os.SameFile(info, other.info) {
				return other, nil
			}
		}
	}
	return m.module(path), nil
}

func (m *module) checkLoads() {
	for _, load := range m.loads() {
		pos := load.Module.TokenPos
		other := load.from
		switch {
		case load.err != nil:
			m.report(pos, "", "load: %v", load.err)
		case other.unreadable != nil:
			m.report(pos, "", "load: %v", other.unreadable)
		case other.file == nil || other.unresolved:
			if len(other.wrong) > 0 {
				m.report(pos, "", "load: %s can't run: %s", other.path, other.wrong[0])
			}
		case other.leadsTo(m, nil):
			m.report(pos, "", "load: a cycle: %s loads this file again", other.path)
		case other.hasFlags():
			m.report(pos, "", "flag: %s", host.LoadedFlags(other.path))
		default:
			m.checkLoaded(load, other)
		}
	}
}

// hasFlags reports whether the file's top level calls flag unconditionally.
func (m *module) hasFlags() bool {
	found := false
	for _, stmt := range m.file.Stmts {
		switch stmt.(type) {
		case *syntax.AssignStmt, *syntax.ExprStmt:
		default:
			continue
		}
		syntax.Walk(stmt, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.LambdaExpr, *syntax.CondExpr, *syntax.Comprehension:
				return false
			case *syntax.BinaryExpr:
				return n.Op != syntax.AND && n.Op != syntax.OR
			case *syntax.CallExpr:
				found = found || isNamed(n.Fn, "flag")
			}
			return true
		})
	}
	return found
}

// leadsTo reports whether a file is target, or loads it directly or indirectly.
func (m *module) leadsTo(target *module, seen map[*module]bool) bool {
	if m == target {
		return true
	}
	if seen == nil {
		seen = make(map[*module]bool)
	}
	if m.file == nil || seen[m] {
		return false
	}
	seen[m] = true
	for _, load := range m.loads() {
		if load.from != nil && load.from.leadsTo(target, seen) {
			return true
		}
	}
	return false
}

// checkLoaded checks that a file defines the names loaded from it.
func (m *module) checkLoaded(load *loading, from *module) {
	names := from.globals()
	for _, id := range load.From {
		if names[id.Name] != nil || strings.HasPrefix(id.Name, "_") {
			continue
		}
		var public []string
		for name := range names {
			if !strings.HasPrefix(name, "_") {
				public = append(public, name)
			}
		}
		near := errors.Nearest(id.Name, public)
		if where := from.loadsItself(id.Name); where != "" {
			m.report(id.NamePos, "", "load: %s has no %s of its own: load it from %s", from.path, id.Name, where)
		} else {
			m.report(id.NamePos, near, "load: %s has no %s", from.path, id.Name)
		}
	}
}

// loadsItself returns the module name from which the file itself loads a name; empty if it doesn't.
func (m *module) loadsItself(name string) string {
	for _, load := range m.loads() {
		for _, to := range load.To {
			if to.Name == name {
				return load.ModuleName()
			}
		}
	}
	return ""
}

// globals returns the names that a file defines at its top level.
func (m *module) globals() map[string]*syntax.Ident {
	names := make(map[string]*syntax.Ident)
	if info, ok := m.file.Module.(*resolve.Module); ok {
		for _, binding := range info.Globals {
			names[binding.First.Name] = binding.First
		}
	}
	return names
}
