// Package check finds mistakes in scripts without running them, and formats scripts.
//
// [Run] checks files: that they parse and load what there is, and that the methods, attributes and arguments that they
// use exist, where that is certain. What it can't be sure of it passes over. [Format] is a script's text in its usual
// form.
package check

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"incus-star/errors"
	"incus-star/starlarkincus"
	declare "incus-star/starlarkincus/builtin"
	"incus-star/starlarkincus/host"
	"incus-star/starlarkincus/internal/input"
	"incus-star/starlarkincus/report"
	"incus-star/starlarkincus/spec"
	"incus-star/starlarkincus/suite"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Options say how scripts will run.
type Options struct {
	// LibraryPath is that of host.Options.
	LibraryPath []string
	// Names are those that scripts have besides the usual ones, of whose values nothing is known.
	Names []string
}

// A Finding is one mistake.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"` // counted from 1, in characters
	Message string `json:"message"`
	// Suggestion is what was probably meant, to put in place of the name at the position; empty for none.
	Suggestion string `json:"suggestion,omitempty"`
}

func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Suggestion != "" {
		dot := ""
		if strings.Contains(f.Message, " has no .") {
			dot = "." // as a run says it
		}
		text += fmt.Sprintf(" (did you mean %s%s?)", dot, f.Suggestion)
	}
	return text
}

// Run checks files and gives what is wrong with them, sorted. Its error is about the files that can't be read.
func Run(files []string, o Options) ([]Finding, error) {
	c := newChecker(o)
	var found []Finding
	var unreadable []error
	var modules []*module
	for _, path := range files {
		m := c.module(path)
		if m.unreadable != nil {
			unreadable = append(unreadable, m.unreadable)
			continue
		}
		modules = append(modules, m)
	}
	for _, m := range modules {
		found = append(found, m.findings()...)
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(found), errors.Join(unreadable...)
}

// A checker is what the check of several files shares.
type checker struct {
	scripts, tests *host.Host // with the names that scripts have, and that tests have
	client         *starlarkincus.Client
	modules        map[string]*module // by path
	members        members
	clientAttrs    map[string]*attribute
	methods        map[*spec.Method]*signature
	declared       map[string]*declare.Decl // the names of scripts and tests, members of libraries included
	builtins       map[string]*signature    // of the host's functions, once they were asked for
	libraries      map[string][]string      // the host's libraries, and what is in them
	unknownNames   map[string]bool          // those of Options.Names
	names          *host.Session            // that knows all names of scripts
}

func newChecker(o Options) *checker {
	client := starlarkincus.New(starlarkincus.Options{})
	declared := make(map[string]*declare.Decl)
	names, testNames := client.Names(), client.Names()
	unknownNames := make(map[string]bool)
	for _, name := range o.Names {
		unknownNames[name] = true
		names[name], testNames[name] = starlark.None, starlark.None
	}
	for _, d := range suite.Names() {
		testNames[d.Name] = starlark.None
		declared[d.Name] = &d
	}
	maps.Copy(declared, host.Declarations())
	c := &checker{
		client: client, unknownNames: unknownNames, modules: make(map[string]*module), members: make(members), clientAttrs: make(map[string]*attribute),
		methods: make(map[*spec.Method]*signature), declared: declared, builtins: make(map[string]*signature), libraries: make(map[string][]string),
		scripts: host.New(host.Options{Predeclared: names, LibraryPath: o.LibraryPath}),
		tests:   host.New(host.Options{Predeclared: testNames, LibraryPath: o.LibraryPath}),
	}
	c.names = c.scripts.NewSession()
	for _, name := range slices.Sorted(maps.Keys(host.Declarations())) {
		if library, member, ok := strings.Cut(name, "."); ok {
			c.libraries[library] = append(c.libraries[library], member)
		}
	}
	return c
}

// A module is one file.
type module struct {
	*checker
	path       string
	unreadable error // why the file's text can't be had
	wrong      []Finding
	file       *syntax.File // nil where it doesn't parse
	unresolved bool         // it parses, but has names that aren't there
	lines      []string
	info       fs.FileInfo
	loadings   []*loading // once they were asked for
	facts      *facts     // likewise
	learning   bool       // the facts are being collected
}

// module reads a file, once.
func (c *checker) module(path string) *module {
	if m := c.modules[path]; m != nil {
		return m
	}
	m := &module{checker: c, path: path}
	c.modules[path] = m
	src, err := input.File(context.Background(), path, input.Script)
	if err == nil {
		m.info, err = os.Stat(path)
	}
	if err != nil {
		m.unreadable = err
		return m
	}
	m.parse(src)
	return m
}

// parse parses the text and resolves its names. A test has more names than a script; a file with definitions alone may
// be for tests to load.
func (m *module) parse(src []byte) {
	m.lines = strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(string(src), "\ufeff")), "\n")
	isTest := strings.HasSuffix(m.path, suite.Suffix)
	parser := m.scripts
	if isTest {
		parser = m.tests
	}
	file, err := parser.Parse(m.path, src)
	if err != nil && !isTest {
		if library, failed := m.tests.Parse(m.path, src); failed == nil && definesOnly(library) {
			file, err = library, nil
		}
	}
	var parse syntax.Error
	var names resolve.ErrorList
	switch {
	case err == nil:
		m.file = file
	case errors.As(err, &parse):
		m.report(parse.Pos, "", "%s", parse.Msg)
	case errors.As(err, &names):
		m.file, m.unresolved = file, true
		for _, e := range names {
			message, near := suggestion(e.Msg)
			m.report(e.Pos, near, "%s", message)
		}
	default:
		m.unreadable = err
	}
}

// suggestion parts a message from what it says was probably meant.
func suggestion(message string) (text, near string) {
	text, rest, ok := strings.Cut(message, " (did you mean ")
	if !ok {
		return message, ""
	}
	return text, strings.TrimSuffix(rest, "?)")
}

// definesOnly says whether a file's top level only loads and defines.
func definesOnly(file *syntax.File) bool {
	return !slices.ContainsFunc(file.Stmts, func(stmt syntax.Stmt) bool {
		switch stmt := stmt.(type) {
		case *syntax.LoadStmt, *syntax.DefStmt, *syntax.AssignStmt:
			return false
		case *syntax.ExprStmt:
			_, doc := stmt.X.(*syntax.Literal)
			return !doc
		}
		return true
	})
}

// forOthers reports whether a file's names are for others to load: it only defines.
func forOthers(file *syntax.File) bool {
	return definesOnly(file) && !slices.ContainsFunc(file.Stmts, func(stmt syntax.Stmt) bool {
		assign, ok := stmt.(*syntax.AssignStmt)
		if !ok {
			return false
		}
		works := false
		syntax.Walk(assign.RHS, func(n syntax.Node) bool {
			if id, ok := n.(*syntax.Ident); ok {
				_, calls := forwarding[id.Name]
				works = works || calls || id.Name == "incus"
			}
			return true
		})
		return works
	})
}

// report adds a finding.
func (m *module) report(pos syntax.Position, suggestion, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if hinted := report.WithHint(message); hinted != message {
		message, suggestion = hinted, ""
	}
	m.wrong = append(m.wrong, Finding{m.path, int(pos.Line), int(pos.Col), message, suggestion})
}

// findings is all that is wrong with the file.
func (m *module) findings() []Finding {
	if m.file != nil {
		for _, e := range host.FlagMistakes(m.file, strings.Join(m.lines, "\n")) {
			m.report(e.Pos, "", "%s", e.Msg)
		}
		m.checkLoads()
		m.checkCode()
	}
	return m.wrong
}
