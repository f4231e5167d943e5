package host

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"incus-star/starlarkincus/builtin"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A Session evaluates a prompt's entries, one after the other, in one set of names. Close it at its end.
//
// Each statement of an entry is a program of its own, with the session's names predeclared. So a function uses the values
// that names have when it is called, not when it was defined. The exception is a name that a statement itself assigns to:
// functions of earlier statements see the assignments of a loop at the top level only after the loop.
type Session struct {
	host    *Host
	names   starlark.StringDict // functions of earlier entries look names up in it
	entries int
	done    int    // how many statements of the last entry have run to their end
	typed   []bool // whether each of them connected the terminal with a shell or a console

	left leftovers
}

// NewSession returns a session with the host's names.
func (h *Host) NewSession() *Session {
	return &Session{host: h, names: maps.Clone(h.predeclared)}
}

// Eval runs one entry and returns the value of its last statement, None if that isn't an expression. The statements before a
// failure keep their effect.
func (s *Session) Eval(ctx context.Context, src string) (starlark.Value, error) {
	if !strings.HasSuffix(src, "\n") {
		src += "\n"
	}
	s.done, s.typed = 0, nil
	s.entries++
	name := fmt.Sprintf("<prompt:%d>", s.entries)
	text, err := checkSource(name, []byte(src))
	if err != nil {
		return nil, err
	}
	var v starlark.Value = starlark.None
	err = s.host.withRun(ctx, &s.left, func(r *run) error {
		return r.unfinished(r.main(func(_ *run, thread *starlark.Thread) error {
			v, err = s.eval(thread, name, text)
			return err
		}))
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Completed returns how many statements of the last entry have run to their end.
func (s *Session) Completed() int {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	return s.done
}

// Typed reports for each of these statements whether a call of it connected the terminal with a shell or a console.
func (s *Session) Typed() []bool {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	return slices.Clone(s.typed)
}

// Close makes the calls that entries deferred, the last one first. If ctx has ended, they have the grace period. The error
// is like that of a script. The session may be used, and closed, again.
func (s *Session) Close(ctx context.Context) error {
	return s.host.withRun(ctx, &s.left, func(r *run) error { return r.unfinished(r.callDeferred(nil)) })
}

// Names returns all names that an entry can use, sorted.
func (s *Session) Names() []string {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	names := append(s.names.Keys(), universe()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Get returns the value of a name; nil for an unknown one.
func (s *Session) Get(name string) starlark.Value {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	if v := s.names[name]; v != nil {
		return v
	}
	return starlark.Universe[name]
}

// Set sets the value of a name, such as "_" for the value of the last entry.
func (s *Session) Set(name string, v starlark.Value) {
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	s.names[name] = v
}

func (s *Session) eval(thread *starlark.Thread, name, text string) (starlark.Value, error) {
	h := s.host
	h.sources.Add(name, text)
	options := dialect
	options.LoadBindsGlobally = true
	file, err := options.Parse(name, text, 0)
	if err != nil {
		return nil, h.explain(err, nil, s.names)
	}
	dots(file)
	// Names are resolved for the whole entry before any of it runs. Resolving changes the tree, so it needs one of its own.
	whole, err := options.Parse(name, text, 0)
	if err != nil {
		return nil, err
	}
	if err := resolve.File(whole, s.names.Has, starlark.Universe.Has); err != nil {
		return nil, h.explain(err, whole, s.names)
	}
	assigned := make(map[string]bool)
	for _, stmt := range file.Stmts {
		addAssigned(stmt, assigned)
	}
	var v starlark.Value = starlark.None
	for _, stmt := range file.Stmts {
		before := builtin.Of(thread).Typed
		if v, err = s.exec(thread, file, stmt, assigned); err != nil {
			return nil, h.explain(err, file, s.names)
		}
		s.done++
		s.typed = append(s.typed, builtin.Of(thread).Typed > before)
	}
	return v, nil
}

// exec runs one statement of an entry. Assigned are the names that the entry's statements assign to.
func (s *Session) exec(thread *starlark.Thread, file *syntax.File, stmt syntax.Stmt, assigned map[string]bool) (starlark.Value, error) {
	if expr, ok := stmt.(*syntax.ExprStmt); ok {
		return starlark.EvalExprOptions(file.Options, thread, expr.X, s.names)
	}
	// A name that the statement assigns to is a new global of its program. The program starts with an assignment of the
	// session's value, under a name that no script can write, so that x += 1 finds it.
	own := make(map[string]bool)
	addAssigned(stmt, own)
	single := &syntax.File{Path: file.Path, Options: file.Options}
	for name := range own {
		if v, ok := s.names[name]; ok {
			hidden := hiddenPrefix + name
			s.names[hidden] = v
			defer delete(s.names, hidden)
			pos := syntax.Start(stmt)
			single.Stmts = append(single.Stmts, &syntax.AssignStmt{
				OpPos: pos, Op: syntax.EQ,
				LHS: &syntax.Ident{NamePos: pos, Name: name}, RHS: &syntax.Ident{NamePos: pos, Name: hidden},
			})
		}
	}
	single.Stmts = append(single.Stmts, stmt)
	program, err := starlark.FileProgram(single, func(name string) bool { return s.names.Has(name) || assigned[name] })
	if err != nil {
		return nil, err
	}
	globals, err := program.Init(thread, s.names)
	maps.Copy(s.names, globals)
	return starlark.None, err
}

const hiddenPrefix = "= "

// addAssigned adds the names that a statement assigns to outside of functions.
func addAssigned(stmt syntax.Stmt, names map[string]bool) {
	switch stmt := stmt.(type) {
	case *syntax.AssignStmt:
		addTarget(stmt.LHS, names)
	case *syntax.DefStmt:
		names[stmt.Name.Name] = true
	case *syntax.LoadStmt:
		for _, to := range stmt.To {
			names[to.Name] = true
		}
	case *syntax.ForStmt:
		addTarget(stmt.Vars, names)
		addAllAssigned(stmt.Body, names)
	case *syntax.WhileStmt:
		addAllAssigned(stmt.Body, names)
	case *syntax.IfStmt:
		addAllAssigned(stmt.True, names)
		addAllAssigned(stmt.False, names)
	}
}

func addAllAssigned(stmts []syntax.Stmt, names map[string]bool) {
	for _, stmt := range stmts {
		addAssigned(stmt, names)
	}
}

func addTarget(target syntax.Expr, names map[string]bool) {
	switch target := target.(type) {
	case *syntax.Ident:
		names[target.Name] = true
	case *syntax.ParenExpr:
		addTarget(target.X, names)
	case *syntax.TupleExpr:
		for _, elem := range target.List {
			addTarget(elem, names)
		}
	case *syntax.ListExpr:
		for _, elem := range target.List {
			addTarget(elem, names)
		}
	}
}
