// Package check finds mistakes in scripts without running them, and formats scripts.
//
// [Run] checks the syntax, loads, names, attributes, arguments and types of files, and reports only certain mistakes.
// [Format] returns a script in its standard format.
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

// Options describe the environment in which scripts will run.
type Options struct {
	// LibraryPath is passed to host.Options.
	LibraryPath []string
	// Names are additional predeclared names, with values of unknown type.
	Names []string
}

// A Finding is one mistake.
type Finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"` // counted from 1, in characters
	Message string `json:"message"`
	// Suggestion, if not empty, is the likely replacement for the name at the position.
	Suggestion string `json:"suggestion,omitempty"`
}

func (f Finding) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Suggestion != "" {
		dot := ""
		if strings.Contains(f.Message, " has no .") {
			dot = "." // as in the message of a run
		}
		text += fmt.Sprintf(" (did you mean %s%s?)", dot, f.Suggestion)
	}
	return text
}

// Run checks files and returns the findings, sorted by position. The error lists the files that can't be read.
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

// A checker is the state that the checks of several files share.
type checker struct {
	scripts, tests *host.Host // with the predeclared names of scripts and of tests
	client         *starlarkincus.Client
	modules        map[string]*module // by path
	members        members

	methods      map[*spec.Method]*signature
	declared     map[string]*declare.Decl // names of scripts and tests, including members of libraries
	builtins     map[string]*signature    // signatures of the host's functions, built on demand
	libraries    map[string][]string      // the host's libraries and their members
	unknownNames map[string]bool          // Options.Names
	names        *host.Session            // resolves predeclared names of scripts

	harmless map[syntax.Node]bool // functions for which provokes is false
	visits   int                  // counts the functions that were followed from calls
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
		client: client, unknownNames: unknownNames, modules: make(map[string]*module), members: make(members),
		methods: make(map[*spec.Method]*signature), declared: declared, builtins: make(map[string]*signature), libraries: make(map[string][]string),
		harmless: make(map[syntax.Node]bool),
		scripts:  host.New(host.Options{Predeclared: names, LibraryPath: o.LibraryPath}),
		tests:    host.New(host.Options{Predeclared: testNames, LibraryPath: o.LibraryPath}),
	}
	c.names = c.scripts.NewSession()
	for _, name := range slices.Sorted(maps.Keys(host.Declarations())) {
		if library, member, ok := strings.Cut(name, "."); ok {
			c.libraries[library] = append(c.libraries[library], member)
		}
	}
	return c
}

// A module is one checked file.
type module struct {
	*checker
	path       string
	unreadable error // the failure to read the file
	wrong      []Finding
	file       *syntax.File // nil after a syntax error
	unresolved bool         // has undefined names
	lines      []string
	info       fs.FileInfo
	loadings   []*loading // set by loads
	facts      *facts     // set by collectFacts
	collecting bool       // collectFacts is running
}

// module returns the module of a file, which is read once.
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

// parse parses the text and resolves its names. Tests have more predeclared names than scripts. A file that only
// defines names may use those of tests too, because tests may load it.
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

// suggestion splits a message into its text and its suggestion.
func suggestion(message string) (text, near string) {
	text, rest, ok := strings.Cut(message, " (did you mean ")
	if !ok {
		return message, ""
	}
	return text, strings.TrimSuffix(rest, "?)")
}

// definesOnly reports whether a file's top level has only loads, definitions and assignments.
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

// isLibrary reports whether a file is meant to be loaded: its top level only defines names, without using incus.
func isLibrary(file *syntax.File) bool {
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

// findings checks the file and returns its findings.
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
